package engineio

import (
	"errors"
	"time"

	"github.com/parleyio/parley/internal/eio"
)

// The packets of the heartbeat. In revision 4 the server sends pings, in revision 3 the client does (engine.io-protocol,
// "Heartbeat" of v4 and "Timeouts" of v3).
var (
	pingPacket = control(eio.TypePing)
	pongPacket = control(eio.TypePong)
)

var errHeartbeatDirection = errors.New("engineio: invalid heartbeat direction")

// startHeartbeat starts the timer for the first ping. When it fires, the server sends its ping, or that of the client is
// overdue.
func (s *Session) startHeartbeat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == closed { // Shutdown has closed it meanwhile
		return
	}
	first := s.server.opts.PingInterval
	if s.revision.ClientPings() {
		first += s.server.opts.PingTimeout
	}
	s.timer = time.AfterFunc(first, s.beat)
}

// beat runs when the timer fires: a ping must be sent, or the client's ping or pong is overdue.
func (s *Session) beat() {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == closed:
	case s.state == closing: // no poll came
		s.endLocked(s.polling.closing.late, s.polling.closing.err)
	case !s.revision.ClientPings() && !s.awaitingPong.Load():
		s.extended, s.wasStalls = false, s.stalls > 0
		s.awaitingPong.Store(true)
		s.pingLocked()
	case s.wasStalls:
		// The overdue packet may be among those that the server itself has not read yet. Another ping keeps the client from
		// timing out, and writing it fails if the client is lost.
		s.wasStalls = s.stalls > 0
		if !s.revision.ClientPings() && s.writableLocked() {
			s.pingLocked()
		} else {
			s.timer.Reset(s.server.opts.PingTimeout)
		}
	default:
		s.abortLocked(PingTimeout, nil)
	}
}

// pingLocked sends a ping and starts the wait for the pong. It ignores the limits of the send queue: at most one ping
// waits there.
func (s *Session) pingLocked() {
	if s.failLocked(s.link.Load(), s.pushLocked(pingPacket)) == nil {
		s.timer.Reset(s.server.opts.PingTimeout)
	}
}

// pong handles the answer to a ping. A pong without a ping is counted and has no effect.
func (s *Session) pong() error {
	if s.revision.ClientPings() {
		return &endError{TransportError, errHeartbeatDirection}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open {
		return nil
	}
	if !s.awaitingPong.Load() {
		s.server.counters.unsolicitedPongs.Add(1)
		return nil
	}
	s.awaitingPong.Store(false)
	s.timer.Reset(s.server.opts.PingInterval)
	return nil
}

// ping answers a client's ping, without its data. Pongs count in the send queue: a client that sends pings and does not
// read is closed.
func (s *Session) ping() error {
	if !s.revision.ClientPings() {
		return &endError{TransportError, errHeartbeatDirection}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open {
		return nil
	}
	s.wasStalls = s.stalls > 0
	s.timer.Reset(s.server.opts.PingInterval + s.server.opts.PingTimeout)
	err := s.sendLocked(pongPacket)
	if errors.Is(err, ErrQueueFull) {
		return &endError{SlowConsumer, err}
	}
	return err
}

// alive prolongs the wait for a pong, once for each ping, because a packet shows that the client is connected.
func (s *Session) alive() {
	if !s.awaitingPong.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == open && s.awaitingPong.Load() && !s.extended {
		s.extended = true
		s.timer.Reset(s.server.opts.PingTimeout)
	}
}
