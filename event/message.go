package event

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/parser"
)

// Message is an incoming event, or the answer to one that was sent with an acknowledgement. Its arguments stay as they
// came until they are scanned. A server or a client makes it.
type Message message.Message

// inner is the message as the engine has it.
func (m *Message) inner() *message.Message { return (*message.Message)(m) }

// Name returns the event's name; it is empty for an answer.
func (m *Message) Name() string { return m.inner().Name() }

// Len returns the number of arguments. It counts them in the text at each call.
func (m *Message) Len() int { return m.inner().Len() }

// Scan decodes the arguments into the pointers, one after another. A nil pointer skips its argument, and arguments for
// which there is no pointer are ignored.
//
// Decoding follows encoding/json; binary values go into []byte and any. The error is an *[Error] with code [Invalid]: it
// names the argument, counted from 1, that is missing or does not fit, and the field in it. Only a destination that is no
// pointer is another error.
func (m *Message) Scan(dst ...any) error {
	at := 0
	for i, d := range dst {
		value, next, ok := m.inner().Next(at)
		if !ok {
			return &Error{Code: Invalid, Message: "argument " + strconv.Itoa(i+1) + " is missing"}
		}
		at = next
		if d == nil {
			continue
		}
		if err := m.inner().Unmarshal(value, d); err != nil {
			return misfit(i, err)
		}
	}
	return nil
}

// Raw returns argument i, counted from 0, without decoding it; it is empty when there is none. It shares memory with the
// message and must not be changed.
func (m *Message) Raw(i int) parser.Raw { return m.inner().Raw(i) }

// Raws returns all arguments, each a [parser.Raw], ready to be emitted as they came:
//
//	s.To("room").Emit(m.Name(), m.Raws()...)
func (m *Message) Raws() []any { return m.inner().Raws() }

// WantsAck reports whether the sender asked for an acknowledgement. It stays true after one was sent.
func (m *Message) WantsAck() bool { return m.inner().WantsAck() }

// ErrAcknowledged is returned by [Message.Ack] when the event has been acknowledged before.
var ErrAcknowledged = message.ErrAcknowledged

// Ack answers the sender with these arguments. It sends at most one answer: a later call returns [ErrAcknowledged] and
// sends nothing. Nothing is sent either, and the result is nil, when the sender did not ask.
//
// Arguments that cannot be encoded are an error, after which the message can still be acknowledged.
func (m *Message) Ack(args ...any) error { return m.inner().Ack(args...) }

// finish answers without arguments an event that its handler has not answered.
func (m *Message) finish() error {
	if err := m.Ack(); !errors.Is(err, ErrAcknowledged) {
		return err
	}
	return nil
}

// failure returns the error that an acknowledgement consists of: one argument, an object whose only key is "error",
// whose value is an object with a code. It is nil for any other answer.
func (m *Message) failure() *Error {
	if m.Len() != 1 {
		return nil
	}
	value, _, _ := m.inner().Next(0)
	// Most answers are told apart by their first bytes.
	if value[0] != '{' || !bytes.HasPrefix(bytes.TrimLeft(value[1:], " \t\r\n"), []byte(`"error"`)) {
		return nil
	}
	var object map[string]*struct {
		Code    *string `json:"code"`
		Message string  `json:"message"`
		Data    any     `json:"data"`
	}
	if err := m.inner().Unmarshal(value, &object); err != nil {
		return nil
	}
	e := object["error"]
	if len(object) != 1 || e == nil || e.Code == nil {
		return nil
	}
	return &Error{Code: *e.Code, Message: e.Message, Data: e.Data}
}
