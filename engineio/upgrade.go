package engineio

import (
	"time"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// probeData is the data of the first packets of an upgrade, a ping and a pong (engine.io-protocol v4, "Upgrading").
const probeData = "probe"

// probePong answers the ping.
var probePong = transport.NewGroup(eio.Packet{Type: eio.TypePong, Data: []byte(probeData)})

// UpgradeHandler is an optional interface of a Handler that is notified when its session has moved from polling to another
// transport.
type UpgradeHandler interface {
	// Upgraded is called once, after the messages that were received by polling and before those of the new transport, by
	// the goroutine that calls Message.
	Upgraded()
}

// beginProbe answers the request of the connection and begins the upgrade, or closes the connection. It recovers panics,
// because probeWith must run the connection before it can end.
func (s *Session) beginProbe(c transport.Conn) {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	answered := false
	defer func() {
		if !answered {
			c.Drop() // Greet failed or panicked; broken does not find the connection yet
		}
	}()
	if c.Greet() != nil {
		return
	}
	answered = true
	// If the session cannot be upgraded now, the connection is closed and the session continues.
	if s.server.opts.NoUpgrades || s.state == closed || s.link.Load() != nil || s.probe != nil {
		c.Close(false)
		return
	}
	l := c.Tie()
	s.probe = l
	s.probeTimer = time.AfterFunc(s.server.opts.UpgradeTimeout, func() {
		defer s.guard()
		if s.expireProbe(l) {
			s.logUpgradeTimeout(l)
		}
	})
}

// expireProbe ends an upgrade that was not completed within UpgradeTimeout, and reports whether there was one.
func (s *Session) expireProbe(l *transport.Link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probe != l {
		return false
	}
	s.server.counters.upgradeTimeouts.Add(1)
	s.dropProbeLocked(l)
	return true
}

// dropProbeLocked ends an upgrade. The session continues on polling.
func (s *Session) dropProbeLocked(l *transport.Link) {
	if s.probe == l {
		l.Conn.Close(false)
		s.forgetProbeLocked() // after Close: if Close panics, broken must find the connection
	}
}

// forgetProbeLocked ends the probe, so that another connection can probe the session.
func (s *Session) forgetProbeLocked() {
	s.probeTimer.Stop()
	s.probe, s.probeTimer = nil, nil
	s.polling.postDoneLocked() // completeUpgradeLocked may wait for a POST
}

// receiveProbe handles a packet of a connection that is not the session's transport.
func (s *Session) receiveProbe(l *transport.Link, p eio.Packet, wrong error) error {
	if err := l.CountControl(); err != nil {
		return err
	}
	if err := s.probed(l, p, wrong); err != nil {
		return err
	}
	s.mu.Lock()
	upgraded := s.link.Load() == l && s.state == open
	s.mu.Unlock()
	if h, ok := s.handler.(UpgradeHandler); ok && upgraded {
		h.Upgraded()
	}
	return nil
}

// probed handles a packet of an upgrade: the ping, then the upgrade packet. Any other packet closes the connection but not
// the session.
func (s *Session) probed(l *transport.Link, p eio.Packet, wrong error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.probe != l || wrong != nil || p.Binary:
	case p.Type == eio.TypePing && string(p.Data) == probeData:
		err := l.Conn.Push(probePong)
		if len(s.polling.queue) == 0 {
			// The client waits for the end of its poll. Later polls are held for noopInterval, so that a client that keeps
			// polling does not send requests without a pause.
			s.polling.answerLocked(noopAnswer)
		}
		return err
	case p.Type == eio.TypeUpgrade:
		return s.completeUpgradeLocked(l)
	}
	return s.refuseProbeLocked(l)
}

// refuseProbeLocked closes a connection that is not the session's transport. It returns ErrEnded.
func (s *Session) refuseProbeLocked(l *transport.Link) error {
	l.Conn.Close(false)
	if s.probe == l {
		s.forgetProbeLocked()
	}
	return transport.ErrEnded
}

// completeUpgradeLocked makes the connection the session's transport. The queue of polling moves to it, so no message is
// lost or sent twice.
func (s *Session) completeUpgradeLocked(l *transport.Link) error {
	for s.polling.posting { // the messages of the POST come first
		if s.polling.postDone == nil {
			s.polling.postDone = make(chan struct{})
		}
		done := s.polling.postDone
		s.mu.Unlock()
		<-done
		s.mu.Lock()
		if s.probe != l {
			return s.refuseProbeLocked(l)
		}
	}
	s.forgetProbeLocked()
	s.polling.refused = 0
	s.link.Store(l)
	s.polling.answerLocked(closeAnswer)
	for _, g := range s.polling.takeLocked() {
		if err := l.Conn.Push(g); err != nil {
			return err
		}
	}
	if s.state == closing {
		l.Conn.Close(false)
		s.endLocked(s.polling.closing.reason, s.polling.closing.err)
	}
	return nil
}
