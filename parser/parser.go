package parser

import (
	"math"

	"github.com/parleyio/parley/internal/payload"
)

// Frame is one Engine.IO message, text or binary.
type Frame struct {
	Data   []byte
	Binary bool
}

// Parser is a wire format of Socket.IO packets. Server and clients must use the same one. A Parser must be safe for
// concurrent use, and comparable, because encoded packets are cached with the parser as the key.
type Parser interface {
	// Encode returns the messages for p. They are sent in this order, with no other message between them. They may share
	// memory with p's attachments and must not be changed.
	Encode(p *Packet) ([]Frame, error)

	// NewDecoder returns a decoder for one connection.
	NewDecoder(l Limits) Decoder

	// HasAttachments reports whether each binary value is sent as a separate message. If it is false, a packet is one
	// message, and Limits.Attachments and Limits.AttachmentBytes do not apply.
	HasAttachments() bool
}

// Decoder assembles packets from the messages of one connection. It is not safe for concurrent use.
type Decoder interface {
	// Add takes the next message. It returns the packet that this message completes, or (nil, nil) if attachments are still
	// missing. It does not keep data.
	//
	// The error is a *SyntaxError, wrapped in a *LimitError if a limit was exceeded. It discards an incomplete packet.
	Add(data []byte, binary bool) (*Packet, error)

	// Waiting reports whether a packet is incomplete: the next message must be one of its attachments.
	Waiting() bool
}

// Limits bounds what a decoder accepts. For every field zero means the default and a negative value no limit.
type Limits struct {
	// Attachments is the largest number of attachments of a packet. Zero means 10, which is also the default of the official
	// client. No format has more than 9,999.
	Attachments int

	// AttachmentBytes is the largest total size of the attachments of a packet. Zero means 4,000,000.
	AttachmentBytes int

	// Depth is how deep arrays and objects may be nested; the array of an event is the first level. Zero means 64;
	// encoding/json ends at 10,000.
	Depth int

	// EventName is the largest length of an event's name in bytes. Zero means 512.
	EventName int

	// Namespace is the largest length of a namespace's name in bytes. Zero means 512.
	Namespace int
}

const maxDepth = 10_000 // encoding/json refuses deeper values

// WithDefaults returns the limits that apply: zero fields get their default, and negative or excessive ones the largest
// possible value. Implementations of Parser call it in NewDecoder.
func (l Limits) WithDefaults() Limits {
	limit(&l.Attachments, 10, payload.MaxAttachments)
	limit(&l.AttachmentBytes, 4_000_000, math.MaxInt)
	limit(&l.Depth, 64, maxDepth)
	limit(&l.EventName, 512, math.MaxInt)
	limit(&l.Namespace, 512, math.MaxInt)
	return l
}

func limit(n *int, byDefault, most int) {
	switch {
	case *n == 0:
		*n = byDefault
	case *n < 0 || *n > most:
		*n = most
	}
}
