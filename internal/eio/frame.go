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

// ParseHeader reads a frame header from the front of b (RFC 6455, section 5.2). It returns the size of the header, or 0 if b
// does not hold a complete header. It is used instead of ws.ReadHeader, which allocates memory for each frame and reads from
// a stream, where a partial header would have to be read again.
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

// FrameSize returns the size of an unmasked frame with a payload of n bytes.
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

// AppendClose appends an unmasked close frame. If code is zero, the frame has no payload, like that of the Node server.
func AppendClose(dst []byte, code ws.StatusCode) []byte {
	if code == 0 {
		return AppendControl(dst, ws.OpClose, nil)
	}
	return binary.BigEndian.AppendUint16(AppendHeader(dst, ws.OpClose, 2), uint16(code))
}

// ReadClose returns the code in the payload of a close frame, or zero if the payload is empty. If the payload is invalid
// (RFC 6455, section 5.5.1), the error is a *Violation.
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

// sendable reports whether a close frame may contain the code (RFC 6455, section 7.4, and its registry).
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

// NewMask returns a random masking key (RFC 6455, section 5.3).
func NewMask() (key [maskSize]byte) {
	rand.Read(key[:]) // never fails
	return key
}

// MaskedSize returns the total size of masked frames. bytes is their total size without masks.
func MaskedSize(frames, bytes int) int { return bytes + frames*maskSize }

// Mask appends masked copies of the frames, as a client must send them, with a new key for each frame (RFC 6455, section
// 5.3). frames are complete unmasked frames from Form.Append, Deflater.Frames or AppendControl; they are not changed.
func Mask(dst, frames []byte, newKey func() [maskSize]byte) []byte {
	for len(frames) > 0 {
		h, size, _ := ParseHeader(frames) // written by this package, so complete and valid
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

// Unmask unmasks, in place, a part of a frame's payload. offset is the offset of the part in the payload. It does nothing if
// the frame is not masked.
func Unmask(part []byte, h ws.Header, offset int) {
	if h.Masked {
		ws.Cipher(part, h.Mask, offset)
	}
}
