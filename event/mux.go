package event

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/parleyio/parley/internal/payload"
)

// Handler handles an event of a socket of type S. The context ends with the socket. The handler answers through
// [Message.Ack]; an error that it returns is answered for it.
type Handler[S any] func(ctx context.Context, s S, m *Message) error

// Mux holds the handlers of each event. The zero value is ready for use. It is safe for concurrent use: reading takes
// no lock, and a change copies what it changes.
type Mux[S any] struct {
	mu     sync.Mutex // serialises changes
	events atomic.Pointer[map[string]registered[S]]
}

// registered is one event's handlers, with a token beside each by which it is removed. Neither slice changes.
type registered[S any] struct {
	handlers []Handler[S]
	tokens   []*token
}

type token struct{ _ byte } // not of size zero: each has an address of its own

// On adds a handler for the events of this name, behind those it has. It panics on a nil handler and on a reserved name
// (see [parser.ErrReservedEvent]), which are errors of the program.
//
// The returned function removes the handler. It may be called more than once. A run that has begun goes on.
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

// Handlers returns the handlers of an event in the order in which they were added; nil when it has none. The slice must
// not be changed.
func (x *Mux[S]) Handlers(name string) []Handler[S] {
	events := x.events.Load()
	if events == nil {
		return nil
	}
	return (*events)[name].handlers
}
