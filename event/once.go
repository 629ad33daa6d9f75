package event

import (
	"context"
	"sync/atomic"
)

// Once returns a registrar whose handlers run for one event each and are then removed.
//
//	event.On(event.Once(s), Ready, start)
//
// The event is the first that arrives at what r is: on a namespace that is the first of any of its sockets. An event
// whose payload does not decode is one too.
func Once[S any](r Registrar[S]) Registrar[S] { return once[S]{r} }

type once[S any] struct{ Registrar[S] }

func (o once[S]) On(name string, h Handler[S]) (off func()) {
	if h == nil {
		panic("event: nil handler for " + name)
	}
	var ran atomic.Bool
	added := make(chan struct{}) // closed when off is set, which an event may come before
	off = o.Registrar.On(name, func(ctx context.Context, s S, m *Message) error {
		if ran.Swap(true) {
			return nil
		}
		<-added
		off()
		return h(ctx, s, m)
	})
	close(added)
	return off
}
