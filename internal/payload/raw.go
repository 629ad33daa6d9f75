package payload

import "bytes"

// Raw is one argument in the packets' own form; applications know it as parser.Raw. Given to [MarshalEvent] or
// [MarshalArgs] it is passed through without being decoded, encoded or copied more than once; when several arguments carry
// attachments they are renumbered.
//
// JSON must be valid, which is not checked again. Empty stands for null. Attachments are not copied and must not be
// changed afterwards.
//
// As the destination of [Unmarshal], or of a field in it, a Raw takes the value as it came: an application that only
// passes a value on need not know its type.
type Raw struct {
	JSON        []byte
	Attachments [][]byte
}

// NewRaw returns one value of a packet together with the attachments that it refers to, out of all that the packet has.
// The result shares memory with both.
func NewRaw(value []byte, attachments [][]byte) Raw {
	if len(attachments) == 0 {
		return Raw{JSON: value}
	}
	var few [8]Mark
	marks, err := FindPlaceholders(few[:0], value, len(attachments))
	if err != nil {
		// Not from a decoder. Kept as it is, so that it is refused when it is encoded.
		return Raw{JSON: value, Attachments: attachments}
	}
	var (
		own     [][]byte
		ordered = true
	)
	for _, m := range marks {
		if m.Num != Around {
			ordered = ordered && m.Num == len(own)
			own = append(own, attachments[m.Num])
		}
	}
	if !ordered {
		var next int
		value = renumber(nil, value, marks, func(int) int { next++; return next - 1 })
	}
	return Raw{JSON: value, Attachments: own}
}

// MarshalJSON returns the argument's JSON text. An argument with attachments has none that would be complete.
func (r Raw) MarshalJSON() ([]byte, error) {
	switch {
	case len(r.Attachments) > 0:
		return nil, errRawAttachments
	case len(r.JSON) == 0:
		return []byte("null"), nil
	}
	return r.JSON, nil
}

// UnmarshalJSON takes a copy of the text, without attachments.
func (r *Raw) UnmarshalJSON(text []byte) error {
	*r = Raw{JSON: bytes.Clone(text)}
	return nil
}
