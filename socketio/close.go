package socketio

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/parser"
)

// Disconnect takes the client out of the namespace; it does not come back by itself. With closeConnection it is taken
// out of all its namespaces, and the connection is closed once what was sent before has been written. A client whose
// middlewares still run is refused. A session in a log that other nodes have is dropped before the client is told.
func (s *Socket) Disconnect(closeConnection bool) {
	var end func()
	if closeConnection {
		end = s.conn.session.Close
	}
	s.leave(closeConnection, nil, end)
}

// leave takes this socket, or all of the connection, out of its namespace; why says more of the reason, or is nil. End, which
// may be nil too, is called when the client has been told.
func (s *Socket) leave(all bool, why error, end func()) {
	c := s.conn
	left := c.closeSockets(s, all, why)
	var waiting atomic.Int64
	waiting.Store(int64(len(left)) + 1)
	done := func() {
		if waiting.Add(-1) == 0 && end != nil {
			end()
		}
	}
	for _, socket := range left {
		socket.nsp.adapter.Drop((*member)(socket), func() {
			defer done()
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.socketLocked(socket.nsp.name) == nil { // otherwise the client has joined again meanwhile
				c.dismiss(socket.nsp)
			}
		})
	}
	done()
}

// closeSockets closes a socket, or all of the connection. It returns those whose clients are to be told when their sessions
// have been dropped.
func (c *connection) closeSockets(s *Socket, all bool, why error) (left []*Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	leaving := []*Socket{s}
	if all {
		leaving = slices.Clone(c.sockets)
	}
	for _, socket := range leaving {
		switch {
		case socket.state == connecting:
			payload, _ := c.marshalRefusal(&event.Error{Message: string(ServerDisconnect)}) // text only: it cannot fail
			c.refuse(socket.nsp.name, payload)
		case socket.state == connected && socket.progress != nil:
			left = append(left, socket)
		case socket.state == connected:
			c.dismiss(socket.nsp)
		}
		socket.closeLocked(&DisconnectError{Reason: ServerDisconnect, Err: why})
	}
	return left
}

// dismiss tells the client that it is out of a namespace.
func (c *connection) dismiss(n *Namespace) {
	_ = c.send(&parser.Packet{Type: parser.Disconnect, Namespace: n.name}) // closed: nobody to tell
}

// leave disconnects the connection's sockets in a namespace.
func (c *connection) leave(n *Namespace) {
	c.mu.Lock()
	sockets := slices.Clone(c.sockets)
	sockets = slices.DeleteFunc(sockets, func(s *Socket) bool { return s.nsp != n })
	c.mu.Unlock()
	for _, s := range sockets {
		s.Disconnect(false)
	}
}

// Close ends all sockets of the session.
func (c *connection) Close(reason engineio.Reason, err error) {
	if err != nil {
		log := c.server.opts.Logger
		log.LogAttrs(context.Background(), slog.LevelDebug, "connection closed",
			slog.String("reason", string(reason)), slog.Any("err", err))
	}
	c.end(&DisconnectError{Reason: Reason(reason), Err: c.disconnected(reason, err)})
	c.server.forget(c)
}

// ShuttingDown implements engineio.ShutdownHandler.
func (c *connection) ShuttingDown() { c.end(&DisconnectError{Reason: ShuttingDown}) }

// end closes the sockets; the caller closes the session.
func (c *connection) end(why *DisconnectError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.stopConnectTimerLocked()
	c.stopHalfTimerLocked()
	for _, s := range slices.Clone(c.sockets) {
		s.endLocked(why)
	}
	c.server.users.leave(c)
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
	s.loseAcksLocked()
	s.cancel(why)
	c.wakeReaderLocked()
	if s.accepted && why.Reason == ServerDisconnect {
		c.kickedLocked(s.nsp.name)
	}
	s.startLocked() // a worker has to finish it
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

// finish calls the functions of OnDisconnect, when nothing of the socket runs any more.
func (s *Socket) finish() {
	if s.finished.Swap(true) {
		return
	}
	defer s.ended()
	c := s.conn
	c.mu.Lock()
	reason, accepted := s.why.Reason, s.accepted
	c.mu.Unlock()
	if accepted {
		s.callOnDisconnect(reason)
	}
	c.mu.Lock()
	c.alive--
	c.mu.Unlock()
}

// callOnDisconnect calls the functions of OnDisconnect. A panic of one has been logged by protect.
func (s *Socket) callOnDisconnect(reason Reason) {
	hooks := registered(s.nsp, func(r *registry) *chain[func(context.Context, *Socket, Reason)] { return &r.disconnect })
	if own := s.own.Load(); own != nil {
		hooks = slices.Concat(hooks, own.disconnect.all())
	}
	for _, f := range hooks {
		_ = s.protect("disconnect", func() error { (*f)(s.conn.server.last, s, reason); return nil })
	}
}

// ended is the last that a socket does: its namespace and its server may go now.
func (s *Socket) ended() {
	server := s.conn.server
	defer server.running.Done()
	s.endListeners()
	if s.entered {
		server.release(s.nsp, s.accepted)
	}
}
