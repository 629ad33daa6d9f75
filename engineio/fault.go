package engineio

import (
	"errors"
	"net/http"

	"github.com/parleyio/parley/internal/guard"
	"github.com/parleyio/parley/internal/transport"
)

// A panic of this package or of a Handler ends one session and not the process. For this, each goroutine and timer defers
// a guard, and every Unlock of a session's mutex is deferred. A mutex that stays locked after a panic would block each
// sender to the session, and so all members of its rooms.

var errFault = errors.New("engineio: panic in the server")

// guard recovers a panic and ends the session.
func (s *Session) guard() {
	if fault := recover(); fault != nil {
		s.fault(fault)
	}
}

// guardAnswer is guard for the goroutine of a request: the HTTP server closes the connection. A panic of Options.Headers or
// InitialHeaders has already ended the session and is passed on.
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
	go s.broken() // on a goroutine of its own: a second panic must not reach the caller
}

func (s *Session) report(fault any) {
	s.server.counters.panics.Add(1)
	guard.Log(s.server.opts.Logger, "panic in a session", fault)
}

// broken ends a session after a panic. It drops the connections, because the queue or a frame may be incomplete. The steps
// are deferred, so that each runs even if another one panics.
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
