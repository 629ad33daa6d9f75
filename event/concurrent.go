package event

import "context"

// Concurrent returns a registrar whose handlers do not delay the socket's next events. By default the events of a socket
// are handled in order; this is the only way to opt out.
//
//	event.OnWithAck(event.Concurrent(io), Report, slowReport)
//
// The handler may run at the same time as any other handler of its socket, and several times at once. If the server or
// client behind r cannot run handlers concurrently, they run in order.
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
