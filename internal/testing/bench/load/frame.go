package load

import "encoding/binary"

// mask is that of every frame; a real one differs from frame to frame, which costs the server the same.
var mask = [4]byte{0x5a, 0xc3, 0x17, 0x88}

// clientFrame is a masked text frame (RFC 6455, section 5.2).
func clientFrame(text string) []byte {
	frame := []byte{0x81}
	switch n := len(text); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	frame = append(frame, mask[:]...)
	for i := range len(text) {
		frame = append(frame, text[i]^mask[i%4])
	}
	return frame
}

// parseFrame takes a frame of a server from the front of b. It returns the frame's size, or 0 when b does not hold all.
func parseFrame(b []byte) (opcode byte, payload []byte, size int) {
	if len(b) < 2 {
		return 0, nil, 0
	}
	n, at := int(b[1]&0x7f), 2
	switch n {
	case 126:
		if at = 4; len(b) < at {
			return 0, nil, 0
		}
		n = int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if at = 10; len(b) < at {
			return 0, nil, 0
		}
		n = int(binary.BigEndian.Uint64(b[2:]) & 0xffffffff) // more is overlong anyway
	}
	if len(b) < at+n {
		return 0, nil, 0
	}
	return b[0] & 0x0f, b[at : at+n], at + n
}
