package payload

import (
	"bytes"
	"strconv"
)

// Mark is the position in a JSON text of a placeholder, or of an array or object that contains one.
type Mark struct {
	// Start is the offset of the value. End is the offset behind it, for placeholders only.
	Start, End int

	// Num is the index of the placeholder's attachment, or Around.
	Num int

	hidden bool // a later member of the same object has the same key; set by hideRepeated
}

// Around is the Num of a Mark for an array or object that contains a placeholder.
const Around = -1

// MaxAttachments is the largest number of attachments of a packet. The JSON parser writes at most four digits.
const MaxAttachments = 9_999

// FindPlaceholders walks a validated JSON text with n attachments. It appends to marks the placeholders, and the arrays and
// objects that contain them, in the order in which they start.
//
// A placeholder is an object whose "_placeholder" is true. If the key is repeated, the last one counts, as in JavaScript.
// Its "num" must be the decimal index of an attachment. Two references to the same attachment are an error: no encoder
// writes them, and a receiver that copies attachments would need memory for each.
func FindPlaceholders(marks []Mark, data []byte, n int) ([]Mark, *SyntaxError) {
	var (
		levels [8]level
		stack  = levels[:0]
		few    [1]uint64
		seen   = few[:] // bit set of the attachments that were found
		last   = 0      // offset behind the last placeholder
	)
	for i := 0; i < len(data); {
		top := len(stack) - 1
		switch c := data[i]; c {
		case '{', '[':
			if top >= 0 {
				stack[top].value(nil)
			}
			stack = append(stack, level{start: i, object: c == '{', key: c == '{', num: -1})
			i++
		case '}', ']':
			i++
			if top < 0 {
				return marks, nil
			}
			l := stack[top]
			stack = stack[:top]
			if !l.placeholder {
				continue
			}
			if l.num < 0 || l.num >= n || l.start < last {
				return nil, &SyntaxError{"illegal attachment reference", l.start}
			}
			for l.num>>6 >= len(seen) {
				seen = append(seen, 0)
			}
			bit := uint64(1) << (l.num & 63)
			if seen[l.num>>6]&bit != 0 {
				return nil, &SyntaxError{"attachment is referred to twice", l.start}
			}
			seen[l.num>>6] |= bit
			for j := range stack {
				if !stack[j].marked {
					stack[j].marked = true
					marks = append(marks, Mark{Start: stack[j].start, Num: Around})
				}
			}
			marks = append(marks, Mark{Start: l.start, End: i, Num: l.num})
			last = i
		case '"':
			end := min(SkipString(data, i), len(data))
			if top >= 0 && stack[top].key {
				stack[top].name = keyName(data[i:end])
				stack[top].key = false
			} else if top >= 0 {
				stack[top].value(nil)
			}
			i = end
		case ',':
			if top >= 0 {
				stack[top].key = stack[top].object
			}
			i++
		case ':', ' ', '\t', '\n', '\r':
			i++
		default:
			start := i
			for i < len(data) && !isDelimiter(data[i]) {
				i++
			}
			if top >= 0 {
				stack[top].value(data[start:i])
			}
		}
	}
	return marks, nil
}

// level is an open array or object.
type level struct {
	start       int
	object      bool
	key         bool // the next string is a key
	name        name // of the last key
	placeholder bool
	num         int // the value of "num"; -1 unless it is a small decimal number
	marked      bool
}

type name byte

const (
	nameOther name = iota
	namePlaceholder
	nameNum
)

// keyName recognizes the two keys of a placeholder, also when they are written with escapes.
func keyName(quoted []byte) name {
	if bytes.IndexByte(quoted, '\\') >= 0 {
		s, err := Unquote(quoted)
		if err != nil {
			return nameOther
		}
		quoted = []byte(`"` + s + `"`)
	}
	switch string(quoted) {
	case `"_placeholder"`:
		return namePlaceholder
	case `"num"`:
		return nameNum
	}
	return nameOther
}

// value records the value of the current key. token is nil for a string, an array or an object.
func (l *level) value(token []byte) {
	switch l.name {
	case namePlaceholder:
		l.placeholder = string(token) == "true"
	case nameNum:
		l.num = -1
		if n := len(token); n > 0 && n <= 4 && SkipDigits(token, 0) == n {
			l.num, _ = strconv.Atoi(string(token))
		}
	}
}

// AppendPlaceholder appends the placeholder of an attachment (socket.io-protocol v5, "Packet encoding").
func AppendPlaceholder(dst []byte, num int) []byte {
	dst = append(dst, `{"_placeholder":true,"num":`...)
	dst = strconv.AppendInt(dst, int64(num), 10)
	return append(dst, '}')
}

// renumber appends value to dst and changes the numbers in its placeholders.
func renumber(dst, value []byte, marks []Mark, number func(old int) int) []byte {
	at := 0
	for _, m := range marks {
		if m.Num != Around {
			dst = append(dst, value[at:m.Start]...)
			dst = AppendPlaceholder(dst, number(m.Num))
			at = m.End
		}
	}
	return append(dst, value[at:]...)
}

// Clone returns a copy without spare capacity. It is never nil, because an empty attachment differs from a missing one.
func Clone(b []byte) []byte {
	c := make([]byte, len(b))
	copy(c, b)
	return c
}
