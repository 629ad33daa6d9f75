package engineio

import (
	"time"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// probeData is that of the first packets of an upgrade, a ping and a pong (engine.io-protocol v4, "Upgrading").
const probeData = "probe"

// probePong answers the first.
var probePong = transport.NewGroup(eio.Packet{Type: eio.TypePong, Data: []byte(probeData)})

// UpgradeHandler is what a Handler may implement to learn that its session has moved from polling to another transport.
type UpgradeHandler interface {
	// Upgraded is called once, behind the messages that came by polling and before those of the new transport, by the
	// goroutine that calls Message.
	Upgraded()
}

// beginProbe answers the request of the connection and begins the upgrade, or ends it. It does not panic: a connection
// must run before it can end.
func (s *Session) beginProbe(c transport.Conn) {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	answered := false
	defer func() {
		if !answered {
			c.Drop() // it failed, or there was a fault: the session does not know the connection yet
		}
	}()
	if c.Greet() != nil {
		return
	}
	answered = true
	// The connection is closed, and the session goes on, when it is not one that can be upgraded now.
	if s.server.opts.NoUpgrades || s.state == closed || s.link.Load() != nil || s.probe != nil {
		c.Close(false)
		return
	}
	l := c.Tie()
	s.probe = l
	s.probeTimer = time.AfterFunc(s.server.opts.UpgradeTimeout, func() {
		defer s.guard()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.probe == l {
			s.server.counters.upgradeTimeouts.Add(1)
		}
		s.dropProbeLocked(l)
	})
}

// dropProbeLocked gives an upgrade up; the session goes on over polling.
func (s *Session) dropProbeLocked(l *transport.Link) {
	if s.probe == l {
		l.Conn.Close(false)
		s.forgetProbeLocked() // behind it: of a fault there broken must know the connection
	}
}

// forgetProbeLocked lets another connection probe the session.
func (s *Session) forgetProbeLocked() {
	s.probeTimer.Stop()
	s.probe, s.probeTimer = nil, nil
	s.polling.postDoneLocked() // it may wait there
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

// probed takes a step of the upgrade. Whatever else comes ends the connection, and not the session.
func (s *Session) probed(l *transport.Link, p eio.Packet, wrong error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.probe != l || wrong != nil || p.Binary:
	case p.Type == eio.TypePing && string(p.Data) == probeData:
		err := l.Conn.Push(probePong)
		if len(s.polling.queue) == 0 {
			// The client waits for its poll to end. Later ones are released by a timer of their own, so that one that
			// goes on polling does not turn in circles.
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

// completeUpgradeLocked makes the connection the session's transport. What polling has not delivered moves to it, so
// nothing is lost or doubled.
func (s *Session) completeUpgradeLocked(l *transport.Link) error {
	for s.polling.posting { // its messages come first
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
	s.link.Store(l)
	s.polling.answerLocked(closeAnswer)
	for _, g := range s.polling.takeLocked() {
		if err := l.Conn.Push(g); err != nil {
			return err
		}
	}
	if s.state == closing {
		l.Conn.Close(false)
		s.endLocked(s.polling.reason, nil)
	}
	return nil
}
