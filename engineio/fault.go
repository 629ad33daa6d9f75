package engineio

import (
	"errors"
	"net/http"

	"github.com/parleyio/parley/internal/guard"
	"github.com/parleyio/parley/internal/transport"
)

// A fault of this package, or a panic of its Handler, ends one session. Two things see to that: each goroutine and timer
// has a guard at its top, and what a session does under its lock is done with a deferred Unlock. A lock that a fault left
// held would block each sender to the session, and so all members of its rooms.

var errFault = errors.New("engineio: a fault of the server's own")

// guard keeps a fault of this package from ending the process: it ends the session.
func (s *Session) guard() {
	if fault := recover(); fault != nil {
		s.fault(fault)
	}
}

// guardAnswer is guard for the goroutine of a request, whose connection the HTTP server closes. A panic of the
// application's functions for headers, which have ended the session already, is passed on.
func (s *Session) guardAnswer() {
	fault := recover()
	if fault == nil {
		return
	}
	s.mu.Lock()
	passed := s.err == errHeaders
	s.mu.Unlock()
	if passed {
		panic(fault)
	}
	s.fault(fault)
	panic(http.ErrAbortHandler)
}

func (s *Session) fault(fault any) {
	s.report(fault)
	go s.broken() // on a goroutine of its own: a fault in ending it must not reach the caller
}

func (s *Session) report(fault any) {
	s.server.counters.panics.Add(1)
	guard.Log(s.server.opts.Logger, "panic in a session", fault)
}

// broken ends a session in which there was a fault. What is queued or half written cannot be trusted any more. A step
// that has a fault too does not keep the others from being taken, and nothing comes behind it.
func (s *Session) broken() {
	defer func() {
		if fault := recover(); fault != nil {
			s.report(fault)
		}
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.endLocked(TransportError, errFault)
	for _, l := range []*transport.Link{s.link.Load(), s.probe} {
		if l != nil {
			defer l.Conn.Drop()
		}
	}
}
