package engineio

import (
	"fmt"
	"time"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// closingPollTimeout is how long a session that was closed on polling waits for the next poll, whose answer closes it.
const closingPollTimeout = 30 * time.Second

// Close writes the queued messages and then ends the session with the reason ForcedClose. A client on polling has 30 s to
// send its next poll, or as long as the heartbeat waits if messages are queued. If it sends none within the time of the
// heartbeat, the reason is PingTimeout.
func (s *Session) Close() { s.close(nil, closingPollTimeout) }

// close ends the session. wait is how long a client between two polls has to send the next one.
func (s *Session) close(err error, wait time.Duration) {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == closed:
	case s.state == closing:
		if wait < closingPollTimeout { // Shutdown waits less than Close did
			s.polling.closing.late = s.polling.closing.reason
			s.timer.Reset(wait)
		}
	case s.link.Load() != nil:
		s.state = closing
		s.link.Load().Conn.Close(false)
		s.endLocked(ForcedClose, err)
	default:
		s.state = closing
		s.closePollingLocked(err, wait)
	}
}

// closePollingLocked closes a session on polling. Only the answer of a poll can tell the client.
func (s *Session) closePollingLocked(err error, wait time.Duration) {
	t := &s.polling
	if t.poll != nil && len(t.queue) == 0 || s.timer == nil { // a poll is pending, or the client has not yet received the open packet
		s.endLocked(ForcedClose, err)
		return
	}
	t.closing = &pollClosing{answer: endAnswer, reason: ForcedClose, late: ForcedClose, err: err}
	// The heartbeat still counts, as in the reference, which waits for the queue to be polled without another limit.
	heartbeat := s.server.opts.PingTimeout
	if !s.awaitingPong.Load() {
		heartbeat += s.server.opts.PingInterval
	}
	if heartbeat < wait || len(t.queue) > 0 && wait == closingPollTimeout {
		wait, t.closing.late = heartbeat, PingTimeout
	}
	s.timer.Reset(wait)
}

// Abort ends the session at once, with the reason and the error that Handler.Close receives. Queued messages may be lost.
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

// kill closes the connection at once and sends nothing.
func (s *Session) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.link.Load(); l != nil {
		l.Conn.Drop()
	}
}

// endLocked sets the state closed. Nothing else does.
func (s *Session) endLocked(reason Reason, err error) {
	if s.state == closed {
		return
	}
	if s.polling.refused != 0 && reason != ForcedClose && (err == nil || err == errPollAborted) {
		err = fmt.Errorf("a polling body %s: %w", received(s.polling.refused), eio.ErrTooLarge)
	}
	s.state, s.reason, s.err = closed, reason, err
	// Both are deferred, because they must run even if one of the steps below panics: endLocked runs only once.
	defer s.unregisterLocked()
	defer s.polling.endLocked()
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.probe != nil {
		s.dropProbeLocked(s.probe)
	}
}

// unregisterLocked removes the session from the server and starts the call of its handler.
func (s *Session) unregisterLocked() {
	s.server.remove(s)
	if s.accepted {
		go s.notifyClosed()
	}
}

// notifyClosed calls the handler's Close, and counts down the sessions for which Shutdown waits.
func (s *Session) notifyClosed() {
	defer s.server.running.Done()
	defer s.guard()
	s.server.counters.closed(s.reason)
	if _, logs := s.handler.(transport.Controlled); !logs {
		s.logEnd()
	}
	s.handler.Close(s.reason, s.err)
}

// failLocked ends the session if err is a failed write to its connection. It returns the error for the sender.
func (s *Session) failLocked(l *transport.Link, err error) error {
	switch err {
	case nil, ErrQueueFull, transport.ErrUnprepared:
		return err
	}
	if s.link.Load() == l {
		s.endLocked(TransportError, err) // before the reader sees the closed connection and reports TransportClose
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

// endError is the error of a packet that ends the session. It carries the reason.
type endError struct {
	reason Reason
	err    error
}

func (e *endError) Error() string { return e.err.Error() }
func (e *endError) Unwrap() error { return e.err }
