package payload

import "bytes"

// Raw is one argument without decoding: its JSON text and its attachments. Package parser exports it as parser.Raw.
// [MarshalEvent] and [MarshalArgs] copy it into the payload once. If several arguments have attachments, their placeholders
// are renumbered.
//
// JSON must be valid; this is not checked. An empty JSON stands for null. Attachments are not copied and must not be
// changed afterwards.
//
// As the destination of [Unmarshal], or as a field in it, a Raw receives the value without decoding. An application can so
// pass on values whose type it does not know.
type Raw struct {
	JSON        []byte
	Attachments [][]byte
}

// NewRaw returns a value of a packet with those of the packet's attachments that it refers to. The result shares memory
// with both arguments.
func NewRaw(value []byte, attachments [][]byte) Raw {
	if len(attachments) == 0 {
		return Raw{JSON: value}
	}
	var few [8]Mark
	marks, err := FindPlaceholders(few[:0], value, len(attachments))
	if err != nil {
		// The value is not from a decoder. It stays unchanged, and encoding it will return an error.
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

// MarshalJSON returns the JSON text. It returns an error for a Raw with attachments, which the text would not contain.
func (r Raw) MarshalJSON() ([]byte, error) {
	switch {
	case len(r.Attachments) > 0:
		return nil, errRawAttachments
	case len(r.JSON) == 0:
		return []byte("null"), nil
	}
	return r.JSON, nil
}

// UnmarshalJSON copies the text. The Raw has no attachments.
func (r *Raw) UnmarshalJSON(text []byte) error {
	*r = Raw{JSON: bytes.Clone(text)}
	return nil
}
