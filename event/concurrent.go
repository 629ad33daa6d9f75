package event

import "context"

// Runner is the optional ability of an [Acker] to run a handler beside the events that follow. The engine owns the
// goroutine: it bounds their number, treats the result of f as that of m's handler, recovers its panic and waits for it
// when it shuts down. Run returns without waiting for f, unless too many run already.
type Runner interface {
	Run(m *Message, f func() error)
}

// Concurrent returns a registrar whose handlers do not hold up the socket's next events: the one opt-out of the order
// in which the events of a socket are handled.
//
//	event.OnWithAck(event.Concurrent(io), Report, slowReport)
//
// Such a handler may run at the same time as any other handler of its socket, itself included. Where the engine cannot
// do that, handlers run in order.
func Concurrent[S any](r Registrar[S]) Registrar[S] { return concurrent[S]{r} }

type concurrent[S any] struct{ Registrar[S] }

func (c concurrent[S]) On(name string, h Handler[S]) (off func()) {
	if h == nil {
		panic("event: nil handler for " + name)
	}
	return c.Registrar.On(name, func(ctx context.Context, s S, m *Message) error {
		runner, ok := m.acker.(Runner)
		if !ok {
			return h(ctx, s, m)
		}
		runner.Run(m, func() error { return h(ctx, s, m) })
		return nil
	})
}
