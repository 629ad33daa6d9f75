package socketio

import (
	"context"
	"sync/atomic"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
)

// Socket is one client in one namespace. A client that comes back after a disconnect is another Socket. All methods may
// be called from any goroutine.
type Socket struct {
	// Immutable after construction, save that the worker gives a recovered socket its id before anybody sees it.
	id        string
	session   *engineio.Session // that of conn: a broadcast needs nothing else
	progress  *cluster.Progress // of the namespace's log; nil without recovery
	recovered bool              // the session is an earlier socket's
	nsp       *Namespace        // a stand-in until enter has found it; changed with conn.mu held, before the application sees it
	conn      *connection
	handshake Handshake
	ctx       context.Context
	cancel    context.CancelCauseFunc

	events   atomic.Pointer[event.Mux[*Socket]] // handlers of this socket alone; nil while there are none
	own      atomic.Pointer[listeners]          // what else is registered on this socket alone; nil while nothing is
	finished atomic.Bool                        // finish has run or will not run

	entered bool // nsp counts the socket; owned by the worker, then by finish

	// conn.mu guards the fields below.
	state      state
	why        *DisconnectError // nil until it has disconnected
	rooms      []string         // while it is not connected: the rooms that it will join, or had at its disconnect
	joined     int              // rooms that Join has counted
	inbox      inbox
	flushed    bool // the functions of OnDrain are to be called
	working    bool // a worker runs
	worked     bool // the last worker has left finish to the handlers that run beside it
	concurrent int  // handlers that run beside the order
	accepted   bool // it was connected: OnDisconnect will be called
	acks       map[uint64]waiting
	data       map[any]any
}

// state is the state of a socket.
type state uint8

const (
	connecting state = iota // middlewares run
	connected
	disconnected
)

// ID returns the socket's id: 20 characters that other clients may know. It is also a room with this socket alone. For
// a client of Socket.IO 2 it follows from the id of its session, as that client computes it: see Options.AllowEIO3.
func (s *Socket) ID() string { return s.id }

// Namespace returns the namespace that the socket is in.
func (s *Socket) Namespace() *Namespace { return s.nsp }

// Handshake returns what the client said of itself when it connected.
func (s *Socket) Handshake() *Handshake { return &s.handshake }

// Transport returns what carries the connection now.
func (s *Socket) Transport() engineio.Transport { return s.conn.session.Transport() }

// User returns what Options.Identify says of the socket, or "" without it.
func (s *Socket) User() string {
	if identify := s.conn.server.opts.Identify; identify != nil {
		return identify(s)
	}
	return ""
}

// Connected reports whether the socket has been accepted and has not disconnected.
func (s *Socket) Connected() bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.state == connected
}

// Recovered reports whether the socket continues the session of an earlier one: its id, rooms and data are that one's,
// and the client has been sent what it missed. It is known to middlewares already, which may leave rooms that the client
// is no longer to be in. The functions that OnDisconnect calls for the earlier socket may still be running.
func (s *Socket) Recovered() bool { return s.recovered }

// Err returns nil until the socket has disconnected, and then a *DisconnectError: the reason that OnDisconnect receives,
// and the details behind it.
func (s *Socket) Err() error {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.why == nil {
		return nil
	}
	return s.why
}

// live reports whether packets for the socket may be sent: middlewares may send too.
func (s *Socket) live() bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.state != disconnected
}
