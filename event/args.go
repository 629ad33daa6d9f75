package event

// None is the payload of an event without arguments, and the result of an acknowledgement without arguments. If the peer
// sends arguments, they are ignored.
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

// several is implemented by payloads that stand for any number of arguments other than one.
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

// pointers returns a pointer for each argument of a payload, to decode into.
func pointers[T any](payload *T) []any {
	if s, ok := any(payload).(several); ok {
		return s.pointers()
	}
	return []any{payload}
}

// arguments returns the arguments that a payload is sent as.
func arguments[T any](payload T) []any {
	if s, ok := any(&payload).(several); ok {
		return s.arguments()
	}
	return []any{payload}
}
