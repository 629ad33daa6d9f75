package parser

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/tinylib/msgp/msgp"

	"github.com/parleyio/parley/internal/payload"
)

// Encode returns the message of a packet. A packet without data or id has no such key, because the Node parser does not
// accept nil instead. Attachments that the data does not refer to are left out.
//
// The error wraps [ErrInvalidPacket]. The reasons are those of [JSON].Encode, a connect error without data, data that
// refers to missing attachments, and data that cannot be converted to MessagePack. Encode does not check that Data is JSON
// of the right kind.
func (MessagePack) Encode(p *Packet) ([]Frame, error) {
	if _, err := wireType(p); err != nil {
		return nil, err
	}
	if p.Type == ConnectError && len(p.Data) == 0 {
		return nil, fmt.Errorf("%w: no payload", ErrInvalidPacket)
	}
	k := packers.Get().(*packer)
	defer k.free()
	if err := k.packet(p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidPacket, err)
	}
	return []Frame{{Data: k.join(p.Attachments), Binary: true}}, nil
}

// packer converts JSON text to MessagePack. MessagePack has the number of elements in front of an array, where it is not
// known yet. So packer writes all bytes but the headers and attachments to flat, and records the others as gaps.
type packer struct {
	flat  []byte
	gaps  []gap
	open  []int // indexes of the gaps of open arrays and objects
	marks []payload.Mark
	plain []byte // buffer for a string without its escapes
}

// gap is inserted before flat[at]: the header of an array with n elements, the header of an object with n keys and values,
// or attachment n.
type gap struct {
	at   int
	kind gapKind
	n    int
}

type gapKind byte

const (
	gapArray      gapKind = '['
	gapObject     gapKind = '{'
	gapAttachment gapKind = 'b'
)

const keptBuffer = 64 << 10 // a larger one is left to the garbage collector

// packers keeps buffers between packets, so that encoding allocates only the result.
var packers = sync.Pool{New: func() any { return new(packer) }}

func (k *packer) free() {
	const most = keptBuffer / 16
	*k = packer{reuse(k.flat, keptBuffer), reuse(k.gaps, most), reuse(k.open, most), reuse(k.marks, most), reuse(k.plain, keptBuffer)}
	packers.Put(k)
}

// reuse returns s with length 0, or nil if its capacity is larger than most.
func reuse[T any](s []T, most int) []T {
	if cap(s) > most {
		return nil
	}
	return s[:0]
}

// packet writes the map. The order of the keys is that of the Node server.
func (k *packer) packet(p *Packet) error {
	id := p.HasID && (p.Type == Event || p.Type == Ack)
	members := uint32(2)
	if id {
		members++
	}
	if len(p.Data) > 0 {
		members++
	}
	k.flat = slices.Grow(k.flat, len(p.Data)+len(p.Namespace)+32) // rarely too short
	k.flat = msgp.AppendMapHeader(k.flat, members)
	if id && p.Type == Ack {
		k.member(keyID, p.ID)
	}
	k.member(keyType, uint64(p.Type))
	if len(p.Data) > 0 {
		k.flat = msgp.AppendString(k.flat, keyData)
		if err := k.data(p.Data, p.Attachments); err != nil {
			return err
		}
	}
	namespace := p.Namespace
	if namespace == "" {
		namespace = "/"
	}
	k.flat = msgp.AppendString(k.flat, keyNamespace)
	k.flat = msgp.AppendString(k.flat, namespace)
	if id && p.Type == Event {
		k.member(keyID, p.ID)
	}
	return nil
}

func (k *packer) member(key string, n uint64) {
	k.flat = msgp.AppendString(k.flat, key)
	k.flat = msgp.AppendUint64(k.flat, n)
}

var (
	errBrokenJSON = errors.New("payload is not valid JSON")
	errTooLarge   = errors.New("payload is larger than MessagePack can express")
)

// data writes a JSON text.
func (k *packer) data(text []byte, attachments [][]byte) error {
	if uint64(len(text)) > math.MaxUint32 {
		return errTooLarge
	}
	if len(attachments) > 0 {
		var bad *payload.SyntaxError
		if k.marks, bad = payload.FindPlaceholders(k.marks, text, len(attachments)); bad != nil {
			return errors.New(bad.Reason)
		}
	}
	var (
		marks = k.marks
		roots int // number of values at the top level
		err   error
	)
	for i := 0; i < len(text); {
		c := text[i]
		top := len(k.open) - 1
		switch c {
		case ',', ':', ' ', '\t', '\n', '\r':
			i++
			continue
		case ']', '}':
			if top < 0 || !k.gaps[k.open[top]].closedBy(c) {
				return errBrokenJSON
			}
			k.open = k.open[:top]
			i++
			continue
		}
		if top >= 0 {
			k.gaps[k.open[top]].n++
		} else {
			roots++
		}
		switch c {
		case '[', '{':
			for len(marks) > 0 && marks[0].Num == payload.Around {
				marks = marks[1:]
			}
			if len(marks) > 0 && marks[0].Start == i {
				if uint64(len(attachments[marks[0].Num])) > math.MaxUint32 {
					return errTooLarge
				}
				k.gaps = append(k.gaps, gap{len(k.flat), gapAttachment, marks[0].Num})
				i, marks = marks[0].End, marks[1:]
				continue
			}
			k.open = append(k.open, len(k.gaps))
			k.gaps = append(k.gaps, gap{len(k.flat), gapKind(c), 0})
			i++
		case '"':
			i, err = k.str(text, i)
		case 't':
			k.flat = msgp.AppendBool(k.flat, true)
			i, err = payload.ScanWord(text, i, "true")
		case 'f':
			k.flat = msgp.AppendBool(k.flat, false)
			i, err = payload.ScanWord(text, i, "false")
		case 'n':
			k.flat = msgp.AppendNil(k.flat)
			i, err = payload.ScanWord(text, i, "null")
		default:
			start := i
			if i, err = payload.ScanNumber(text, i); err == nil {
				k.flat = appendNumber(k.flat, text[start:i])
			}
		}
		if err != nil {
			return errBrokenJSON
		}
	}
	if len(k.open) > 0 || roots != 1 {
		return errBrokenJSON
	}
	return nil
}

// closedBy reports whether a bracket ends the array or object.
func (g *gap) closedBy(c byte) bool {
	return g.kind == gapArray && c == ']' || g.kind == gapObject && c == '}' && g.n%2 == 0
}

// str writes the string that opens at text[i] and returns the offset behind it.
func (k *packer) str(text []byte, i int) (int, error) {
	end := payload.SkipPlain(text, i+1)
	if end < len(text) && text[end] == '"' {
		k.flat = msgp.AppendStringFromBytes(k.flat, text[i+1:end])
		return end + 1, nil
	}
	if end = payload.SkipString(text, i); end > len(text) {
		return 0, errBrokenJSON
	}
	k.plain = appendUnescaped(k.plain[:0], text[i+1:end-1])
	k.flat = msgp.AppendStringFromBytes(k.flat, k.plain)
	return end, nil
}

// join returns the message: flat, with the gaps inserted.
func (k *packer) join(attachments [][]byte) []byte {
	size := len(k.flat)
	for _, g := range k.gaps {
		size += 5 // the longest header
		if g.kind == gapAttachment {
			size += len(attachments[g.n])
		}
	}
	b := make([]byte, 0, size)
	at := 0
	for _, g := range k.gaps {
		b = append(b, k.flat[at:g.at]...)
		at = g.at
		switch g.kind {
		case gapArray:
			b = msgp.AppendArrayHeader(b, uint32(g.n))
		case gapObject:
			b = msgp.AppendMapHeader(b, uint32(g.n/2))
		case gapAttachment:
			b = msgp.AppendBytes(b, attachments[g.n])
		}
	}
	return append(b, k.flat[at:]...)
}
