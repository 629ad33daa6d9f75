package engineio

import "time"

// Cork holds back what is sent until the matching Uncork, 16 KiB or a millisecond, whichever comes first, so that the
// replies to a burst of messages leave in one write. It has no effect on polling, where what is sent between two polls
// leaves together anyway.
func (s *Session) Cork() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.ws.Load(); c != nil && s.state == open {
		c.corkLocked()
	}
}

func (c *wsConn) corkLocked() {
	if c.closeSent {
		return
	}
	if c.out.corkTimer == nil {
		timer := time.AfterFunc(time.Hour, c.corkExpired)
		timer.Stop()
		c.out.corkTimer = timer
	}
	c.out.corks++
}

// Uncork ends a Cork. One without a Cork, as after an upgrade in between, has no effect, or ends that of somebody else early.
func (s *Session) Uncork() {
	s.mu.Lock()
	c := s.ws.Load()
	s.mu.Unlock()
	if c != nil {
		c.uncork()
	}
}

func (c *wsConn) cork() {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	c.corkLocked()
}

func (c *wsConn) uncork() {
	if err := c.uncorked(); err != nil {
		c.session.writeFailed(c, err)
	}
}

func (c *wsConn) uncorked() error {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	if c.out.corks == 0 {
		return nil
	}
	if c.out.corks--; c.out.corks > 0 {
		return nil
	}
	return c.flushLocked()
}

// corkExpired writes what has been held for as long as it may be.
func (c *wsConn) corkExpired() {
	defer c.session.guard()
	if err := c.flushHeld(); err != nil {
		c.session.writeFailed(c, err)
	}
}

func (c *wsConn) flushHeld() error {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	c.out.corkArmed = false
	return c.flushLocked()
}

// fitsLocked reports whether so much more may be queued. What a cork holds back is not the client's fault: it is
// written first.
func (c *wsConn) fitsLocked(bytes, packets int) (bool, error) {
	if c.out.fitsLocked(bytes, packets) {
		return true, nil
	}
	if c.out.corks == 0 || c.out.flushing {
		return c.session.shedLocked(bytes, packets), nil
	}
	err := c.flushLocked()
	return c.out.fitsLocked(bytes, packets), err
}

func (c *wsConn) flushLocked() error {
	flush, err := c.out.flushLocked()
	c.startFlusherLocked(flush)
	return err
}
