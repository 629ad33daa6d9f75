package engineio

import (
	"slices"
	"sync/atomic"

	"github.com/parleyio/parley/internal/eio"
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

func (m *Message) packet() eio.Packet {
	return eio.Packet{Type: eio.TypeMessage, Data: m.Data, Binary: m.Binary, Plain: m.NoCompress}
}

// Prepared is a group of messages that leave together, with nothing between them, encoded at most once for each form
// in which clients take them, however many sessions they are sent to. It is safe for concurrent use; the messages'
// bytes must not change.
type Prepared struct {
	// Immutable after construction.
	packets []eio.Packet
	single  [1]eio.Packet // backs packets for the common case
	binary  bool          // one of them is

	expendable bool // see Message.Expendable

	// What the packets are in each form, made by the first session that needs it. Two sessions may make one at the same
	// time; they are equal.
	forms [eio.Forms]atomic.Pointer[[]byte]
}

// Prepare makes a group of messages ready for any number of sessions.
func Prepare(messages ...Message) *Prepared {
	p := &Prepared{expendable: len(messages) > 0}
	p.packets = p.single[:0]
	if len(messages) > 1 {
		p.packets = make([]eio.Packet, 0, len(messages))
	}
	for _, m := range messages {
		p.packets = append(p.packets, m.packet())
		p.binary = p.binary || m.Binary
		p.expendable = p.expendable && m.Expendable
	}
	return p
}

// prepareControl makes a packet that carries no message.
func prepareControl(kind eio.Type, data string) *Prepared {
	p := &Prepared{single: [1]eio.Packet{{Type: kind, Data: []byte(data)}}}
	p.packets = p.single[:]
	return p
}

// wire returns the group in one form.
func (p *Prepared) wire(f eio.Form) []byte {
	if !p.binary {
		f = f.OfText()
	}
	if made := p.forms[f].Load(); made != nil {
		return *made
	}
	wire := f.Append(make([]byte, 0, f.Size(p.packets)), p.packets)
	p.forms[f].Store(&wire)
	return wire
}

// compressible reports whether a packet may be compressed.
func (p *Prepared) compressible() bool {
	return slices.ContainsFunc(p.packets, func(p eio.Packet) bool { return !p.Plain })
}
