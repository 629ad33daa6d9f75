package eio

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Type is the type of a packet, as its character on the wire (engine.io-protocol v4, "Packet types").
type Type byte

// The packet types.
const (
	TypeOpen    Type = '0' // from the server: a Handshake
	TypeClose   Type = '1'
	TypePing    Type = '2'
	TypePong    Type = '3'
	TypeMessage Type = '4'
	TypeUpgrade Type = '5' // from the client: the upgrade to the probed transport is complete
	TypeNoop    Type = '6' // from the server: ends a poll without a message
)

// base64Prefix is the first character of a binary packet in a text encoding.
const base64Prefix = 'b'

// Packet is an Engine.IO packet.
type Packet struct {
	Type Type
	// Data is valid UTF-8 unless the packet is binary.
	Data []byte
	// Binary is true if Data is binary. Only packets of TypeMessage may be binary when they are encoded.
	Binary bool
	// Plain excludes the packet from compression. Decoding does not set it.
	Plain bool
}

// Errors of packets and text. Their prefix is that of package engineio, whose users see them.
var (
	// ErrNotUTF8 is the error of text that is not valid UTF-8.
	ErrNotUTF8 = errors.New("engineio: text is not valid UTF-8")

	errEmptyPacket = errors.New("engineio: empty packet")
)

// valid reports whether t is a packet type.
func (t Type) valid() bool { return t >= TypeOpen && t <= TypeNoop }

// decodeTyped decodes a packet that begins with its type. It does not check UTF-8.
func decodeTyped(text []byte) (Packet, error) {
	switch {
	case len(text) == 0:
		return Packet{}, errEmptyPacket
	case !Type(text[0]).valid():
		return Packet{}, fmt.Errorf("engineio: unknown packet type %q", text[0])
	}
	return Packet{Type: Type(text[0]), Data: text[1:]}, nil
}

// checkText returns ErrNotUTF8 if a polling body is not valid UTF-8. If such text were relayed, browsers that receive it
// would close their connections.
func checkText(body []byte) error {
	if !utf8.Valid(body) {
		return ErrNotUTF8
	}
	return nil
}
