package payload

import "reflect"

// Unmarshal decodes one JSON value of a packet into dst, a pointer, by the rules of encoding/json. A placeholder becomes
// the attachment that it names, copied, where the destination is a []byte or an empty interface. A type with an
// UnmarshalJSON method of its own, json.RawMessage among them, is given the placeholder's text. A [Raw] takes its part
// of the packet as it is and shares memory with it.
//
// Data must be valid JSON; attachments are all those of the packet. The error is a [*ValueError], except for a dst that
// is no pointer.
func Unmarshal(data []byte, attachments [][]byte, dst any) error {
	switch dst := dst.(type) {
	case *Raw:
		if dst != nil {
			*dst = NewRaw(data, attachments)
			return nil
		}
	case *string:
		// The most common payload: nothing to do but to copy it.
		if n := len(data); dst != nil && n >= 2 && data[0] == '"' && SkipPlain(data, 1) == n-1 {
			*dst = string(data[1 : n-1])
			return nil
		}
	}
	if len(attachments) == 0 {
		return unmarshal(data, dst)
	}
	marks, bad := FindPlaceholders(nil, data, len(attachments))
	switch {
	case bad != nil:
		return &ValueError{Reason: bad.Reason}
	case len(marks) == 0:
		return unmarshal(data, dst)
	}
	if b, ok := dst.(*[]byte); ok && b != nil && marks[0].Num != Around {
		*b = Clone(attachments[marks[0].Num])
		return nil
	}
	// All but the binary values first, by encoding/json alone, then the binary values into what it made.
	without := make([]byte, 0, len(data))
	at := 0
	for _, m := range marks {
		if m.Num != Around {
			without = append(append(without, data[at:m.Start]...), "null"...)
			at = m.End
		}
	}
	if err := unmarshal(append(without, data[at:]...), dst); err != nil {
		return err
	}
	hideRepeated(data, marks)
	f := filler{data: data, attachments: attachments, marks: marks}
	f.value(SkipSpace(data, 0), reflect.ValueOf(dst).Elem())
	if f.err != nil {
		return f.err
	}
	return nil
}

// misfit says what a type wants, in the words of JSON.
func misfit(t reflect.Type, found string) string {
	var want string
	switch k := t.Kind(); {
	case isBytes(t):
		want = "binary"
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
