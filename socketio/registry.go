package socketio

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/parleyio/parley/event"
)

// registry is what the application has registered on a namespace or on a parent namespace. Nothing is copied from a
// parent to its children: a socket looks into both.
type registry struct {
	events   event.Mux[*Socket]
	filters  chain[event.Handler[*Socket]] // of UseEvent
	incoming chain[event.Handler[*Socket]] // of OnAny
	outgoing chain[func(*Socket, *event.Message)]
	drain    chain[func(context.Context, *Socket)]
	slow     atomic.Pointer[slowConsumer] // nil unless there is a policy of its own

	mu           sync.RWMutex // guards the fields below, which are replaced and never changed
	middlewares  []func(context.Context, *Socket) error
	onConnection []func(context.Context, *Socket) error
	onDisconnect []func(context.Context, *Socket, Reason)
}

// Use adds a middleware: it is called when a client joins the namespace, before the socket is connected, and an error
// refuses it. The client is told the message and the data of an *event.Error, and "internal" of any other error, which
// is logged. Middlewares run one after another in the order in which they were added.
func (r *registry) Use(middleware func(ctx context.Context, s *Socket) error) {
	if middleware == nil {
		panic("socketio: nil middleware")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.middlewares = appended(r.middlewares, middleware)
}

// UseEvent adds a middleware for the incoming events of every socket: it is called with each event, whatever its name
// and whether or not there is a handler, before the handlers. An error keeps the event from all that come later and
// is dealt with like that of a handler. Middlewares run in the order in which they were added, those of Socket.Use behind
// them; acknowledgements do not pass through them.
func (r *registry) UseEvent(middleware func(ctx context.Context, s *Socket, m *event.Message) error) {
	if middleware == nil {
		panic("socketio: nil middleware")
	}
	r.filters.add(middleware)
}

// OnConnection adds a function that is called for each socket once it is connected, before any of its events is
// handled. An error is logged and disconnects the socket.
func (r *registry) OnConnection(f func(ctx context.Context, s *Socket) error) {
	if f == nil {
		panic("socketio: nil function for OnConnection")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onConnection = appended(r.onConnection, f)
}

// OnDisconnect adds a function that is called once for each socket that was connected, after all its events have been
// handled, with a context that is not cancelled.
func (r *registry) OnDisconnect(f func(ctx context.Context, s *Socket, reason Reason)) {
	if f == nil {
		panic("socketio: nil function for OnDisconnect")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onDisconnect = appended(r.onDisconnect, f)
}

// On adds a handler for an event of every socket, and returns the function that removes it. A handler that the client
// asked for an acknowledgement calls Message.Ack; package event has typed handlers that need not. It panics on a nil
// handler and on a reserved name.
func (r *registry) On(name string, h event.Handler[*Socket]) (off func()) {
	return r.events.On(name, h)
}

// OnAny adds a listener for all incoming events of every socket, and returns the function that removes it. It is called
// with each event, whatever its name, before the middlewares of UseEvent and before the event's own handlers, in the
// order of the socket's events; acknowledgements are no events. Its error is dealt with like that of a handler and keeps
// the event from nobody.
//
// Listeners are called in the order in which they were added: those of the parent namespace, of the namespace, of the
// socket. One that is to come first is added first, or further out.
func (r *registry) OnAny(f func(ctx context.Context, s *Socket, m *event.Message) error) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnAny")
	}
	return r.incoming.add(f)
}

// OnAnyOutgoing adds a listener for all events that this node sends to sockets, and returns the function that removes
// it. It is called once for each socket that is about to be sent the event, so for a broadcast once for each receiver on
// this node; the message is then the same one, and made only when there are listeners. It is not told of what other
// nodes of a cluster broadcast, nor of what is sent again to a socket that is recovered. Acknowledgements are no events.
// An event may still be lost behind the listener, because it is volatile or the client has gone.
//
// The listener runs on the goroutine that emits, which it holds up, in the order that OnAny has. It must not change what
// the message shows, and what it emits itself is told to it again.
func (r *registry) OnAnyOutgoing(f func(s *Socket, m *event.Message)) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnAnyOutgoing")
	}
	return r.outgoing.add(f)
}

// appended returns a new slice, so that readers of the old one need no lock.
func appended[T any](list []T, v T) []T { return append(list[:len(list):len(list)], v) }

// hooks returns what is called when a socket connects, the parent's first.
func (n *Namespace) hooks() (middlewares, onConnection []func(context.Context, *Socket) error) {
	for _, r := range n.registries {
		r.mu.RLock()
		middlewares = joined(middlewares, r.middlewares)
		onConnection = joined(onConnection, r.onConnection)
		r.mu.RUnlock()
	}
	return middlewares, onConnection
}

// disconnectHooks returns what is called when a socket has disconnected, the parent's first.
func (n *Namespace) disconnectHooks() (onDisconnect []func(context.Context, *Socket, Reason)) {
	for _, r := range n.registries {
		r.mu.RLock()
		onDisconnect = joined(onDisconnect, r.onDisconnect)
		r.mu.RUnlock()
	}
	return onDisconnect
}

// joined returns the two lists in one, which is not a copy when one of them is empty.
func joined[T any](a, b []T) []T {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	return append(a[:len(a):len(a)], b...)
}
