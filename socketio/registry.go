package socketio

import (
	"context"
	"sync/atomic"

	"github.com/parleyio/parley/event"
)

// registry is what the application has registered on a namespace or on a parent namespace. Nothing is copied from a
// parent to its children: a socket looks into both.
type registry struct {
	middlewares chain[func(context.Context, *Socket) error] // of Use
	connection  chain[func(context.Context, *Socket) error]
	disconnect  chain[func(context.Context, *Socket, Reason)]

	events   event.Mux[*Socket]
	filters  chain[event.Handler[*Socket]] // of UseEvent
	incoming chain[event.Handler[*Socket]] // of OnAny
	outgoing chain[func(*Socket, *event.Message)]
	onDrain  chain[func(context.Context, *Socket)]

	slow atomic.Pointer[slowConsumer] // nil unless there is a policy of its own
}

// listeners is what is registered on one socket, beside its handlers.
type listeners struct {
	filters    chain[event.Handler[*Socket]] // of Use
	incoming   chain[event.Handler[*Socket]] // of OnAny
	outgoing   chain[func(*Socket, *event.Message)]
	onDrain    chain[func(context.Context, *Socket)]
	disconnect chain[func(context.Context, *Socket, Reason)]
}

// Use adds a middleware: it is called when a client joins the namespace, before the socket is connected, and an error
// refuses it. The client receives the message and the data of an *event.Error, and its code as data.code, if data is nil or
// an object. Of any other error it receives the message "internal", and the error is logged. Middlewares run one after
// another in the order in which they were added.
//
// It returns the function that removes the middleware, which, like that of every registration in this package, may be
// called more than once and from any goroutine; what runs already goes on.
func (r *registry) Use(middleware func(ctx context.Context, s *Socket) error) (off func()) {
	if middleware == nil {
		panic("socketio: nil middleware")
	}
	return r.middlewares.add(middleware)
}

// UseEvent adds a middleware for the incoming events of every socket: it is called with each event, whatever its name
// and whether or not there is a handler, before the handlers. An error keeps the event from all that come later and
// is dealt with like that of a handler. Middlewares run in the order in which they were added, those of Socket.Use behind
// them; acknowledgements do not pass through them. It returns the function that removes the middleware.
func (r *registry) UseEvent(middleware func(ctx context.Context, s *Socket, m *event.Message) error) (off func()) {
	if middleware == nil {
		panic("socketio: nil middleware")
	}
	return r.filters.add(middleware)
}

// OnConnection adds a function that is called for each socket once it is connected, before any of its events is
// handled. An error is logged and disconnects the socket. It returns the function that removes it.
func (r *registry) OnConnection(f func(ctx context.Context, s *Socket) error) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnConnection")
	}
	return r.connection.add(f)
}

// OnDisconnect adds a function that is called once for each socket that was connected, after all its events have been
// handled, with a context that is not cancelled. It returns the function that removes it.
func (r *registry) OnDisconnect(f func(ctx context.Context, s *Socket, reason Reason)) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnDisconnect")
	}
	return r.disconnect.add(f)
}

// On adds a handler for an event of every socket, and returns the function that removes it. A handler that the client
// asked for an acknowledgement calls Message.Ack; package event has typed handlers that need not. It panics on a nil
// handler and on a reserved name.
func (r *registry) On(name string, h event.Handler[*Socket]) (off func()) {
	return r.events.On(name, h)
}

// OnAny adds a listener for all incoming events of every socket, and returns the function that removes it. It is called with
// each event, whatever its name, before the middlewares of UseEvent and before the event's own handlers, in the order of the
// socket's events; acknowledgements are no events. Its error is dealt with like that of a handler. The event still reaches
// all other listeners and handlers.
//
// Listeners are called in the order in which they were added: those of the parent namespace, of the namespace, of the
// socket. To run first, register first or on an outer scope.
func (r *registry) OnAny(f func(ctx context.Context, s *Socket, m *event.Message) error) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnAny")
	}
	return r.incoming.add(f)
}

// OnAnyOutgoing adds a listener for all events that this node sends to sockets, and returns the function that removes
// it. It is called once for each socket that is about to be sent the event, so for a broadcast once for each receiver on
// this node; the message is then the same one, and made only when there are listeners. It is not called for what other
// nodes of a cluster broadcast, nor of what is sent again to a socket that is recovered. Acknowledgements are no events.
// An event may still be lost behind the listener, because it is volatile or the client has gone.
//
// The listener runs on the goroutine that emits, which it holds up, in the order that OnAny has. It must not change what
// the message shows, and it is called again for what it emits itself.
func (r *registry) OnAnyOutgoing(f func(s *Socket, m *event.Message)) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnAnyOutgoing")
	}
	return r.outgoing.add(f)
}

// SetSlowConsumer says what happens to the events of this namespace, or of a parent's children, when a client does not
// keep up, instead of Options.SlowConsumer or what the parent says. It holds for events that are sent later.
func (r *registry) SetSlowConsumer(policy SlowConsumerPolicy) { r.slow.Store(newSlowConsumer(policy)) }
