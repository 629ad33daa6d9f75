package eio

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Type is the type of a packet: the character that it has on the wire (engine.io-protocol v4, "Packet types").
type Type byte

// The packet types.
const (
	TypeOpen    Type = '0' // from the server: a Handshake
	TypeClose   Type = '1'
	TypePing    Type = '2'
	TypePong    Type = '3'
	TypeMessage Type = '4'
	TypeUpgrade Type = '5' // from the client: it continues on the websocket that it has probed
	TypeNoop    Type = '6' // from the server: it ends a poll and says nothing
)

// base64Prefix begins a binary packet in a text encoding.
const base64Prefix = 'b'

// Packet is one Engine.IO packet.
type Packet struct {
	Type Type
	// Data is valid UTF-8 unless the packet is binary.
	Data []byte
	// Binary says that Data is bytes. A binary packet that is to be encoded is a message.
	Binary bool
	// Plain says that the packet is to be sent uncompressed, whatever the transport could do. Decoding does not set it.
	Plain bool
}

// Errors of packets and text. They name the protocol, because they reach users of packages that are made of this one.
var (
	// ErrNotUTF8 is the error of text that is not valid UTF-8.
	ErrNotUTF8 = errors.New("engineio: text is not valid UTF-8")

	errEmptyPacket = errors.New("engineio: empty packet")
)

// valid reports whether a packet can have the type.
func (t Type) valid() bool { return t >= TypeOpen && t <= TypeNoop }

// decodeTyped decodes a packet that begins with the character of its type. UTF-8 is the caller's to check.
func decodeTyped(text []byte) (Packet, error) {
	switch {
	case len(text) == 0:
		return Packet{}, errEmptyPacket
	case !Type(text[0]).valid():
		return Packet{}, fmt.Errorf("engineio: unknown packet type %q", text[0])
	}
	return Packet{Type: Type(text[0]), Data: text[1:]}, nil
}

// checkText reports whether a polling body is valid UTF-8. A relayed body that is not would make every browser that
// receives it close.
func checkText(body []byte) error {
	if !utf8.Valid(body) {
		return ErrNotUTF8
	}
	return nil
}
