package engineio

import (
	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// Message is one message of the application: text, which must be valid UTF-8, or bytes.
type Message struct {
	Data   []byte
	Binary bool
	// NoCompress sends the message without compression. False means that the options of the server decide.
	NoCompress bool
	// Expendable allows the session to drop the message from a full send queue, the oldest expendable one first, until a new
	// message fits. A group of messages that are sent together is expendable if all of them are. If a new expendable
	// message does not fit itself, Send returns ErrDropped and the session stays open. False means that the message is
	// never dropped.
	Expendable bool
}

func (m *Message) packet() eio.Packet {
	return eio.Packet{Type: eio.TypeMessage, Data: m.Data, Binary: m.Binary, Plain: m.NoCompress}
}

// Prepared is a group of messages that are sent together, with no other message between them. It is encoded at most once
// for each wire form, however many sessions receive it. It is safe for concurrent use. The bytes of the messages must not
// change.
type Prepared struct{ group transport.Group }

// Prepare returns a group of messages that can be sent to any number of sessions.
func Prepare(messages ...Message) *Prepared {
	p := &Prepared{}
	p.group.Expendable = len(messages) > 0
	for _, m := range messages {
		p.group.Add(len(messages), m.packet())
		p.group.Expendable = p.group.Expendable && m.Expendable
	}
	return p
}
