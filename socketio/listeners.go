package socketio

import (
	"context"

	"github.com/parleyio/parley/event"
)

// Use adds a middleware for the incoming events of this socket, and returns the function that removes it; it runs behind
// those of the namespace. See Namespace.UseEvent.
func (s *Socket) Use(middleware func(ctx context.Context, s *Socket, m *event.Message) error) (off func()) {
	if middleware == nil {
		panic("socketio: nil middleware")
	}
	return s.listeners().filters.add(middleware)
}

// On adds a handler for events of this socket; it runs behind those of the namespace. See Namespace.On.
func (s *Socket) On(name string, h event.Handler[*Socket]) (off func()) {
	events := s.events.Load()
	if events == nil {
		s.events.CompareAndSwap(nil, new(event.Mux[*Socket]))
		events = s.events.Load()
	}
	return events.On(name, h)
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

// OnDisconnect adds a function that is called once when the socket has disconnected, and returns the function that removes
// it; see Namespace.OnDisconnect. One that is added after those of OnDisconnect were called is not called.
func (s *Socket) OnDisconnect(f func(ctx context.Context, s *Socket, reason Reason)) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnDisconnect")
	}
	return s.listeners().disconnect.add(f)
}

func (s *Socket) listeners() *listeners {
	if own := s.own.Load(); own != nil {
		return own
	}
	own := new(listeners)
	own.outgoing.total, own.onDrain.total = &s.nsp.watched, &s.nsp.server.drainListeners
	if !s.own.CompareAndSwap(nil, own) {
		return s.own.Load()
	}
	if s.finished.Load() { // its end may not have seen the listeners
		own.outgoing.end()
		own.onDrain.end()
	}
	return own
}

// endListeners lets broadcasts, and connections whose queue is written, forget that somebody listens on the socket.
func (s *Socket) endListeners() {
	if own := s.own.Load(); own != nil {
		own.outgoing.end()
		own.onDrain.end()
	}
}
