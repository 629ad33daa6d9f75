package eio

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"unicode/utf16"
	"unicode/utf8"
)

// Revision3 is the revision of Socket.IO 2 (engine.io-protocol v3). Servers accept it with Options.AllowEIO3.
type Revision3 struct{}

// The bytes that delimit packets in a binary payload. The digits of a length are the bytes 0 to 9.
const (
	payloadText      = 0    // begins a text packet
	payloadBinary    = 1    // begins a binary packet
	payloadLengthEnd = 0xff // ends a length
)

// maxLengthDigits bounds the digits of a length, as on the Node server.
const maxLengthDigits = 310

var (
	errLength     = errors.New("engineio: invalid length of a packet")
	errShort      = errors.New("engineio: payload ends within a packet")
	errSurrogates = errors.New("engineio: packet ends within a character")
	errKind       = errors.New("engineio: packet of a payload is neither text nor binary")
)

func (Revision3) Number() int       { return 3 }
func (Revision3) ClientPings() bool { return true }
func (Revision3) TakesBinary() bool { return true }

func (Revision3) Frames(base64 bool) Form {
	if base64 {
		return Frames3Base64
	}
	return Frames3
}

// Payload implements Revision. A body with a binary packet is binary, unless the receiver wants base64.
func (Revision3) Payload(binary, base64 bool) Form {
	if binary && !base64 {
		return Payload3Binary
	}
	return Payload3
}

// Packets implements Revision. As on the Node server, empty packets in text are ignored and an empty body is an error.
func (r Revision3) Packets(body []byte, binary bool) iter.Seq2[Packet, error] {
	next, err := r.nextBinary, error(nil)
	if !binary {
		next, err = r.nextText, checkText(body)
	}
	if len(body) == 0 {
		err = errEmptyPacket
	}
	return func(yield func(Packet, error) bool) {
		if err != nil {
			yield(Packet{}, err)
			return
		}
		for rest := body; len(rest) > 0; {
			var p Packet
			var err error
			if p, rest, err = next(rest); err == nil && p.Type == 0 {
				continue
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// nextText decodes the first packet of a text payload: its length in UTF-16 code units, a colon and the packet. The Type of
// an empty packet is 0.
func (r Revision3) nextText(body []byte) (p Packet, rest []byte, err error) {
	length, rest, err := cutLength(body, ':', '0')
	if err != nil {
		return p, nil, err
	}
	size, err := utf16Offset(rest, length)
	if err == nil && size > 0 {
		p, err = r.DecodeText(rest[:size])
	}
	return p, rest[size:], err
}

// nextBinary decodes the first packet of a binary payload: its kind, its length in bytes and the packet.
func (r Revision3) nextBinary(body []byte) (p Packet, rest []byte, err error) {
	kind := body[0]
	if kind != payloadText && kind != payloadBinary {
		return p, nil, errKind
	}
	length, rest, err := cutLength(body[1:], payloadLengthEnd, 0)
	if err != nil {
		return p, nil, err
	}
	if length > len(rest) {
		return p, nil, errShort
	}
	data, rest := rest[:length], rest[length:]
	if kind == payloadBinary {
		p, err = r.DecodeBinary(data)
	} else if err = checkText(data); err == nil {
		p, err = r.DecodeText(data)
	}
	return p, rest, err
}

// cutLength reads a decimal number up to the byte end. zero is the byte of the digit 0. Very large numbers are reduced to
// one that still exceeds every body.
func cutLength(body []byte, end, zero byte) (length int, rest []byte, err error) {
	i := 0
	for ; i < len(body) && body[i] != end; i++ {
		digit := body[i] - zero // wraps around below zero
		if digit > 9 || i == maxLengthDigits {
			return 0, nil, errLength
		}
		length = min(length, (math.MaxInt-9)/10)*10 + int(digit)
	}
	if i == 0 || i == len(body) {
		return 0, nil, errLength
	}
	return length, body[i+1:], nil
}

// DecodeText implements Revision. In a base64 packet the type precedes the base64 text.
func (Revision3) DecodeText(text []byte) (Packet, error) {
	if len(text) == 0 || text[0] != base64Prefix {
		return decodeTyped(text)
	}
	p, err := decodeTyped(text[1:])
	if err != nil {
		return p, err
	}
	p.Binary = true
	p.Data, err = DecodeBase64(p.Data)
	return p, err
}

// DecodeBinary implements Revision. The first byte is the type.
func (Revision3) DecodeBinary(data []byte) (Packet, error) {
	switch {
	case len(data) == 0:
		return Packet{}, errEmptyPacket
	case !(Type(data[0]) + TypeOpen).valid():
		return Packet{}, fmt.Errorf("engineio: unknown packet type %d", data[0])
	}
	return Packet{Type: Type(data[0]) + TypeOpen, Data: data[1:], Binary: true}, nil
}

// utf16Length returns the number of UTF-16 code units of valid UTF-8: two for characters of four bytes, one for others.
func utf16Length(text []byte) int {
	n := 0
	for _, b := range text {
		if b&0xc0 != 0x80 {
			n++
		}
		if b >= 0xf0 {
			n++
		}
	}
	return n
}

// utf16Offset returns the number of bytes of valid UTF-8 that make up the given number of UTF-16 code units.
func utf16Offset(text []byte, units int) (int, error) {
	at := 0
	for units > 0 {
		if at == len(text) {
			return 0, errShort
		}
		char, size := utf8.DecodeRune(text[at:])
		at += size
		units -= utf16.RuneLen(char)
	}
	if units < 0 {
		return 0, errSurrogates
	}
	return at, nil
}
