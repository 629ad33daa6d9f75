package eio

import (
	"encoding/base64"
	"strconv"

	"github.com/gobwas/ws"
)

// Form is one of the ways in which packets stand on the wire. Which one a peer takes follows from the transport, its
// Revision of the protocol and whether it takes binary data. Both ends send in the same forms; see Mask for what a client
// does to frames.
type Form uint8

// The forms.
const (
	// Websocket messages, one for each packet, in unmasked frames. Text is the same in all four.

	Frames4       Form = iota // revision 4: a binary message is its bare bytes
	Frames4Base64             // b and base64
	Frames3                   // revision 3: the type, as a byte, and the bytes
	Frames3Base64             // b, the type's character and base64

	// Parts of a polling body.

	Payload4       // revision 4: packets with a separator between them
	Payload3       // revision 3: each packet with its length in front, as text
	Payload3Binary // the same for bodies that have a binary packet, as bytes

	// Compressed websocket messages, which a Deflater makes of Frames4 and Frames3. Who takes base64 gets none.

	Deflated4
	Deflated3

	Forms // how many there are
)

// separator stands between the packets of a polling body of revision 4.
const separator = 0x1e

// binaryFrame is what a binary message looks like in each of the websocket forms.
var binaryFrame = [...]struct {
	prefix string
	base64 bool
}{
	Frames4:       {"", false},
	Frames4Base64: {"b", true},
	Frames3:       {"\x04", false},
	Frames3Base64: {"b4", true},
}

// OfText returns the form that stands for f where no packet is binary, so that equal forms are made once.
func (f Form) OfText() Form {
	if f <= Frames3Base64 {
		return Frames4
	}
	return f
}

// Deflated returns the form of what a Deflater makes of frames in this form, where a packet is binary or none is.
func (f Form) Deflated(binary bool) Form {
	if f == Frames3 && binary {
		return Deflated3
	}
	return Deflated4
}

// Binary reports whether a polling body in this form is bytes, and not text.
func (f Form) Binary() bool { return f == Payload3Binary }

// Size returns the exact size of what Append appends.
func (f Form) Size(packets []Packet) int {
	size := 0
	for _, p := range packets {
		n := f.packetSize(p)
		switch f {
		case Payload4:
			size += n + 1
		case Payload3:
			size += n + digits(f.units(p)) + 1
		case Payload3Binary:
			size += n + digits(n) + 2
		default:
			size += FrameSize(n)
		}
	}
	if f == Payload4 && len(packets) > 0 {
		size-- // no separator in front
	}
	return size
}

// packetSize is the size of one packet without what delimits it.
func (f Form) packetSize(p Packet) int {
	switch {
	case !p.Binary || f == Payload3Binary:
		return 1 + len(p.Data)
	case f == Payload4:
		return 1 + base64.StdEncoding.EncodedLen(len(p.Data))
	case f == Payload3:
		return 2 + base64.StdEncoding.EncodedLen(len(p.Data))
	case binaryFrame[f].base64:
		return len(binaryFrame[f].prefix) + base64.StdEncoding.EncodedLen(len(p.Data))
	default:
		return len(binaryFrame[f].prefix) + len(p.Data)
	}
}

// units is the length of a packet as text payloads of revision 3 count it: in UTF-16 code units.
func (f Form) units(p Packet) int {
	if p.Binary {
		return f.packetSize(p)
	}
	return 1 + utf16Length(p.Data)
}

// Append appends the packets: frames, or a whole polling body. Bodies of several calls are put together by Join.
func (f Form) Append(dst []byte, packets []Packet) []byte {
	switch f {
	case Payload4:
		return appendPayload4(dst, packets)
	case Payload3:
		return appendPayload3(dst, packets)
	case Payload3Binary:
		return appendPayload3Binary(dst, packets)
	default:
		return f.appendFrames(dst, packets)
	}
}

// appendFrames appends one websocket message per packet: a text frame with the type character in front, or a binary
// message in the form's way.
func (f Form) appendFrames(dst []byte, packets []Packet) []byte {
	for _, p := range packets {
		if !p.Binary {
			dst = append(AppendHeader(dst, ws.OpText, 1+len(p.Data)), byte(p.Type))
			dst = append(dst, p.Data...)
			continue
		}
		binary := binaryFrame[f]
		if binary.base64 {
			dst = append(AppendHeader(dst, ws.OpText, f.packetSize(p)), binary.prefix...)
			dst = base64.StdEncoding.AppendEncode(dst, p.Data)
		} else {
			dst = append(AppendHeader(dst, ws.OpBinary, f.packetSize(p)), binary.prefix...)
			dst = append(dst, p.Data...)
		}
	}
	return dst
}

// Join puts n parts of a polling body together, each of which Append has made in this form. No parts make the body of no
// packets.
func (f Form) Join(n int, part func(i int) []byte) []byte {
	if n == 0 && f == Payload3 {
		return []byte("0:") // one empty packet: an empty body would be an error
	}
	size := 0
	for i := range n {
		size += len(part(i)) + 1
	}
	body := make([]byte, 0, size)
	for i := range n {
		if i > 0 && f == Payload4 {
			body = append(body, separator)
		}
		body = append(body, part(i)...)
	}
	return body
}

func appendPayload4(dst []byte, packets []Packet) []byte {
	for i, p := range packets {
		if i > 0 {
			dst = append(dst, separator)
		}
		if p.Binary {
			dst = base64.StdEncoding.AppendEncode(append(dst, base64Prefix), p.Data)
		} else {
			dst = append(append(dst, byte(p.Type)), p.Data...)
		}
	}
	return dst
}

func appendPayload3(dst []byte, packets []Packet) []byte {
	for _, p := range packets {
		dst = append(strconv.AppendInt(dst, int64(Payload3.units(p)), 10), ':')
		if p.Binary {
			dst = base64.StdEncoding.AppendEncode(append(dst, base64Prefix, byte(p.Type)), p.Data)
		} else {
			dst = append(append(dst, byte(p.Type)), p.Data...)
		}
	}
	return dst
}

func appendPayload3Binary(dst []byte, packets []Packet) []byte {
	for _, p := range packets {
		what, kind := byte(payloadText), byte(p.Type)
		if p.Binary {
			what, kind = payloadBinary, kind-byte(TypeOpen)
		}
		dst = append(dst, what)
		at := len(dst)
		dst = strconv.AppendInt(dst, int64(1+len(p.Data)), 10)
		for i := range dst[at:] {
			dst[at+i] -= '0' // the digits' values, not their characters
		}
		dst = append(append(dst, payloadLengthEnd, kind), p.Data...)
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
