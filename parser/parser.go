package parser

import (
	"math"

	"github.com/parleyio/parley/internal/payload"
)

// Frame is one Engine.IO message: text, or binary.
type Frame struct {
	Data   []byte
	Binary bool
}

// Parser is a wire format of Socket.IO packets. Server and clients must agree on one. A Parser is safe for concurrent
// use and comparable, so that what was encoded once can be kept by parser.
type Parser interface {
	// Encode returns the messages that carry p, to be sent one after another with no other message between them.
	// They may share memory with p's attachments and must not be changed.
	Encode(p *Packet) ([]Frame, error)

	// NewDecoder returns a decoder for one connection.
	NewDecoder(l Limits) Decoder
}

// Decoder collects the messages of one connection into packets. It is not safe for concurrent use.
type Decoder interface {
	// Add takes the next message. It returns the packet that the message completes, or (nil, nil) while attachments are
	// still awaited. The data is not kept after the call.
	//
	// The error is a *SyntaxError, in a *LimitError where a limit is the reason; what was half built is then forgotten.
	Add(data []byte, binary bool) (*Packet, error)

	// Waiting reports whether a packet is half built: the next message must be one of its attachments.
	Waiting() bool
}

// Limits bounds what a decoder accepts. For every field zero means the default and a negative value no limit.
type Limits struct {
	// Attachments is the largest number of attachments of one packet. Zero means 10; the wire format ends at 9,999.
	Attachments int

	// AttachmentBytes is the largest size of the attachments of one packet taken together. Zero means 1,000,000.
	AttachmentBytes int

	// Depth is how deep arrays and objects may be nested; the array of an event is the first level. Zero means 64;
	// encoding/json ends at 10,000.
	Depth int

	// EventName is the largest length of an event's name in bytes. Zero means 128.
	EventName int

	// Namespace is the largest length of a namespace's name in bytes. Zero means 512.
	Namespace int
}

const maxDepth = 10_000 // encoding/json refuses deeper values

// WithDefaults returns the limits that hold: the default where a field is zero, and the most that is possible where it is
// negative or beyond that. A Parser of another format calls it in NewDecoder.
func (l Limits) WithDefaults() Limits {
	limit(&l.Attachments, 10, payload.MaxAttachments)
	limit(&l.AttachmentBytes, 1_000_000, math.MaxInt)
	limit(&l.Depth, 64, maxDepth)
	limit(&l.EventName, 128, math.MaxInt)
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
