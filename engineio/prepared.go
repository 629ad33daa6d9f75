package engineio

import (
	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// Message is one message of the application: text, which must be valid UTF-8, or bytes.
type Message struct {
	Data   []byte
	Binary bool
	// NoCompress sends the message as it is, whatever the transport could do.
	NoCompress bool
	// Expendable lets the message be dropped when the client's send queue is full, those that have waited longest first,
	// until others fit. Messages that are sent together are expendable if all of them are. When one that is does not fit,
	// Send returns ErrDropped and the session lives.
	Expendable bool
}

func (m *Message) packet() eio.Packet {
	return eio.Packet{Type: eio.TypeMessage, Data: m.Data, Binary: m.Binary, Plain: m.NoCompress}
}

// Prepared is a group of messages that leave together, with nothing between them, encoded at most once for each form
// in which clients take them, however many sessions they are sent to. It is safe for concurrent use; the messages'
// bytes must not change.
type Prepared struct{ group transport.Group }

// Prepare makes a group of messages ready for any number of sessions.
func Prepare(messages ...Message) *Prepared {
	p := &Prepared{}
	p.group.Expendable = len(messages) > 0
	for _, m := range messages {
		p.group.Add(len(messages), m.packet())
		p.group.Expendable = p.group.Expendable && m.Expendable
	}
	return p
}
