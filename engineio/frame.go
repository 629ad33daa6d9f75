package engineio

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/gobwas/ws"
)

var errFrameLength = errors.New("engineio: frame length has its highest bit set")

// parseHeader reads a frame header from the front of b (RFC 6455, section 5.2). It returns the header's own size, or 0
// when b does not hold all of it yet. It exists beside ws.ReadHeader because that one costs an allocation for each
// frame and reads from a stream, where a header that has arrived in part would have to be read again.
func parseHeader(b []byte) (h ws.Header, size int, err error) {
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

// frameSize is the size of an unmasked frame with a payload of n bytes.
func frameSize(n int) int {
	switch {
	case n < 126:
		return 2 + n
	case n <= math.MaxUint16:
		return 4 + n
	default:
		return 10 + n
	}
}

// appendFrameHeader appends the header of a final, unmasked frame.
func appendFrameHeader(dst []byte, op ws.OpCode, n int) []byte {
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

// appendControl appends a control frame.
func appendControl(dst []byte, op ws.OpCode, payload []byte) []byte {
	return append(appendFrameHeader(dst, op, len(payload)), payload...)
}
