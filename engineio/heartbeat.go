package engineio

import (
	"errors"
	"time"

	"github.com/parleyio/parley/internal/eio"
)

// What the heartbeat sends: in revision 4 the server pings, in revision 3 the client does (engine.io-protocol,
// "Heartbeat" of v4 and "Timeouts" of v3).
var (
	pingPacket = control(eio.TypePing)
	pongPacket = control(eio.TypePong)
)

var errHeartbeatDirection = errors.New("engineio: invalid heartbeat direction")

// startHeartbeat arms the timer of the first ping: the server's is sent then, the client's is overdue.
func (s *Session) startHeartbeat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == closed { // Shutdown was faster
		return
	}
	first := s.server.opts.PingInterval
	if s.revision.ClientPings() {
		first += s.server.opts.PingTimeout
	}
	s.timer = time.AfterFunc(first, s.beat)
}

// beat runs when the timer fires: a ping is due, or the client's ping or pong is overdue.
func (s *Session) beat() {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == closed:
	case s.state == closing: // no poll came
		s.endLocked(s.polling.reason, nil)
	case !s.revision.ClientPings() && !s.awaitingPong.Load():
		s.extended, s.wasStalls = false, s.stalls > 0
		s.awaitingPong.Store(true)
		s.pingLocked()
	case s.wasStalls:
		// What is overdue may lie among what the server itself has not read. A client that counts on pings gets them, and
		// a write to one that has gone fails.
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

// pingLocked sends a ping, and begins the wait for the pong. The send queue's bounds are not asked: one ping waits at a
// time.
func (s *Session) pingLocked() {
	if s.failLocked(s.link.Load(), s.pushLocked(pingPacket)) == nil {
		s.timer.Reset(s.server.opts.PingTimeout)
	}
}

// pong handles the answer to a ping. One that nobody asked for is counted and has no effect.
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

// ping answers a client's ping, without its data. Pongs wait like messages: a client that pings and does not read is closed.
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

// alive prolongs the wait for a pong, once for each ping: a packet that was sent before the ping arrived shows that the
// client lives.
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
