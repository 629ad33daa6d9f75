package event

import (
	"context"
	"sync/atomic"
)

// Once returns a registrar whose handlers run at most once: each is removed when its first event arrives.
//
//	event.On(event.Once(s), Ready, start)
//
// On a namespace this is the first event of any of its sockets. An event whose payload cannot be decoded also counts.
func Once[S any](r Registrar[S]) Registrar[S] { return once[S]{r} }

type once[S any] struct{ Registrar[S] }

func (o once[S]) On(name string, h Handler[S]) (off func()) {
	if h == nil {
		panic("event: nil handler for " + name)
	}
	var ran atomic.Bool
	added := make(chan struct{}) // closed when off is set; an event may arrive before that
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
