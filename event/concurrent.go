package event

import "context"

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
		runner := m.inner().Runner()
		if runner == nil {
			return h(ctx, s, m)
		}
		runner.Run(m.inner(), func() error { return h(ctx, s, m) })
		return nil
	})
}
