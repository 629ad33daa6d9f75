package engineio

import (
	"time"

	"github.com/parleyio/parley/internal/transport"
)

// closingPollTimeout is how long a session that was closed on polling waits for the poll that can tell the client.
const closingPollTimeout = 30 * time.Second

// Close ends the session with the reason ForcedClose once what is queued has been written.
func (s *Session) Close() { s.close(closingPollTimeout) }

// close ends the session; a client between two polls has so long to send the next one.
func (s *Session) close(wait time.Duration) {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == closed:
	case s.state == closing:
		if wait < closingPollTimeout { // the server shuts down: it waits less
			s.timer.Reset(wait)
		}
	case s.link.Load() != nil:
		s.state = closing
		s.link.Load().Conn.Close(false)
		s.endLocked(ForcedClose, nil)
	default:
		s.state = closing
		s.closePollingLocked(wait)
	}
}

// closePollingLocked closes a session on polling: a client can learn of it only by a poll.
func (s *Session) closePollingLocked(wait time.Duration) {
	t := &s.polling
	if t.poll != nil && len(t.queue) == 0 || s.timer == nil { // the client learns of it now, or has not even learnt that it is open
		s.endLocked(ForcedClose, nil)
		return
	}
	t.lastAnswer, t.reason = endAnswer, ForcedClose
	s.timer.Reset(wait)
}

// Abort ends the session at once, with the reason given; what is queued may be lost.
func (s *Session) Abort(reason Reason, err error) {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abortLocked(reason, err)
}

func (s *Session) abortLocked(reason Reason, err error) {
	if s.state == closed {
		return
	}
	if l := s.link.Load(); l != nil {
		l.Conn.Close(reason == SlowConsumer || reason == PingTimeout)
	}
	s.endLocked(reason, err)
}

// kill closes the connection without ceremony.
func (s *Session) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.link.Load(); l != nil {
		l.Conn.Drop()
	}
}

// endLocked is the one way to the state closed.
func (s *Session) endLocked(reason Reason, err error) {
	if s.state == closed {
		return
	}
	s.state, s.reason, s.err = closed, reason, err
	// Both deferred: a fault on the way, of which there is no second try, must not keep them from their part.
	defer s.goneLocked()
	defer s.polling.endLocked()
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.probe != nil {
		s.dropProbeLocked(s.probe)
	}
}

// goneLocked has the server forget the session, and its handler called.
func (s *Session) goneLocked() {
	s.server.remove(s)
	if s.accepted {
		go s.notifyClosed()
	}
}

// notifyClosed tells the handler, and the server that waits for its sessions.
func (s *Session) notifyClosed() {
	defer s.server.running.Done()
	defer s.guard()
	s.server.counters.closed(s.reason)
	s.handler.Close(s.reason, s.err)
}

// failLocked ends the session if err is a failed write to its connection, and returns what a sender is to know of it.
func (s *Session) failLocked(l *transport.Link, err error) error {
	switch err {
	case nil, ErrQueueFull, transport.ErrUnprepared:
		return err
	}
	if s.link.Load() == l {
		s.endLocked(TransportError, err) // before the reader sees that the connection is closed, and calls it that
	}
	l.Conn.Drop()
	return ErrClosed
}

// writeFailed is failLocked without the lock.
func (s *Session) writeFailed(l *transport.Link, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failLocked(l, err)
}

// endError is a packet that ends the session with a reason.
type endError struct {
	reason Reason
	err    error
}

func (e *endError) Error() string { return e.err.Error() }
func (e *endError) Unwrap() error { return e.err }
