package event

import (
	"bytes"

	"github.com/parleyio/parley/internal/payload"
)

// None is the payload of an event without arguments, and the result of an acknowledgement without any. Arguments that
// come all the same are ignored.
type None struct{}

// Args2 is the payload of an event with two arguments.
type Args2[A, B any] struct {
	A A
	B B
}

// Args3 is the payload of an event with three arguments.
type Args3[A, B, C any] struct {
	A A
	B B
	C C
}

// several is a payload that is not exactly one argument.
type several interface {
	pointers() []any
	arguments() []any
}

func (*None) pointers() []any  { return nil }
func (*None) arguments() []any { return nil }

func (a *Args2[A, B]) pointers() []any  { return []any{&a.A, &a.B} }
func (a *Args2[A, B]) arguments() []any { return []any{a.A, a.B} }

func (a *Args3[A, B, C]) pointers() []any  { return []any{&a.A, &a.B, &a.C} }
func (a *Args3[A, B, C]) arguments() []any { return []any{a.A, a.B, a.C} }

// pointers returns where the arguments of a payload are decoded to.
func pointers[T any](payload *T) []any {
	if s, ok := any(payload).(several); ok {
		return s.pointers()
	}
	return []any{payload}
}

// arguments returns what a payload is sent as.
func arguments[T any](payload T) []any {
	if s, ok := any(&payload).(several); ok {
		return s.arguments()
	}
	return []any{payload}
}

// failure returns the error that an acknowledgement consists of: one argument, an object whose only key is "error",
// whose value is an object with a code. It is nil for any other answer.
func (m *Message) failure() *Error {
	if m.Len() != 1 {
		return nil
	}
	value, _, _ := payload.Next(m.packet.Data, m.args)
	// Most answers are told apart by their first bytes.
	if value[0] != '{' || !bytes.HasPrefix(bytes.TrimLeft(value[1:], " \t\r\n"), []byte(`"error"`)) {
		return nil
	}
	var object map[string]*struct {
		Code    *string `json:"code"`
		Message string  `json:"message"`
		Data    any     `json:"data"`
	}
	if err := payload.Unmarshal(value, m.packet.Attachments, &object); err != nil {
		return nil
	}
	e := object["error"]
	if len(object) != 1 || e == nil || e.Code == nil {
		return nil
	}
	return &Error{Code: *e.Code, Message: e.Message, Data: e.Data}
}
