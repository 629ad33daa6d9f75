package message

import (
	"errors"
	"sync/atomic"

	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// Message is an incoming event, or the answer to an event that was sent with an acknowledgement. Its arguments are kept
// encoded.
type Message struct {
	// Immutable after construction.
	packet *parser.Packet
	acker  Acker
	rules  *Rules // nil means none
	name   string
	args   int // offset of the arguments, for payload.Next

	acked atomic.Bool
}

// Acker sends the acknowledgement of an event. Sockets implement it. It may also implement [Runner].
type Acker interface {
	Acknowledge(id uint64, data []byte, attachments [][]byte) error
}

// Runner is an optional interface of an [Acker]: it runs a handler concurrently with later events. The implementation owns
// the goroutine. It bounds the number of goroutines, treats the result of f as that of m's handler, recovers panics, and
// waits for the goroutines at shutdown. Run returns without waiting for f, unless the bound is reached.
type Runner interface {
	Run(m *Message, f func() error)
}

// Rules are the settings of a server or client for the payloads of its messages. A nil *Rules has none.
type Rules struct {
	// Send bounds acknowledgements.
	Send payload.Limits

	// Receive decodes arguments.
	Receive payload.Decoding
}

func (r *Rules) send() *payload.Limits {
	if r == nil {
		return nil
	}
	return &r.Send
}

func (r *Rules) receive() *payload.Decoding {
	if r == nil {
		return nil
	}
	return &r.Receive
}

// New returns the message of an event packet. name and args are the results of [Decoder]. The packet must not be changed
// afterwards. If acker is nil, the event cannot be acknowledged.
func New(p *parser.Packet, name string, args int, acker Acker, rules *Rules) *Message {
	return &Message{packet: p, acker: acker, rules: rules, name: name, args: args}
}

// Parse is like New, for a packet that was not returned by a Decoder. If the name cannot be read, it is empty.
func Parse(p *parser.Packet, acker Acker, rules *Rules) *Message {
	name, args, err := payload.EventName(p.Data)
	if err != nil {
		name, args = "", 0
	}
	return New(p, name, args, acker, rules)
}

// Answer returns the message of an acknowledgement packet. It has no name and cannot be acknowledged.
func Answer(p *parser.Packet, rules *Rules) *Message { return &Message{packet: p, rules: rules} }

// Name returns the event's name; it is empty for an answer.
func (m *Message) Name() string { return m.name }

// Next returns the next argument as JSON text, and the offset behind it. Begin with at = 0. ok is false behind the last
// argument.
func (m *Message) Next(at int) (value []byte, next int, ok bool) {
	return payload.Next(m.packet.Data, max(at, m.args))
}

// Len returns the number of arguments. Each call scans the text.
func (m *Message) Len() int {
	n := 0
	for _, at, ok := m.Next(0); ok; _, at, ok = m.Next(at) {
		n++
	}
	return n
}

// Unmarshal decodes an argument that Next has returned. Its errors are those of [payload.Decoding.Unmarshal].
func (m *Message) Unmarshal(value []byte, dst any) error {
	return m.rules.receive().Unmarshal(value, m.packet.Attachments, dst)
}

// Peek is like Unmarshal, without the rules of the message: it decodes values that may have any form.
func (m *Message) Peek(value []byte, dst any) error {
	return payload.Unmarshal(value, m.packet.Attachments, dst)
}

// Raw returns argument i, counted from 0. It is empty when there is no such argument. It shares memory with the message.
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

// Size returns the size of the message in bytes, including its attachments.
func (m *Message) Size() int {
	n := len(m.packet.Data)
	for _, a := range m.packet.Attachments {
		n += len(a)
	}
	return n
}

// Runner returns the acker as a Runner, or nil if it does not implement it.
func (m *Message) Runner() Runner {
	r, _ := m.acker.(Runner)
	return r
}

// ErrAcknowledged is returned by [Message.Ack] when the event has already been acknowledged.
var ErrAcknowledged = errors.New("event: already acknowledged")

// WantsAck reports whether the sender asked for an acknowledgement. It stays true after the event was acknowledged.
func (m *Message) WantsAck() bool { return m.packet.HasID && m.acker != nil }

// Ack answers the sender with these arguments. Only the first call sends an answer: later calls return [ErrAcknowledged].
// When the sender did not ask for an acknowledgement, Ack sends nothing and returns nil.
//
// When the arguments cannot be encoded, Ack returns an error and the message can still be acknowledged.
func (m *Message) Ack(args ...any) error {
	switch {
	case !m.WantsAck():
		return nil
	case m.acked.Load():
		return ErrAcknowledged
	}
	data, attachments, err := payload.MarshalArgs(args, m.rules.send())
	if err != nil {
		return err
	}
	if !m.acked.CompareAndSwap(false, true) {
		return ErrAcknowledged
	}
	return m.acker.Acknowledge(m.packet.ID, data, attachments)
}

// Failure is the answer to an event that failed. It has the same fields as event.Error and converts to it.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// failed is the wire form of a failure.
type failed struct {
	Error *Failure `json:"error"`
}

// Fail answers the sender with a failure, or without arguments if f is nil. An empty Code is sent as "internal": receivers
// recognize a failure by its code. If the failure's Data cannot be encoded, Fail sends the failure without it and returns
// the error. Otherwise Fail is like [Message.Ack].
func (m *Message) Fail(f *Failure) error {
	if f == nil {
		return m.Ack()
	}
	answer := *f
	if answer.Code == "" {
		answer.Code = "internal"
	}
	sent := m.Ack(failed{&answer})
	if sent == nil || answer.Data == nil || errors.Is(sent, ErrAcknowledged) || m.acked.Load() {
		return sent
	}
	// The data cannot be encoded. Answer without it, because the peer waits.
	answer.Data = nil
	return errors.Join(sent, m.Ack(failed{&answer}))
}
