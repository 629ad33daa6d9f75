package engineio

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"unicode/utf8"
)

// The packet types with the character that each has on the wire (engine.io-protocol v4, "Packet types").
const (
	typeOpen    = '0'
	typeClose   = '1'
	typePing    = '2'
	typePong    = '3'
	typeMessage = '4'
	typeUpgrade = '5'
	typeNoop    = '6'

	// typeBinary begins a binary packet in a text encoding.
	typeBinary = 'b'
)

// Message is one message of the application: text, which must be valid UTF-8, or bytes.
type Message struct {
	Data   []byte
	Binary bool
	// NoCompress sends the message as it is, whatever the transport could do.
	NoCompress bool
	// Expendable lets the message be dropped when the client's send queue is full, those that have waited longest first,
	// to make room for others. Messages that are sent together are expendable if all of them are. When there is no room
	// for one that is, Send returns ErrDropped and the session lives.
	Expendable bool
}

// packet is one Engine.IO packet. One to send that is binary is a message.
type packet struct {
	kind   byte
	data   []byte
	binary bool
	plain  bool // it is not compressed
}

func (m *Message) packet() packet { return packet{typeMessage, m.Data, m.Binary, m.NoCompress} }

// Prepared is a group of messages that leave together, with nothing between them, encoded at most once for each form
// in which clients take them, however many sessions they are sent to. It is safe for concurrent use; the messages'
// bytes must not change.
type Prepared struct {
	// Immutable after construction.
	packets []packet
	single  [1]packet // backs packets for the common case
	binary  bool      // one of them is

	expendable bool // see Message.Expendable

	// What the packets are in each form, made by the first session that needs it. Two sessions may make one at the same
	// time; they are equal.
	forms [forms]atomic.Pointer[[]byte]
}

// Prepare makes a group of messages ready for any number of sessions.
func Prepare(messages ...Message) *Prepared {
	p := &Prepared{expendable: len(messages) > 0}
	p.packets = p.single[:0]
	if len(messages) > 1 {
		p.packets = make([]packet, 0, len(messages))
	}
	for _, m := range messages {
		p.packets = append(p.packets, m.packet())
		p.binary = p.binary || m.Binary
		p.expendable = p.expendable && m.Expendable
	}
	return p
}

// prepareControl makes a packet that carries no message.
func prepareControl(kind byte, data string) *Prepared {
	p := &Prepared{single: [1]packet{{kind: kind, data: []byte(data)}}}
	p.packets = p.single[:]
	return p
}

// wire returns the group in one form.
func (p *Prepared) wire(f form) []byte {
	if !p.binary {
		f = f.ofText()
	}
	if made := p.forms[f].Load(); made != nil {
		return *made
	}
	wire := f.appendTo(make([]byte, 0, f.size(p.packets)), p.packets)
	p.forms[f].Store(&wire)
	return wire
}

// compressible reports whether a packet may be compressed.
func (p *Prepared) compressible() bool {
	return slices.ContainsFunc(p.packets, func(p packet) bool { return !p.plain })
}

var (
	errEmptyPacket   = errors.New("engineio: empty packet")
	errNotUTF8       = errors.New("engineio: text is not valid UTF-8")
	errInvalidBase64 = errors.New("engineio: invalid base64")
)

// isType reports whether a character is the type of a packet.
func isType(char byte) bool { return char >= typeOpen && char <= typeNoop }

// decodeTyped decodes a packet that begins with the character of its type. UTF-8 is the caller's to check.
func decodeTyped(text []byte) (packet, error) {
	switch {
	case len(text) == 0:
		return packet{}, errEmptyPacket
	case !isType(text[0]):
		return packet{}, fmt.Errorf("engineio: unknown packet type %q", text[0])
	}
	return packet{kind: text[0], data: text[1:]}, nil
}

// decodeBase64 takes both alphabets, with and without padding, as the reference does.
func decodeBase64(text []byte) ([]byte, error) {
	text = bytes.TrimRight(text, "=")
	encoding := base64.RawStdEncoding
	if bytes.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	data := make([]byte, encoding.DecodedLen(len(text)))
	n, err := encoding.Decode(data, text)
	if err != nil {
		return nil, errInvalidBase64
	}
	return data[:n], nil
}

// checkText reports whether a polling body is valid UTF-8. A relayed body that is not would make every browser that
// receives it close.
func checkText(body []byte) error {
	if !utf8.Valid(body) {
		return errNotUTF8
	}
	return nil
}
