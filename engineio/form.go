package engineio

import (
	"encoding/base64"
	"strconv"

	"github.com/gobwas/ws"
)

// form is one of the ways in which packets stand on the wire. Which one a client takes follows from its transport, its
// revision of the protocol and whether it takes binary data; see revision.
type form uint8

const (
	// Websocket messages, one for each packet. Text is the same in all four.
	frames4       form = iota // revision 4: a binary message is its bare bytes
	frames4Base64             // b and base64
	frames3                   // revision 3: the type, as a byte, and the bytes
	frames3Base64             // b, the type's character and base64

	// Parts of a polling body.
	payload4       // revision 4: packets with a separator between them
	payload3       // revision 3: each packet with its length in front, as text
	payload3Binary // the same for bodies that have a binary packet, as bytes

	// Compressed websocket messages, which a deflater makes of the others. Who takes base64 gets none.
	deflated4
	deflated3

	forms // how many there are
)

// separator stands between the packets of a polling body of revision 4.
const separator = 0x1e

// binaryFrame is what a binary message looks like in each of the websocket forms.
var binaryFrame = [...]struct {
	prefix string
	base64 bool
}{
	frames4:       {"", false},
	frames4Base64: {"b", true},
	frames3:       {"\x04", false},
	frames3Base64: {"b4", true},
}

// ofText returns the form that stands for f where no packet is binary, so that equal forms are made once.
func (f form) ofText() form {
	if f <= frames3Base64 {
		return frames4
	}
	return f
}

// size returns the exact size of what appendTo appends.
func (f form) size(packets []packet) int {
	size := 0
	for _, p := range packets {
		n := f.packetSize(p)
		switch f {
		case payload4:
			size += n + 1
		case payload3:
			size += n + digits(f.units(p)) + 1
		case payload3Binary:
			size += n + digits(n) + 2
		default:
			size += frameSize(n)
		}
	}
	if f == payload4 && len(packets) > 0 {
		size-- // no separator in front
	}
	return size
}

// packetSize is the size of one packet without what delimits it.
func (f form) packetSize(p packet) int {
	switch {
	case !p.binary || f == payload3Binary:
		return 1 + len(p.data)
	case f == payload4:
		return 1 + base64.StdEncoding.EncodedLen(len(p.data))
	case f == payload3:
		return 2 + base64.StdEncoding.EncodedLen(len(p.data))
	case binaryFrame[f].base64:
		return len(binaryFrame[f].prefix) + base64.StdEncoding.EncodedLen(len(p.data))
	default:
		return len(binaryFrame[f].prefix) + len(p.data)
	}
}

// units is the length of a packet as text payloads of revision 3 count it: in UTF-16 code units.
func (f form) units(p packet) int {
	if p.binary {
		return f.packetSize(p)
	}
	return 1 + utf16Length(p.data)
}

// appendTo appends the packets.
func (f form) appendTo(dst []byte, packets []packet) []byte {
	switch f {
	case payload4:
		return appendPayload4(dst, packets)
	case payload3:
		return appendPayload3(dst, packets)
	case payload3Binary:
		return appendPayload3Binary(dst, packets)
	default:
		return f.appendFrames(dst, packets)
	}
}

// appendFrames appends one websocket message per packet: a text frame with the type character in front, or a binary
// message in the form's way.
func (f form) appendFrames(dst []byte, packets []packet) []byte {
	for _, p := range packets {
		if !p.binary {
			dst = append(appendFrameHeader(dst, ws.OpText, 1+len(p.data)), p.kind)
			dst = append(dst, p.data...)
			continue
		}
		binary := binaryFrame[f]
		if binary.base64 {
			dst = append(appendFrameHeader(dst, ws.OpText, f.packetSize(p)), binary.prefix...)
			dst = base64.StdEncoding.AppendEncode(dst, p.data)
		} else {
			dst = append(appendFrameHeader(dst, ws.OpBinary, f.packetSize(p)), binary.prefix...)
			dst = append(dst, p.data...)
		}
	}
	return dst
}

func appendPayload4(dst []byte, packets []packet) []byte {
	for i, p := range packets {
		if i > 0 {
			dst = append(dst, separator)
		}
		if p.binary {
			dst = base64.StdEncoding.AppendEncode(append(dst, typeBinary), p.data)
		} else {
			dst = append(append(dst, p.kind), p.data...)
		}
	}
	return dst
}

func appendPayload3(dst []byte, packets []packet) []byte {
	for _, p := range packets {
		dst = append(strconv.AppendInt(dst, int64(payload3.units(p)), 10), ':')
		if p.binary {
			dst = base64.StdEncoding.AppendEncode(append(dst, typeBinary, p.kind), p.data)
		} else {
			dst = append(append(dst, p.kind), p.data...)
		}
	}
	return dst
}

func appendPayload3Binary(dst []byte, packets []packet) []byte {
	for _, p := range packets {
		what, kind := byte(payloadText), p.kind
		if p.binary {
			what, kind = payloadBinary, kind-typeOpen
		}
		dst = append(dst, what)
		at := len(dst)
		dst = strconv.AppendInt(dst, int64(1+len(p.data)), 10)
		for i := range dst[at:] {
			dst[at+i] -= '0' // the digits' values, not their characters
		}
		dst = append(append(dst, payloadLengthEnd, kind), p.data...)
	}
	return dst
}

// digits is the number of digits of n.
func digits(n int) int {
	count := 1
	for ; n >= 10; n /= 10 {
		count++
	}
	return count
}
