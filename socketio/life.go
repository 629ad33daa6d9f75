package socketio

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/guard"
	"github.com/parleyio/parley/parser"
)

// state is the state of a socket.
type state uint8

const (
	connecting state = iota // middlewares run
	connected
	disconnected
)

// open finds the namespace, runs the middlewares and connects the socket, on its worker.
func (s *Socket) open() {
	if err := s.enter(); err != nil {
		s.refuse(err)
		return
	}
	session := s.restore()
	// All before the first runs: those that one adds are for the next socket.
	middlewares := registered(s.nsp, func(r *registry) *chain[func(context.Context, *Socket) error] { return &r.middlewares })
	onConnection := registered(s.nsp, func(r *registry) *chain[func(context.Context, *Socket) error] { return &r.connection })
	if session != nil && s.nsp.server.opts.skipMiddlewares() {
		middlewares = nil
	}
	for _, middleware := range middlewares {
		if err := s.protect("middleware", func() error { return (*middleware)(s.ctx, s) }); err != nil {
			s.refuse(err)
			s.abandon(session)
			return
		}
		if !s.live() {
			s.abandon(session)
			return
		}
	}
	err := s.identify()
	if err != nil {
		s.refuse(err)
		s.abandon(session)
		return
	}
	err = s.connect(session)
	switch {
	case err == nil:
	case session != nil && !errors.Is(err, ErrClosed):
		// A refusal would keep the client away; a lost connection brings it back, as a new socket.
		s.recoveryFailed(err)
		if !errors.Is(err, ErrUnknownOffset) { // of this the adapter tells
			s.nsp.expired(session)
		}
		s.conn.session.Abort(engineio.ForcedClose, err)
		return
	default:
		s.refuse(err)
		s.abandon(session)
		return
	}
	for _, f := range onConnection {
		if err := s.protect("connection", func() error { return (*f)(s.ctx, s) }); err != nil {
			s.log("connection refused by its handler", "connection", err)
			s.Disconnect(false)
			return
		}
	}
}

// connect lets the socket into its namespace and tells the client; session is nil for a new socket. It returns ErrClosed
// if the socket has disconnected while its middlewares ran.
func (s *Socket) connect(session *cluster.Leftover) error {
	reply, err := s.conn.marshalReply(struct {
		SID string `json:"sid"`
		PID string `json:"pid,omitempty"`
	}{s.id, s.recovery.pid})
	if err != nil {
		return err
	}
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.state == disconnected {
		return ErrClosed
	}
	// A member before the reply: who has seen the client connect may send to it.
	if err := s.enterLocked(session); err != nil {
		return err
	}
	if len(s.rooms) > 0 {
		if err := s.nsp.adapter.Join(s.id, s.rooms...); err != nil {
			s.exitLocked(ServerDisconnect)
			return err
		}
		s.rooms = nil
	}
	s.state, s.accepted = connected, true
	c.stopConnectTimerLocked()
	_ = c.send(&parser.Packet{Type: parser.Connect, Namespace: s.nsp.name, Data: reply}) // closed: Close follows
	return nil
}

// refuse ends a socket that is not let in. The client is told of an *event.Error; other errors are the server's own.
func (s *Socket) refuse(err error) {
	s.log("connection refused", "middleware", err)
	refusal := event.AsError(err)
	var payload []byte
	err = s.protect("middleware", func() (err error) { // encoding the error's data may run code of the application
		payload, err = s.conn.marshalRefusal(refusal)
		return err
	})
	if err != nil {
		s.log("encoding a refusal", "middleware", err)
		payload, _ = s.conn.marshalRefusal(&event.Error{Message: refusal.Message}) // text only: it cannot fail
	}
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.state != disconnected {
		c.refuse(s.nsp.name, payload)
		s.closeLocked(&DisconnectError{Reason: ServerDisconnect})
	}
}

// Disconnect takes the client out of the namespace; it does not come back by itself. With closeConnection it is taken
// out of all its namespaces, and the connection is closed once what was sent before has been written. A client whose
// middlewares still run is refused.
func (s *Socket) Disconnect(closeConnection bool) {
	s.leave(closeConnection)
	if closeConnection {
		s.conn.session.Close()
	}
}

// leave is Disconnect without closing the connection.
func (s *Socket) leave(all bool) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	leaving := []*Socket{s}
	if all {
		leaving = slices.Clone(c.sockets)
	}
	for _, socket := range leaving {
		switch socket.state {
		case connecting:
			payload, _ := c.marshalRefusal(&event.Error{Message: string(ServerDisconnect)}) // text only: it cannot fail
			c.refuse(socket.nsp.name, payload)
		case connected:
			_ = c.send(&parser.Packet{Type: parser.Disconnect, Namespace: socket.nsp.name}) // closed: nobody to tell
		}
		socket.closeLocked(&DisconnectError{Reason: ServerDisconnect})
	}
}

// closeLocked is the one way to the state disconnected.
func (s *Socket) closeLocked(why *DisconnectError) {
	if s.state == disconnected {
		return
	}
	c := s.conn
	if s.state == connected {
		s.exitLocked(why.Reason)
	}
	s.state, s.why = disconnected, why
	if s.accepted {
		c.server.counters.disconnected(why.Reason)
	}
	c.removeLocked(s)
	for id, answered := range s.acks {
		answered(nil)
		delete(s.acks, id)
		c.acks--
	}
	s.cancel(why)
	c.roomLocked()
	if s.accepted && why.Reason == ServerDisconnect {
		c.kickedLocked(s.nsp.name)
	}
	s.startLocked() // somebody has to tell of the disconnect
}

// endLocked is closeLocked for a connection that ends: a fault in it must not keep the connection's other sockets.
func (s *Socket) endLocked(why *DisconnectError) {
	returned := false
	defer func() {
		if !returned {
			s.fault(recover())
		}
	}()
	s.closeLocked(why)
	returned = true
}

// finish tells of the disconnect, when nothing of the socket runs any more.
func (s *Socket) finish() {
	if s.told.Swap(true) {
		return
	}
	defer s.ended()
	c := s.conn
	c.mu.Lock()
	reason, accepted := s.why.Reason, s.accepted
	c.mu.Unlock()
	if accepted {
		s.tellDisconnect(reason)
	}
	c.mu.Lock()
	c.alive--
	c.mu.Unlock()
}

// tellDisconnect calls the functions of OnDisconnect. A panic of one has been logged by protect.
func (s *Socket) tellDisconnect(reason Reason) {
	hooks := registered(s.nsp, func(r *registry) *chain[func(context.Context, *Socket, Reason)] { return &r.disconnect })
	if own := s.own.Load(); own != nil {
		hooks = slices.Concat(hooks, own.disconnect.all())
	}
	for _, f := range hooks {
		_ = s.protect("disconnect", func() error { (*f)(s.conn.server.last, s, reason); return nil })
	}
}

// guard stands at the top of timers and goroutines that belong to no socket: a panic of this package's own code is logged
// and counted, and does not end the process.
func (s *Server) guard(what string) {
	if fault := recover(); fault != nil {
		s.report(what, fault)
	}
}

func (s *Server) report(what string, fault any) {
	s.counters.panics.Add(1)
	guard.Log(s.opts.Logger, "panic in a server", fault, slog.String("in", what))
}

// guard is the guard of timers that belong to one connection, which it closes.
func (c *connection) guard(what string) {
	if fault := recover(); fault != nil {
		c.server.report(what, fault)
		go c.abort()
	}
}

// abort closes a connection in which there was a fault. It has a goroutine of its own, for the panic may have left a lock
// held.
func (c *connection) abort() {
	defer c.server.guard("end of a connection")
	c.session.Abort(engineio.TransportError, nil)
}

// fault keeps a panic of this package's own code from ending the process, and a handler that has ended its goroutine
// (as testing.T.FailNow does) from holding up the server's end: the connection is closed.
func (s *Socket) fault(value any) {
	server := s.nsp.server
	if value == nil {
		server.opts.Logger.Error("a handler has ended its goroutine", slog.String("nsp", s.nsp.name))
	} else {
		server.counters.panics.Add(1)
		guard.Log(server.opts.Logger, "panic in a socket", value, slog.String("nsp", s.nsp.name))
	}
	go s.conn.abort()
	if !s.told.Swap(true) {
		s.ended()
	}
}
