package eio

import (
	"encoding/base64"
	"strconv"

	"github.com/gobwas/ws"
)

// Form is an encoding of packets on the wire. It depends on the transport, on the Revision of the protocol, and on whether
// the receiver takes binary data. Servers and clients use the same forms; a client also masks its frames with Mask.
type Form uint8

// The forms.
const (
	// Websocket messages, one for each packet, in unmasked frames. Text messages are the same in all four forms.

	Frames4       Form = iota // revision 4; binary data is sent without a prefix
	Frames4Base64             // revision 4; binary data is sent as text: "b" and base64
	Frames3                   // revision 3; binary data follows the type as a byte
	Frames3Base64             // revision 3; binary data is sent as text: "b", the type and base64

	// Parts of a polling body.

	Payload4       // revision 4: packets with a separator between them
	Payload3       // revision 3, as text: each packet with its length in front
	Payload3Binary // revision 3, as bytes: used for bodies with a binary packet

	// Compressed websocket messages, which a Deflater makes from Frames4 and Frames3.

	Deflated4
	Deflated3

	Forms // the number of forms
)

// separator is written between the packets of a polling body of revision 4.
const separator = 0x1e

// binaryFrame describes binary messages in each of the websocket forms.
var binaryFrame = [...]struct {
	prefix string
	base64 bool
}{
	Frames4:       {"", false},
	Frames4Base64: {"b", true},
	Frames3:       {"\x04", false},
	Frames3Base64: {"b4", true},
}

// OfText returns the form to use instead of f if no packet is binary. Several forms encode text in the same way; with OfText
// they share one encoding.
func (f Form) OfText() Form {
	if f <= Frames3Base64 {
		return Frames4
	}
	return f
}

// Deflated returns the form of the frames that a Deflater makes from frames in this form. binary says whether a packet is
// binary.
func (f Form) Deflated(binary bool) Form {
	if f == Frames3 && binary {
		return Deflated3
	}
	return Deflated4
}

// Binary reports whether a polling body in this form is binary.
func (f Form) Binary() bool { return f == Payload3Binary }

// Size returns the exact number of bytes that Append appends.
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
		size-- // no separator before the first packet
	}
	return size
}

// packetSize returns the size of a packet without its frame header, length or separator.
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

// units returns the length of a packet in UTF-16 code units, which text payloads of revision 3 use.
func (f Form) units(p Packet) int {
	if p.Binary {
		return f.packetSize(p)
	}
	return 1 + utf16Length(p.Data)
}

// Append appends the packets as frames or as a complete polling body. Join joins the bodies of several calls.
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

// appendFrames appends one websocket message per packet: a text frame that begins with the packet type, or a binary message
// in this form.
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

// Join joins n parts, which Append has made in this form, to a polling body. For n = 0 it returns the body without packets.
func (f Form) Join(n int, part func(i int) []byte) []byte {
	if n == 0 && f == Payload3 {
		return []byte("0:") // one empty packet, because an empty body is an error
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
			dst[at+i] -= '0' // digits are written as the bytes 0 to 9
		}
		dst = append(append(dst, payloadLengthEnd, kind), p.Data...)
	}
	return dst
}

// digits returns the number of decimal digits of n.
func digits(n int) int {
	count := 1
	for ; n >= 10; n /= 10 {
		count++
	}
	return count
}
