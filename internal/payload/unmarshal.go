package payload

import "reflect"

// Unmarshal decodes a JSON value of a packet into dst, a pointer, by the rules of encoding/json. A placeholder is replaced
// by a copy of its attachment if the destination is a []byte or an empty interface. A type with an UnmarshalJSON method,
// such as json.RawMessage, receives the text of the placeholder. A [Raw] receives its part of the packet without decoding
// and shares memory with it.
//
// Data must be valid JSON; attachments are all attachments of the packet. The error is a [*ValueError], unless dst is not a
// pointer.
func Unmarshal(data []byte, attachments [][]byte, dst any) error {
	if raw, ok := dst.(*Raw); ok && raw != nil {
		*raw = NewRaw(data, attachments)
		return nil
	}
	if quick(data, dst) {
		return nil
	}
	return unmarshalInto(data, attachments, dst, nil, nil)
}

// quick decodes the most common payload, a string without escapes, which needs only a copy.
func quick(data []byte, dst any) bool {
	s, ok := dst.(*string)
	n := len(data)
	if !ok || s == nil || n < 2 || data[0] != '"' || SkipPlain(data, 1) != n-1 {
		return false
	}
	*s = string(data[1 : n-1])
	return true
}

// unmarshalInto decodes a value. If it has a shape, the value is checked first, by the rules of d.
func unmarshalInto(data []byte, attachments [][]byte, dst any, s *shape, d *Decoding) error {
	var marks []Mark
	if len(attachments) > 0 {
		var bad *SyntaxError
		if marks, bad = FindPlaceholders(nil, data, len(attachments)); bad != nil {
			return &ValueError{Reason: bad.Reason}
		}
	}
	if s != nil {
		var err *ValueError
		if data, err = check(data, marks, s, d); err != nil {
			return err
		}
	}
	if len(marks) == 0 {
		return located(unmarshal(data, dst), data, nil, s)
	}
	if b, ok := dst.(*[]byte); ok && b != nil && marks[0].Num != Around {
		*b = Clone(attachments[marks[0].Num])
		return nil
	}
	// First decode everything but the binary values with encoding/json, then store the binary values in the result.
	without := make([]byte, 0, len(data))
	at := 0
	for _, m := range marks {
		if m.Num != Around {
			without = append(append(without, data[at:m.Start]...), "null"...)
			at = m.End
		}
	}
	if err := unmarshal(append(without, data[at:]...), dst); err != nil {
		return located(err, data, marks, s)
	}
	hideRepeated(data, marks)
	f := filler{data: data, attachments: attachments, marks: marks}
	f.value(SkipSpace(data, 0), reflect.ValueOf(dst).Elem())
	if f.err != nil {
		return f.err
	}
	return nil
}

// located adds the field to the error of an UnmarshalJSON or UnmarshalText method.
func located(err error, data []byte, marks []Mark, s *shape) error {
	if e, ok := err.(*ValueError); ok && e.Err != nil && s != nil {
		if at := locate(data, marks, s); at != nil {
			return at
		}
	}
	return err
}

// misfit returns the reason of a ValueError in the terms of JSON: "want string, got number".
func misfit(t reflect.Type, found string) string {
	var want string
	switch k := t.Kind(); {
	case isBytes(t):
		want = "binary"
	case t == timeType:
		want = "time"
	case k == reflect.Bool:
		want = "boolean"
	case found == "number" && reflect.Int <= k && k <= reflect.Float64:
		return "want " + k.String() + ", got a number that does not fit"
	case reflect.Int <= k && k <= reflect.Uintptr:
		want = "integer"
	case k == reflect.Float32 || k == reflect.Float64:
		want = "number"
	case k == reflect.String:
		want = "string"
	case k == reflect.Slice || k == reflect.Array:
		want = "array"
	case k == reflect.Struct || k == reflect.Map:
		want = "object"
	default:
		want = t.String()
	}
	if found == "bool" {
		found = "boolean"
	}
	return "want " + want + ", got " + found
}
