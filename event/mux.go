package event

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/parleyio/parley/internal/payload"
)

// Handler handles an event of a socket of type S. The context is cancelled when the socket disconnects. The handler
// answers with [Message.Ack]. If it returns an error instead, the error is sent as the acknowledgement.
type Handler[S any] func(ctx context.Context, s S, m *Message) error

// Mux holds the handlers of each event. The zero value is ready for use. It is safe for concurrent use: lookups take no
// lock, and each change copies the table.
type Mux[S any] struct {
	mu     sync.Mutex // serialises changes
	events atomic.Pointer[map[string]registered[S]]
}

// registered holds the handlers of one event. tokens[i] identifies handlers[i] for removal. The slices are not changed.
type registered[S any] struct {
	handlers []Handler[S]
	tokens   []*token
}

type token struct{ _ byte } // not of size zero, so that each has its own address

// On adds a handler for events of this name. Handlers run in the order in which they were added. On panics on a nil handler
// and on a reserved name (see [parser.ErrReservedEvent]), because both are programming errors.
//
// The returned function removes the handler. It may be called more than once. It does not stop a handler that is running.
func (x *Mux[S]) On(name string, h Handler[S]) (off func()) {
	if h == nil {
		panic("event: nil handler for " + name)
	}
	if payload.Reserved(name) {
		panic("event: handler for the reserved event name " + name)
	}
	t := new(token)
	x.change(name, func(r registered[S]) registered[S] {
		return registered[S]{append(slices.Clip(r.handlers), h), append(slices.Clip(r.tokens), t)}
	})
	return func() {
		x.change(name, func(r registered[S]) registered[S] {
			i := slices.Index(r.tokens, t)
			if i < 0 {
				return r
			}
			return registered[S]{slices.Concat(r.handlers[:i], r.handlers[i+1:]), slices.Concat(r.tokens[:i], r.tokens[i+1:])}
		})
	}
}

func (x *Mux[S]) change(name string, f func(registered[S]) registered[S]) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var events map[string]registered[S]
	if old := x.events.Load(); old != nil {
		events = maps.Clone(*old)
	} else {
		events = make(map[string]registered[S])
	}
	if r := f(events[name]); len(r.handlers) > 0 {
		events[name] = r
	} else {
		delete(events, name)
	}
	x.events.Store(&events)
}

// Handlers returns the handlers of an event in the order in which they were added, or nil. The slice must not be changed.
func (x *Mux[S]) Handlers(name string) []Handler[S] {
	events := x.events.Load()
	if events == nil {
		return nil
	}
	return (*events)[name].handlers
}
