package engineio

import (
	"errors"
	"time"

	"github.com/parleyio/parley/internal/eio"
)

// The packets of an upgrade (engine.io-protocol v4, "Upgrading").
const (
	probePing = "2probe"
	probePong = "probe"
)

var errProbe = errors.New("engineio: the upgrade was refused or given up")

// startProbe begins the upgrade of a polling session to a websocket that has just been opened for it. It returns false
// when the session is not one that can be upgraded now; the connection is then closed and the session goes on.
func (s *Session) startProbe(c *wsConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == closed || s.ws.Load() != nil || s.probe != nil {
		return false
	}
	s.probe = c
	c.probeTimer = time.AfterFunc(s.server.opts.UpgradeTimeout, func() {
		defer s.guard()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.probe == c {
			s.server.counters.upgradeTimeouts.Add(1)
		}
		s.dropProbeLocked(c)
	})
	return true
}

// dropProbeLocked gives an upgrade up; the session goes on over polling.
func (s *Session) dropProbeLocked(c *wsConn) {
	if s.probe == c {
		c.closeSoonLocked(0)
		s.forgetProbeLocked() // behind it: of a fault there broken must know the connection
	}
}

// forgetProbeLocked lets another websocket probe the session.
func (s *Session) forgetProbeLocked() {
	s.probe.probeTimer.Stop()
	s.probe = nil
	s.polling.postDoneLocked() // it may wait there
}

// receiveProbe handles a message on a websocket that is not the session's transport.
func (s *Session) receiveProbe(c *wsConn, data []byte, binary bool) error {
	if err := c.in.countControl(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probe != c {
		return errProbe
	}
	switch {
	case !binary && string(data) == probePing:
		flush, err := c.out.writePacketsLocked([]eio.Packet{{Type: eio.TypePong, Data: []byte(probePong)}}, c.form)
		c.startFlusherLocked(flush)
		if len(s.polling.queue) == 0 {
			// The client waits for its poll to end. Later ones are released by a timer of their own, so that one that
			// goes on polling does not turn in circles.
			s.polling.answerLocked(noopAnswer)
		}
		return err
	case !binary && len(data) > 0 && eio.Type(data[0]) == eio.TypeUpgrade:
		return s.completeUpgradeLocked(c)
	default:
		return errProbe
	}
}

// completeUpgradeLocked makes the websocket the session's transport. What polling has not delivered moves to it, so
// nothing is lost or doubled.
func (s *Session) completeUpgradeLocked(c *wsConn) error {
	for s.polling.posting { // its messages come first
		if s.polling.postDone == nil {
			s.polling.postDone = make(chan struct{})
		}
		done := s.polling.postDone
		s.mu.Unlock()
		<-done
		s.mu.Lock()
		if s.probe != c {
			return errProbe
		}
	}
	s.forgetProbeLocked()
	s.ws.Store(c)
	s.polling.answerLocked(closeAnswer)
	for _, p := range s.polling.takeLocked() {
		if err := c.writePreparedLocked(p); err != nil {
			return err
		}
	}
	if s.state == closing {
		c.closeSoonLocked(0)
		s.endLocked(s.polling.reason, nil)
	}
	return nil
}
