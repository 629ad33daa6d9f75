// Package socketio is a Socket.IO server: namespaces, rooms, broadcasts and acknowledgements for any client that speaks
// revision 5 of the protocol, the official socket.io-client since version 3 among them, and with [Options].AllowEIO3 for
// clients of Socket.IO 2.
//
// # Usage
//
// A [Server] is a [net/http.Handler]:
//
//	io, err := socketio.New(nil)
//	io.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
//		return s.Join("lobby")
//	})
//	event.On(io, ChatMessage, func(ctx context.Context, s *socketio.Socket, m Message) error {
//		return event.Emit(s.To("lobby"), ChatMessage, m)
//	})
//	mux.Handle("/socket.io/", io)
//
// Handlers are registered on the server, which stands for its namespace "/", on another [Namespace], or on one [Socket].
// Events may be typed (package event) or handled as they came: [event.Message] gives their arguments. [event.Once] makes
// a handler run once.
//
// # Choosing sockets
//
// A [Socket] emits to its client; To, In, Except, Local and Broadcast turn to others, and Volatile and Compress say how. On
// a server and a namespace the same methods choose among all sockets. They may be called in any order, return values and
// change nothing:
//
//	s.Volatile().To("lobby").Except("muted").Emit("moved", position)
//	io.Local().Except("muted").Emit("news", 1)
//
// A list of rooms that is empty chooses nobody: To(s.Rooms()...) of a socket that has joined no room reaches no client.
//
// # Namespaces
//
// [Server.Of] makes a namespace that clients can join. [Server.OfPattern] and [Server.OfFunc] make a [ParentNamespace],
// whose children are made when clients ask for them; handlers and middlewares of a parent hold for all its children, and
// an event that it emits reaches all of them. A name that clients choose costs memory: Options.MaxChildNamespaces bounds
// the number of children, a child whose clients were all refused is removed at once, and with
// Options.CleanupEmptyChildNamespaces so is one that the last socket has left.
//
// # Middlewares and listeners
//
// An incoming event passes three steps:
//
//  1. the listeners of OnAny
//  2. the middlewares of UseEvent and Socket.Use; an error stops the event
//  3. the handlers of its name
//
// At each step the parent namespace comes before the namespace, the namespace before the socket, and what was registered
// earlier before what was registered later. The listeners of OnAnyOutgoing are called for each event that is sent to a
// socket, alone or in a broadcast.
//
// # Concurrency
//
// All methods may be called from any goroutine. The events of one socket are handled one after another, in the order in
// which the client sent them; those of different sockets are handled at the same time. OnConnection comes first, events
// that arrived before a disconnect are still handled, and OnDisconnect comes once, last. A handler may block: it holds
// up the later events of its own socket only, and when too many have piled up, the client. So a handler that waits for its
// client's answer, in [Socket.EmitWithAck], delays the client's other events; [Socket.EmitWithAckFunc] does not wait.
// [event.Concurrent] opts one handler out of the order.
//
// A handler's context carries the values of Options.BaseContext and is cancelled when its socket disconnects; its cause
// is then a *[DisconnectError], as [Socket.Err] is. The context of OnDisconnect is not cancelled.
//
// # Delivery
//
// Emit does not block: it encodes, hands the packet to the connection or its send queue, and returns. A broadcast is
// encoded once, whatever the number of receivers, and the broadcasts of one goroutine reach each socket in their order.
// Delivery is at most once: what is sent to a client that has gone is lost. A client that does not read fast enough is
// disconnected with the reason [SlowConsumer].
//
// # Log
//
// Options.Logger receives a line, at level Warn, for each client that is refused, or disconnected by anything but an ordinary
// leave: why, what the client sent, and which option changes it. It is written at most once a minute for each cause, with the
// number of further ones. docs/troubleshooting.md explains all lines.
//
// # Errors
//
// An *event.Error that a handler returns is sent to the client as the acknowledgement, any other error is logged and
// sent as "internal". Without an acknowledgement nothing is sent and Options.OnError is called. A handler that panics
// ends its event only.
//
// Errors that a program may want to tell apart have names in this package ([ErrClosed] and its neighbours,
// [IncompleteError]), whichever package they come from, and so have the reasons of a disconnect ([Reason]).
package socketio
