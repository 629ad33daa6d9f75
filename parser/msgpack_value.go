package parser

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"github.com/parleyio/parley/internal/payload"
)

// The first bytes of values that msgp does not export.
const (
	ext8     = 0xc7
	ext16    = 0xc8
	ext32    = 0xc9
	fixext1  = 0xd4
	fixext8  = 0xd7
	fixext16 = 0xd8
	str32    = 0xdb
)

// unpacker converts MessagePack to JSON text and attachments. The nesting is bounded by the limits. Everything else is
// bounded by the bytes of the message: every length in it is checked against the bytes that follow.
type unpacker struct {
	limits Limits
	size   int    // of the message
	rest   []byte // the part of the message that is not read yet

	text        []byte
	attachments [][]byte // parts of the message
	forgedAt    int      // offset of the first object that looks like a placeholder; 0 means none
}

// unpackers keeps buffers between packets, so that idle connections hold no buffer.
var unpackers = sync.Pool{New: func() any { return new(unpacker) }}

func (u *unpacker) free() {
	clear(u.attachments) // they refer to the message, which belongs to the caller
	*u = unpacker{text: reuse(u.text, keptBuffer), attachments: reuse(u.attachments, keptBuffer/32)}
	unpackers.Put(u)
}

// takeText returns the text; the caller may keep it. A buffer that is too large to be reused is returned itself instead of
// a copy, unless most of it is unused.
func (u *unpacker) takeText() []byte {
	text := u.text
	if n := len(text); n > keptBuffer && n > cap(text)/2 {
		u.text = nil
		return text[:n:n]
	}
	return payload.Clone(text)
}

func (u *unpacker) offset() int { return u.size - len(u.rest) }

func (u *unpacker) fail(reason string) error { return &SyntaxError{reason, u.offset()} }

func (u *unpacker) short() error { return &SyntaxError{"unexpected end of the packet", u.size} }

// value appends the next value to the text, or nothing if it is undefined. left is the number of levels of arrays, maps and
// attachments that it may have.
func (u *unpacker) value(left int) error {
	switch msgp.NextType(u.rest) {
	case msgp.StrType:
		s, err := u.str()
		if err != nil {
			return err
		}
		u.text = appendText(u.text, s)
		return nil
	case msgp.IntType, msgp.UintType:
		return u.digits()
	case msgp.Float64Type, msgp.Float32Type:
		f, rest, err := msgp.ReadFloat64Bytes(u.rest)
		if err != nil {
			return u.short()
		}
		u.text, u.rest = appendFloat(u.text, f), rest
		return nil
	case msgp.BoolType:
		b, rest, _ := msgp.ReadBoolBytes(u.rest)
		u.text, u.rest = strconv.AppendBool(u.text, b), rest
		return nil
	case msgp.NilType:
		u.text, u.rest = append(u.text, "null"...), u.rest[1:]
		return nil
	case msgp.MapType:
		return u.object(left)
	case msgp.ArrayType:
		return u.array(left)
	case msgp.BinType:
		size, rest, err := msgp.ReadBytesHeader(u.rest)
		if err != nil || uint64(size) > uint64(len(rest)) {
			return u.short()
		}
		return u.attach(rest[:size], rest[size:], left)
	case msgp.InvalidType:
		if len(u.rest) == 0 {
			return u.short()
		}
		return u.fail("invalid MessagePack")
	default: // an extension; msgp returns separate types for some of them
		return u.extension(left)
	}
}

// skip reads a value and discards it.
func (u *unpacker) skip() error {
	kept := *u
	if err := u.value(u.limits.Depth); err != nil {
		return err
	}
	clear(u.attachments[len(kept.attachments):])
	u.text, u.attachments = u.text[:len(kept.text)], u.attachments[:len(kept.attachments)]
	u.forgedAt = kept.forgedAt
	return nil
}

func (u *unpacker) array(left int) error {
	if left == 0 {
		return beyond("Depth", "value is nested too deep", u.offset())
	}
	n, rest, err := msgp.ReadArrayHeaderBytes(u.rest)
	if err != nil || uint64(n) > uint64(len(rest)) {
		return u.short()
	}
	u.rest = rest
	u.text = append(u.text, '[')
	for i := range n {
		if i > 0 {
			u.text = append(u.text, ',')
		}
		start := len(u.text)
		if err := u.value(left - 1); err != nil {
			return err
		}
		if len(u.text) == start {
			u.text = append(u.text, "null"...)
		}
	}
	u.text = append(u.text, ']')
	return nil
}

// members reads the header of a map.
func (u *unpacker) members() (uint32, error) {
	n, rest, err := msgp.ReadMapHeaderBytes(u.rest)
	if err != nil || uint64(n) > uint64(len(rest))/2 {
		return 0, u.short()
	}
	u.rest = rest
	return n, nil
}

func (u *unpacker) object(left int) error {
	if left == 0 {
		return beyond("Depth", "value is nested too deep", u.offset())
	}
	at := u.offset()
	n, err := u.members()
	if err != nil {
		return err
	}
	forged := false // of repeated keys the last one counts, as in payload.FindPlaceholders
	u.text = append(u.text, '{')
	for range n {
		start := len(u.text)
		if u.text[start-1] != '{' {
			u.text = append(u.text, ',')
		}
		keyStart := len(u.text)
		if err := u.key(); err != nil {
			return err
		}
		placeholder := string(u.text[keyStart:]) == `"_placeholder"`
		u.text = append(u.text, ':')
		valueStart := len(u.text)
		if err := u.value(left - 1); err != nil {
			return err
		}
		switch {
		case len(u.text) == valueStart: // undefined: the member is left out
			u.text = u.text[:start]
		case placeholder:
			forged = string(u.text[valueStart:]) == "true"
		}
	}
	u.text = append(u.text, '}')
	if forged && u.forgedAt == 0 {
		u.forgedAt = at
	}
	return nil
}

// key appends the key of a map.
func (u *unpacker) key() error {
	switch msgp.NextType(u.rest) {
	case msgp.StrType:
		return u.value(0)
	case msgp.IntType, msgp.UintType:
		u.text = append(u.text, '"')
		err := u.digits()
		u.text = append(u.text, '"')
		return err
	}
	if len(u.rest) == 0 {
		return u.short()
	}
	return u.fail("key of a map is neither a string nor an integer")
}

// attach adds a part of the message as an attachment. rest is the message behind that part.
func (u *unpacker) attach(part, rest []byte, left int) error {
	switch {
	case left == 0:
		return beyond("Depth", "value is nested too deep", u.offset())
	case len(u.attachments) == payload.MaxAttachments: // no option raises it
		return u.fail("more than 9,999 binary values")
	}
	u.text = payload.AppendPlaceholder(u.text, len(u.attachments))
	u.attachments = append(u.attachments, part)
	u.rest = rest
	return nil
}

func (u *unpacker) extension(left int) error {
	lead, kind, part, rest, ok := splitExtension(u.rest)
	if !ok {
		return u.short()
	}
	if kind == 0 {
		switch lead {
		case fixext1: // undefined
			u.rest = rest
			return nil
		case fixext8: // Date
			u.text, u.rest = appendDate(u.text, part), rest
			return nil
		case ext8, ext16, ext32: // ArrayBuffer
			return u.attach(part, rest, left)
		}
	}
	if left == 0 {
		return beyond("Depth", "value is nested too deep", u.offset())
	}
	u.text = append(u.text, '[')
	u.text = strconv.AppendInt(u.text, int64(kind), 10)
	u.text = append(u.text, ',')
	if err := u.attach(part, rest, left-1); err != nil {
		return err
	}
	u.text = append(u.text, ']')
	return nil
}

// splitExtension reads an extension. It returns its first byte, its type, its data and the bytes behind it.
func splitExtension(b []byte) (lead byte, kind int8, part, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, 0, nil, nil, false
	}
	lead = b[0]
	head := 2 // size of the first byte, the length if it is not fixed, and the type
	var size uint64
	switch {
	case fixext1 <= lead && lead <= fixext16:
		size = 1 << (lead - fixext1)
	case lead == ext8 && len(b) >= 3:
		head, size = 3, uint64(b[1])
	case lead == ext16 && len(b) >= 4:
		head, size = 4, uint64(binary.BigEndian.Uint16(b[1:]))
	case lead == ext32 && len(b) >= 6:
		head, size = 6, uint64(binary.BigEndian.Uint32(b[1:]))
	default:
		return 0, 0, nil, nil, false
	}
	if uint64(len(b)) < uint64(head)+size {
		return 0, 0, nil, nil, false
	}
	end := head + int(size)
	return lead, int8(b[head-1]), b[head:end], b[end:], true
}

// undefined skips the value and returns true if it is undefined.
func (u *unpacker) undefined() bool {
	lead, kind, _, rest, ok := splitExtension(u.rest)
	if !ok || lead != fixext1 || kind != 0 {
		return false
	}
	u.rest = rest
	return true
}

// str reads a string. The result is a part of the message.
func (u *unpacker) str() ([]byte, error) {
	if b := u.rest; len(b) >= 5 && b[0] == str32 && b[1] >= 0x80 {
		return nil, u.short() // with a 32-bit int, msgp would read a negative length
	}
	s, rest, err := msgp.ReadStringZC(u.rest)
	if err != nil {
		return nil, u.short()
	}
	if !utf8.Valid(s) {
		return nil, u.fail("text is not valid UTF-8")
	}
	u.rest = rest
	return s, nil
}

// digits appends an integer.
func (u *unpacker) digits() error {
	if msgp.NextType(u.rest) == msgp.UintType {
		n, rest, err := msgp.ReadUint64Bytes(u.rest)
		if err != nil {
			return u.short()
		}
		u.text, u.rest = strconv.AppendUint(u.text, n, 10), rest
		return nil
	}
	n, rest, err := msgp.ReadInt64Bytes(u.rest)
	if err != nil {
		return u.short()
	}
	u.text, u.rest = strconv.AppendInt(u.text, n, 10), rest
	return nil
}

// integer reads a value that JavaScript treats as a non-negative integer. For any other value ok is false.
func (u *unpacker) integer() (n uint64, ok bool, err error) {
	var rest []byte
	switch msgp.NextType(u.rest) {
	case msgp.IntType, msgp.UintType:
		n, rest, err = msgp.ReadUint64Bytes(u.rest)
		ok = err == nil
	case msgp.Float64Type, msgp.Float32Type:
		var f float64
		f, rest, err = msgp.ReadFloat64Bytes(u.rest)
		n, ok = uint64(f), f == math.Trunc(f) && 0 <= f && f <= 1<<53
	default:
		if len(u.rest) == 0 {
			return 0, false, u.short()
		}
		return 0, false, nil
	}
	if errors.Is(err, msgp.ErrShortBytes) {
		return 0, false, u.short()
	}
	u.rest = rest
	return n, ok, nil
}
