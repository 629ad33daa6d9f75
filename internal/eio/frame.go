package eio

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"math"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

var (
	errFrameLength  = errors.New("engineio: frame length has its highest bit set")
	errClosePayload = errors.New("engineio: invalid payload of a close frame")
)

// ParseHeader reads a frame header from the front of b (RFC 6455, section 5.2). It returns the header's own size, or 0
// when b does not hold all of it yet. It exists beside ws.ReadHeader because that one costs an allocation for each
// frame and reads from a stream, where a header that has arrived in part would have to be read again.
func ParseHeader(b []byte) (h ws.Header, size int, err error) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h.Fin = b[0]&0x80 != 0
	h.Rsv = b[0] & 0x70 >> 4
	h.OpCode = ws.OpCode(b[0] & 0x0f)
	h.Masked = b[1]&0x80 != 0
	h.Length = int64(b[1] & 0x7f)
	size = 2
	switch h.Length {
	case 126:
		if size += 2; len(b) < size {
			return h, 0, nil
		}
		h.Length = int64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if size += 8; len(b) < size {
			return h, 0, nil
		}
		length := binary.BigEndian.Uint64(b[2:])
		if length > math.MaxInt64 {
			return h, 0, errFrameLength
		}
		h.Length = int64(length)
	}
	if h.Masked {
		if size += 4; len(b) < size {
			return h, 0, nil
		}
		copy(h.Mask[:], b[size-4:])
	}
	return h, size, nil
}

// FrameSize is the size of an unmasked frame with a payload of n bytes.
func FrameSize(n int) int {
	switch {
	case n < 126:
		return 2 + n
	case n <= math.MaxUint16:
		return 4 + n
	default:
		return 10 + n
	}
}

// AppendHeader appends the header of a final, unmasked frame with a payload of n bytes.
func AppendHeader(dst []byte, op ws.OpCode, n int) []byte {
	dst = append(dst, 0x80|byte(op))
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
}

// AppendControl appends a control frame.
func AppendControl(dst []byte, op ws.OpCode, payload []byte) []byte {
	return append(AppendHeader(dst, op, len(payload)), payload...)
}

// AppendClose appends an unmasked close frame. A zero code makes one without a payload, as the reference sends it.
func AppendClose(dst []byte, code ws.StatusCode) []byte {
	if code == 0 {
		return AppendControl(dst, ws.OpClose, nil)
	}
	return binary.BigEndian.AppendUint16(AppendHeader(dst, ws.OpClose, 2), uint16(code))
}

// ReadClose returns the code in the payload of a close frame: zero when the frame has none. The error, a *Violation, says
// what is wrong with the frame (RFC 6455, section 5.5.1).
func ReadClose(payload []byte) (ws.StatusCode, error) {
	if len(payload) == 0 {
		return 0, nil
	}
	if len(payload) == 1 {
		return 0, &Violation{ws.StatusProtocolError, errClosePayload}
	}
	code := ws.StatusCode(binary.BigEndian.Uint16(payload))
	switch {
	case !sendable(code):
		return 0, &Violation{ws.StatusProtocolError, errClosePayload}
	case !utf8.Valid(payload[2:]):
		return 0, &Violation{ws.StatusInvalidFramePayloadData, ErrNotUTF8}
	}
	return code, nil
}

// sendable reports whether a close frame may carry the code (RFC 6455, section 7.4, and its registry).
func sendable(code ws.StatusCode) bool {
	switch {
	case code >= 1000 && code <= 1014:
		return code < 1004 || code > 1006
	default:
		return code >= 3000 && code <= 4999
	}
}

const (
	maskBit  = 0x80 // in the second byte of a header: a masking key follows
	maskSize = 4
)

// NewMask returns a masking key that nobody can predict (RFC 6455, section 5.3).
func NewMask() (key [maskSize]byte) {
	rand.Read(key[:]) // never fails
	return key
}

// MaskedSize is the size of what Mask makes of so many frames with so many bytes together.
func MaskedSize(frames, bytes int) int { return bytes + frames*maskSize }

// Mask appends frames as a client must send them: masked, each with a key of its own (RFC 6455, section 5.3). The frames
// are whole and unmasked, made by Form.Append, a Deflater or AppendControl; they are not changed.
func Mask(dst, frames []byte, newKey func() [maskSize]byte) []byte {
	for len(frames) > 0 {
		h, size, _ := ParseHeader(frames) // our own: whole and valid
		key := newKey()
		start := len(dst)
		dst = append(dst, frames[:size]...)
		dst[start+1] |= maskBit
		dst = append(dst, key[:]...)
		start = len(dst)
		dst = append(dst, frames[size:size+int(h.Length)]...)
		ws.Cipher(dst[start:], key, 0)
		frames = frames[size+int(h.Length):]
	}
	return dst
}

// Unmask takes the mask off a payload, or the part of it that begins at an offset, in place. A frame without a mask stays
// as it is.
func Unmask(part []byte, h ws.Header, offset int) {
	if h.Masked {
		ws.Cipher(part, h.Mask, offset)
	}
}
