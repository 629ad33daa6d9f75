package engineio

import (
	"errors"
	"time"

	"github.com/parleyio/parley/internal/eio"
)

// What the heartbeat sends: in revision 4 the server pings, in revision 3 the client does (engine.io-protocol,
// "Heartbeat" of v4 and "Timeouts" of v3).
var (
	pingPacket = prepareControl(eio.TypePing, "")
	pongPacket = prepareControl(eio.TypePong, "")
)

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
	if c, err := s.due(); err != nil {
		s.writeFailed(c, err)
	}
}

// due does what beat is for. An error is a failed write to c.
func (s *Session) due() (c *wsConn, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == closed:
	case s.state == closing: // nobody came to be told
		s.endLocked(s.polling.reason, nil)
	case !s.revision.ClientPings() && !s.awaitingPong.Load():
		s.extended, s.wasStalls = false, s.stalls > 0
		s.awaitingPong.Store(true)
		if err = s.pingLocked(); err == nil {
			s.timer.Reset(s.server.opts.PingTimeout)
		}
	case s.wasStalls:
		// What is overdue may lie among what the server itself has not read. A client that counts on pings gets them, and
		// a write to one that has gone fails.
		s.wasStalls = s.stalls > 0
		if !s.revision.ClientPings() && s.writableLocked() {
			err = s.pingLocked()
		}
		s.timer.Reset(s.server.opts.PingTimeout)
	default:
		s.abortLocked(PingTimeout, nil)
	}
	return s.ws.Load(), err
}

// pingLocked sends a ping. The send queue's bounds are not asked: one ping waits at a time.
func (s *Session) pingLocked() error {
	c := s.ws.Load()
	if c == nil {
		s.polling.pushLocked(pingPacket)
		return nil
	}
	flush, err := c.out.writeSharedLocked(pingPacket.wire(c.form), 1)
	c.startFlusherLocked(flush)
	return err
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

// ping answers a client's ping, without its data. Pongs wait like messages: who pings and does not read is closed.
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

// Stalled tells the heartbeat that the server itself has stopped (true) and resumed (false) reading from the client, so
// that the client is not blamed for a ping or pong that nobody has read. Calls come in pairs.
func (s *Session) Stalled(stalled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wasStalls = true
	if stalled {
		s.stalls++
	} else {
		s.stalls--
	}
}
