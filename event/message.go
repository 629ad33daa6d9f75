package event

import (
	"errors"
	"strconv"
	"sync/atomic"

	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// Message is an incoming event, or the answer to one that was sent with an acknowledgement. Its arguments stay as they
// came until they are scanned.
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

// NewMessage returns the message that a decoded Event or Ack packet carries. The acker is nil for answers, which cannot
// be acknowledged. The packet must not be changed afterwards. For engines and tests.
func NewMessage(p *parser.Packet, acker Acker) *Message {
	m := &Message{packet: p, acker: acker}
	if p.Type == parser.Event {
		if name, rest, err := payload.EventName(p.Data); err == nil {
			m.name, m.args = name, rest
		}
	}
	return m
}

// Name returns the event's name; it is empty for an answer.
func (m *Message) Name() string { return m.name }

// Len returns the number of arguments. It counts them in the text at each call.
func (m *Message) Len() int {
	n := 0
	for _, at, ok := payload.Next(m.packet.Data, m.args); ok; _, at, ok = payload.Next(m.packet.Data, at) {
		n++
	}
	return n
}

// Scan decodes the arguments into the pointers, one after another. A nil pointer skips its argument, and arguments for
// which there is no pointer are ignored.
//
// Decoding follows encoding/json; binary values go into []byte and any. The error is an *[Error] with code [Invalid]: it
// names the argument, counted from 1, that is missing or does not fit, and the field in it. Only a destination that is no
// pointer is another error.
func (m *Message) Scan(dst ...any) error {
	at := m.args
	for i, d := range dst {
		value, next, ok := payload.Next(m.packet.Data, at)
		if !ok {
			return &Error{Code: Invalid, Message: "argument " + strconv.Itoa(i+1) + " is missing"}
		}
		at = next
		if d == nil {
			continue
		}
		if err := payload.Unmarshal(value, m.packet.Attachments, d); err != nil {
			return misfit(i, err)
		}
	}
	return nil
}

// Raw returns argument i, counted from 0, without decoding it; it is empty when there is none. It shares memory with the
// message and must not be changed.
func (m *Message) Raw(i int) parser.Raw {
	at := m.args
	for ; ; i-- {
		value, next, ok := payload.Next(m.packet.Data, at)
		if !ok || i < 0 {
			return parser.Raw{}
		}
		if i == 0 {
			return payload.NewRaw(value, m.packet.Attachments)
		}
		at = next
	}
}

// Raws returns all arguments, each a [parser.Raw], ready to be emitted as they came:
//
//	s.To("room").Emit(m.Name(), m.Raws()...)
func (m *Message) Raws() []any {
	var args []any
	for value, at, ok := payload.Next(m.packet.Data, m.args); ok; value, at, ok = payload.Next(m.packet.Data, at) {
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

// failure is the wire form of a failed event.
type failure struct {
	Error *Error `json:"error"`
}

// Fail answers the sender with what [AsError] makes of err; it is like [Message.Ack] otherwise. A nil err answers
// without arguments. For engines: a handler returns its error.
func (m *Message) Fail(err error) error {
	e := AsError(err)
	if e == nil {
		return m.Ack()
	}
	sent := m.Ack(failure{e})
	if sent == nil || e.Data == nil || errors.Is(sent, ErrAcknowledged) || m.acked.Load() {
		return sent
	}
	// The data cannot be encoded. The peer must not wait because of that.
	return errors.Join(sent, m.Ack(failure{&Error{Code: e.Code, Message: e.Message}}))
}

// finish answers without arguments an event that its handler has not answered.
func (m *Message) finish() error {
	if err := m.Ack(); !errors.Is(err, ErrAcknowledged) {
		return err
	}
	return nil
}
