package load

import (
	"fmt"
	"time"
)

// client is one websocket client that has joined the namespace "/", or is about to.
type client struct {
	run   *runner
	index int
	link  link

	upgraded bool
	joined   bool
	paused   bool

	sent  []time.Time // when the outstanding messages were sent, as a ring: answers come in order
	first int         // the oldest of them
}

var (
	connectFrame = clientFrame("40")
	pongFrame    = clientFrame("3")
)

func (c *client) connected() { c.link.send(c.run.upgrade) }

// received takes whole frames. What handlers queue meanwhile leaves in one write.
func (c *client) received(b []byte) int {
	c.run.now = time.Now()
	link, used := c.link, 0 // a lost client may get another link at once
	if !c.upgraded {
		status, _, size, err := parseResponse(b)
		if err == nil && size == 0 {
			return 0
		}
		if err != nil || status != 101 {
			c.lose(fmt.Errorf("the handshake got status %d (%v)", status, err))
			return len(b)
		}
		c.upgraded = true
		used = size
	}
	for !c.paused && c.link == link {
		opcode, payload, size := parseFrame(b[used:])
		if size == 0 {
			break
		}
		used += size
		switch opcode {
		case 1:
			c.packet(payload)
		case 8:
			c.lose(errEnd)
			return len(b)
		}
	}
	if queued := c.run.queued; len(queued) > 0 {
		c.run.queued = queued[:0]
		if c.link == link {
			link.send(queued)
		}
	}
	return used
}

// packet handles an Engine.IO packet.
func (c *client) packet(p []byte) {
	switch {
	case len(p) == 0:
	case p[0] == '2':
		c.queue(pongFrame)
	case p[0] == '0':
		c.queue(connectFrame)
	case p[0] != '4' || len(p) < 2:
	case p[1] == '2' || p[1] == '3':
		c.run.message(c, p)
	case p[1] == '0':
		c.joined = true
		c.run.joined++
		c.run.dialing--
	case p[1] == '1' || p[1] == '4':
		c.lose(fmt.Errorf("the server closed the namespace: %.100s", p))
	}
}

// queue sends a frame behind others of the same burst. It is for handlers of what the client receives.
func (c *client) queue(frame []byte) { c.run.queued = append(c.run.queued, frame...) }

// send sends frames now, unless the client has been lost a moment ago.
func (c *client) send(frames []byte) {
	if c.link != nil {
		c.link.send(frames)
	}
}

// note remembers that a message leaves now.
func (c *client) note(now time.Time) { c.sent = append(c.sent, now) }

// waiting reports whether messages are outstanding.
func (c *client) waiting() bool { return c.first < len(c.sent) }

// answered returns when the oldest outstanding message left.
func (c *client) answered() time.Time {
	at := c.sent[c.first]
	if c.first++; c.first == len(c.sent) {
		c.sent, c.first = c.sent[:0], 0
	} else if c.first > 64 {
		n := copy(c.sent, c.sent[c.first:])
		c.sent, c.first = c.sent[:n], 0
	}
	return at
}

func (c *client) lose(err error) {
	c.link.abort()
	c.closed(err)
}

func (c *client) closed(err error) {
	c.link = nil
	switch {
	case c.paused: // the server closed a client that does not read
	case c.joined:
		c.run.joined--
		c.run.lost(c, err)
	default:
		c.run.dialing--
		c.run.refused(c, err)
	}
	c.joined = false
}
