package socketio

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/guard"
)

// protect calls user code and turns its panic into an error.
func (s *Socket) protect(name string, f func() error) error { return s.nsp.protect(name, f) }

func (n *Namespace) protect(name string, f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{value}
			n.server.counters.handlerPanics.Add(1)
			guard.Log(n.server.opts.Logger, "panic in a handler", value, slog.String("nsp", n.name), slog.String("event", name))
		}
	}()
	return f()
}

// panicError is a recovered panic of user code; it has been logged.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("socketio: panic in a handler: %v", e.value) }

// isPanic reports whether an error is a recovered panic.
func isPanic(err error) bool {
	var panicked *panicError
	return errors.As(err, &panicked)
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
	if !s.finished.Swap(true) {
		s.ended()
	}
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
