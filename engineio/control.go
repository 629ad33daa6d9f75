package engineio

// controlled is the view of a session that handlers inside Parley have. It implements transport.Control.
type controlled Session

// Cork implements transport.Control.
func (c *controlled) Cork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.link.Load(); l != nil && c.state == open {
		l.Conn.Cork()
	}
}

// Uncork implements transport.Control.
func (c *controlled) Uncork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.link.Load(); l != nil {
		(*Session)(c).failLocked(l, l.Conn.Uncork())
	}
}

// CloseFor implements transport.Control.
func (c *controlled) CloseFor(err error) { (*Session)(c).close(err, closingPollTimeout) }

// HandOver implements transport.Control.
func (c *controlled) HandOver() { c.link.Load().Conn.HandOver() }

// Stalled implements transport.Control.
func (c *controlled) Stalled(stalled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wasStalls = true
	if stalled {
		c.stalls++
	} else {
		c.stalls--
	}
}
