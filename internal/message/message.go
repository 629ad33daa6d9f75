package message

import (
	"errors"
	"sync/atomic"

	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// Message is an incoming event, or the answer to one that was sent with an acknowledgement. Its arguments stay as they
// came until they are decoded.
type Message struct {
	// Immutable after construction.
	packet *parser.Packet
	acker  Acker
	name   string
	args   int // where the arguments begin, for payload.Next

	acked atomic.Bool
}

// Acker sends the acknowledgement of an event; a socket is one. It may also be a [Runner].
type Acker interface {
	Acknowledge(id uint64, data []byte, attachments [][]byte) error
}

// Runner is the optional ability of an [Acker] to run a handler beside the events that follow. The engine owns the
// goroutine: it bounds their number, treats the result of f as that of m's handler, recovers its panic and waits for it
// when it shuts down. Run returns without waiting for f, unless too many run already.
type Runner interface {
	Run(m *Message, f func() error)
}

// New returns the message that an event's packet carries, with its name and the offset of its arguments, as a [Decoder]
// returns them. The packet must not be changed afterwards. Without an acker the event cannot be acknowledged.
func New(p *parser.Packet, name string, args int, acker Acker) *Message {
	return &Message{packet: p, acker: acker, name: name, args: args}
}

// Parse is New for an event's packet that came from no Decoder. A name that cannot be read is empty.
func Parse(p *parser.Packet, acker Acker) *Message {
	name, args, err := payload.EventName(p.Data)
	if err != nil {
		name, args = "", 0
	}
	return New(p, name, args, acker)
}

// Answer returns the message that an acknowledgement's packet carries. It has no name and cannot be acknowledged.
func Answer(p *parser.Packet) *Message { return &Message{packet: p} }

// Name returns the event's name; it is empty for an answer.
func (m *Message) Name() string { return m.name }

// Next returns the argument behind offset at, as JSON text, and the offset behind it. It begins with at = 0; ok is false
// behind the last argument.
func (m *Message) Next(at int) (value []byte, next int, ok bool) {
	return payload.Next(m.packet.Data, max(at, m.args))
}

// Len returns the number of arguments. It counts them in the text at each call.
func (m *Message) Len() int {
	n := 0
	for _, at, ok := m.Next(0); ok; _, at, ok = m.Next(at) {
		n++
	}
	return n
}

// Unmarshal decodes an argument, as Next has returned it. Its errors are those of [payload.Unmarshal].
func (m *Message) Unmarshal(value []byte, dst any) error {
	return payload.Unmarshal(value, m.packet.Attachments, dst)
}

// Raw returns argument i, counted from 0; it is empty when there is none. It shares memory with the message.
func (m *Message) Raw(i int) payload.Raw {
	for at := 0; i >= 0; i-- {
		value, next, ok := m.Next(at)
		if !ok {
			break
		}
		if i == 0 {
			return payload.NewRaw(value, m.packet.Attachments)
		}
		at = next
	}
	return payload.Raw{}
}

// Raws returns all arguments, each a payload.Raw.
func (m *Message) Raws() []any {
	var args []any
	for value, at, ok := m.Next(0); ok; value, at, ok = m.Next(at) {
		args = append(args, payload.NewRaw(value, m.packet.Attachments))
	}
	return args
}

// Size returns how many bytes the message holds, its attachments included.
func (m *Message) Size() int {
	n := len(m.packet.Data)
	for _, a := range m.packet.Attachments {
		n += len(a)
	}
	return n
}

// Runner returns the acker's ability to run handlers beside others, or nil.
func (m *Message) Runner() Runner {
	r, _ := m.acker.(Runner)
	return r
}

// ErrAcknowledged is returned by [Message.Ack] when the event has been acknowledged before.
var ErrAcknowledged = errors.New("event: already acknowledged")

// WantsAck reports whether the sender asked for an acknowledgement. It stays true after one was sent.
func (m *Message) WantsAck() bool { return m.packet.HasID && m.acker != nil }

// Ack answers the sender with these arguments. It sends at most one answer: a later call returns [ErrAcknowledged] and
// sends nothing. Nothing is sent either, and the result is nil, when the sender did not ask.
//
// Arguments that cannot be encoded are an error, after which the message can still be acknowledged.
func (m *Message) Ack(args ...any) error {
	switch {
	case !m.WantsAck():
		return nil
	case m.acked.Load():
		return ErrAcknowledged
	}
	data, attachments, err := payload.MarshalArgs(args)
	if err != nil {
		return err
	}
	if !m.acked.CompareAndSwap(false, true) {
		return ErrAcknowledged
	}
	return m.acker.Acknowledge(m.packet.ID, data, attachments)
}

// Failure is what the sender of an event that failed is answered. It is event.Error, which converts into it.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// failed is the wire form of a failure.
type failed struct {
	Error *Failure `json:"error"`
}

// Fail answers the sender with a failure; it is like [Message.Ack] otherwise. A nil failure answers without arguments. Data
// that cannot be encoded is left out, and the error says why.
func (m *Message) Fail(f *Failure) error {
	if f == nil {
		return m.Ack()
	}
	sent := m.Ack(failed{f})
	if sent == nil || f.Data == nil || errors.Is(sent, ErrAcknowledged) || m.acked.Load() {
		return sent
	}
	// The data cannot be encoded. The peer must not wait because of that.
	return errors.Join(sent, m.Ack(failed{&Failure{Code: f.Code, Message: f.Message}}))
}
