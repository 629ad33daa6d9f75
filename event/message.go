package event

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/parser"
)

// Message is an incoming event, or the answer to an event that was sent with an acknowledgement. Its arguments are kept
// encoded until they are scanned. Messages are made by servers and clients.
type Message message.Message

// inner returns the message with the methods that only servers and clients use.
func (m *Message) inner() *message.Message { return (*message.Message)(m) }

// Name returns the event's name; it is empty for an answer.
func (m *Message) Name() string { return m.inner().Name() }

// Len returns the number of arguments. Each call scans the encoded arguments.
func (m *Message) Len() int { return m.inner().Len() }

// Scan decodes the arguments into the pointers, in order. A nil skips its argument; further arguments are ignored.
//
// Decoding follows encoding/json, and is stricter in two points. A key must match the name in the field's json tag exactly: a
// key that differs in upper and lower case is an error. (Fields without a name in a tag accept any case, as in
// encoding/json.) And null is only accepted by types that have a nil, and by types with an UnmarshalJSON or UnmarshalText
// method, but not by time.Time. Binary values go into []byte and any. Unknown keys are ignored, unless
// socketio.Options.UnknownKeys says otherwise.
//
// After decoding, a destination with a Validate method is validated; see [Validator].
//
// When an argument is missing, does not fit or is not valid, the error is an *[Error] with code [Invalid] that names the
// argument, counted from 1, and the field in it. When a destination is not a pointer, the error is an ordinary one.
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

// Raw returns argument i, counted from 0, without decoding it. It is empty when there is no such argument. It shares
// memory with the message and must not be changed.
func (m *Message) Raw(i int) parser.Raw { return m.inner().Raw(i) }

// Raws returns all arguments without decoding them, each as a [parser.Raw]. They can be emitted again:
//
//	s.To("room").Emit(m.Name(), m.Raws()...)
func (m *Message) Raws() []any { return m.inner().Raws() }

// WantsAck reports whether the sender asked for an acknowledgement. It stays true after the event was acknowledged.
func (m *Message) WantsAck() bool { return m.inner().WantsAck() }

// ErrAcknowledged is returned by [Message.Ack] when the event has already been acknowledged. The first answer was sent and
// stands.
var ErrAcknowledged = message.ErrAcknowledged

// Ack answers the sender with these arguments. Only the first call sends an answer: later calls return [ErrAcknowledged].
// When the sender did not ask for an acknowledgement, Ack sends nothing and returns nil.
//
// When the arguments cannot be encoded, Ack returns an error and the message can still be acknowledged.
func (m *Message) Ack(args ...any) error { return m.inner().Ack(args...) }

// finish acknowledges an event without arguments, unless it has already been acknowledged.
func (m *Message) finish() error {
	if err := m.Ack(); !errors.Is(err, ErrAcknowledged) {
		return err
	}
	return nil
}

// failure returns the error in an acknowledgement of this form: one argument, which is an object with the single key
// "error", whose value is an object with a code. It returns nil for any other answer.
func (m *Message) failure() *Error {
	if m.Len() != 1 {
		return nil
	}
	value, _, _ := m.inner().Next(0)
	// The first bytes rule out most answers.
	if value[0] != '{' || !bytes.HasPrefix(bytes.TrimLeft(value[1:], " \t\r\n"), []byte(`"error"`)) {
		return nil
	}
	var object map[string]*struct {
		Code    *string `json:"code"`
		Message string  `json:"message"`
		Data    any     `json:"data"`
	}
	if err := m.inner().Peek(value, &object); err != nil {
		return nil
	}
	e := object["error"]
	if len(object) != 1 || e == nil || e.Code == nil {
		return nil
	}
	return &Error{Code: *e.Code, Message: e.Message, Data: e.Data}
}
