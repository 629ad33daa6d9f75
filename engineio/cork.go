package engineio

import "time"

// Cork holds back what is sent until the matching Uncork, 16 KiB or a millisecond, whichever comes first, so that the
// replies to a burst of messages leave in one write. It has no effect on polling, where what is sent between two polls
// leaves together anyway.
func (s *Session) Cork() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ws == nil || s.state != open {
		return
	}
	if s.ws.out.corkTimer == nil {
		timer := time.AfterFunc(time.Hour, s.ws.corkExpired)
		timer.Stop()
		s.ws.out.corkTimer = timer
	}
	s.ws.out.corks++
}

// Uncork ends a Cork. One without a Cork, or after an upgrade in between, has no effect.
func (s *Session) Uncork() {
	if c, err := s.uncork(); err != nil {
		s.writeFailed(c, err)
	}
}

func (s *Session) uncork() (c *wsConn, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c = s.ws
	if c == nil || c.out.corks == 0 {
		return c, nil
	}
	if c.out.corks--; c.out.corks > 0 {
		return c, nil
	}
	return c, c.drainLocked()
}

// corkExpired writes what has been held for as long as it may be.
func (c *wsConn) corkExpired() {
	defer c.session.guard()
	if err := c.drainHeld(); err != nil {
		c.session.writeFailed(c, err)
	}
}

func (c *wsConn) drainHeld() error {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	c.out.corkArmed = false
	return c.drainLocked()
}

// roomLocked reports whether so much more may be queued. What a cork holds back is not the client's fault: it is
// written first.
func (c *wsConn) roomLocked(bytes, packets int) (bool, error) {
	if c.out.fitsLocked(bytes, packets) {
		return true, nil
	}
	if c.out.corks == 0 || c.out.flushing {
		return c.session.makeRoomLocked(bytes, packets), nil
	}
	err := c.drainLocked()
	return c.out.fitsLocked(bytes, packets), err
}

func (c *wsConn) drainLocked() error {
	flush, err := c.out.drainLocked()
	c.startFlusherLocked(flush)
	return err
}
