package socketio

import (
	"context"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/parser"
)

// listeners is what is registered on one socket, beside its handlers.
type listeners struct {
	filters    chain[event.Handler[*Socket]] // of Use
	incoming   chain[event.Handler[*Socket]] // of OnAny
	outgoing   chain[func(*Socket, *event.Message)]
	drain      chain[func(context.Context, *Socket)]
	disconnect chain[func(context.Context, *Socket, Reason)]
}

// Use adds a middleware for the incoming events of this socket, and returns the function that removes it; it runs behind
// those of the namespace. See Namespace.UseEvent.
func (s *Socket) Use(middleware func(ctx context.Context, s *Socket, m *event.Message) error) (off func()) {
	if middleware == nil {
		panic("socketio: nil middleware")
	}
	return s.listeners().filters.add(middleware)
}

// OnAny adds a listener for all incoming events of this socket; it runs behind those of the namespace. See
// Namespace.OnAny.
func (s *Socket) OnAny(f func(ctx context.Context, s *Socket, m *event.Message) error) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnAny")
	}
	return s.listeners().incoming.add(f)
}

// OnAnyOutgoing adds a listener for all events that are sent to this socket, alone or in a broadcast; it runs behind
// those of the namespace. See Namespace.OnAnyOutgoing.
func (s *Socket) OnAnyOutgoing(f func(s *Socket, m *event.Message)) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnAnyOutgoing")
	}
	return s.listeners().outgoing.add(f)
}

func (s *Socket) listeners() *listeners {
	if own := s.own.Load(); own != nil {
		return own
	}
	own := new(listeners)
	own.outgoing.total, own.drain.total = &s.nsp.watched, &s.nsp.server.drains
	if !s.own.CompareAndSwap(nil, own) {
		return s.own.Load()
	}
	if s.told.Load() { // its end may not have seen the listeners
		own.outgoing.end()
		own.drain.end()
	}
	return own
}

// unwatch lets broadcasts, and the telling of drains, forget that somebody listens on the socket.
func (s *Socket) unwatch() {
	if own := s.own.Load(); own != nil {
		own.outgoing.end()
		own.drain.end()
	}
}

// caught calls the listeners for all incoming events and reports whether there are any.
func (s *Socket) caught(m *event.Message) (found bool) {
	for _, r := range s.nsp.registries {
		for _, f := range r.incoming.all() {
			s.call(m, *f)
			found = true
		}
	}
	if own := s.own.Load(); own != nil {
		for _, f := range own.incoming.all() {
			s.call(m, *f)
			found = true
		}
	}
	return found
}

// admit runs the middlewares for incoming events. It reports false when one has stopped the event.
func (s *Socket) admit(m *event.Message) bool {
	for _, r := range s.nsp.registries {
		for _, f := range r.filters.all() {
			if !s.call(m, *f) {
				return false
			}
		}
	}
	if own := s.own.Load(); own != nil {
		for _, f := range own.filters.all() {
			if !s.call(m, *f) {
				return false
			}
		}
	}
	return true
}

// observed reports whether anybody listens to outgoing events. It is asked at each.
func (n *Namespace) observed() bool {
	for _, r := range n.registries {
		if len(r.outgoing.all()) > 0 {
			return true
		}
	}
	return n.watched.Load() > 0
}

// observe tells the listeners of an event that the chosen sockets are about to be sent. It is done here and not where
// an adapter delivers, because an adapter may do that with a lock held.
func (b *Broadcast) observe(p *parser.Packet) {
	if !b.nsp.observed() {
		return
	}
	m := (*event.Message)(message.Parse(p, nil))
	for _, s := range b.Sockets() {
		s.sending(m)
	}
}

// observe tells the listeners of an event that the socket alone is about to be sent.
func (s *Socket) observe(p *parser.Packet) {
	if s.nsp.observed() {
		s.sending((*event.Message)(message.Parse(p, nil)))
	}
}

// sending calls the listeners for outgoing events. A panic of one has been logged by protect.
func (s *Socket) sending(m *event.Message) {
	tell := func(f func(*Socket, *event.Message)) {
		_ = s.protect(m.Name(), func() error { f(s, m); return nil })
	}
	for _, r := range s.nsp.registries {
		for _, f := range r.outgoing.all() {
			tell(*f)
		}
	}
	if own := s.own.Load(); own != nil {
		for _, f := range own.outgoing.all() {
			tell(*f)
		}
	}
}
