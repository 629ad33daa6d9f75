package websocket

import (
	"github.com/gobwas/ws"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// Run implements transport.Conn.
func (c *Conn) Run() {
	go c.read(0) // ends with the connection, or when another goroutine reads
}

// HandOver implements transport.Conn.
func (c *Conn) HandOver() {
	go c.read(c.Reader.Add(1)) // as in Run
}

// read is the reading goroutine with the given number. It ends when the connection is closed, or when another goroutine
// reads.
//
// Handling a message needs a larger stack than waiting for one, and the runtime does not shrink stacks of this size. So a
// new goroutine with a small stack continues to read when the client is likely to become idle: after its first message,
// which in Socket.IO joins a namespace, and when it has sent no message for a whole interval of the heartbeat.
func (c *Conn) read(number int32) {
	defer c.stoppedReading(number)
	defer c.Session.Guard()
	defer c.stopReading(number)
	grown, spoke := false, false // a message has been handled by this goroutine; since the last heartbeat
	for {
		c.endBurst()
		message := false
		data, binary, err := c.in.readMessage(c.control)
		if err == nil {
			message, err = c.receive(data, binary)
		}
		if c.Reader.Load() != number {
			return
		}
		if err != nil {
			c.readingEnded(err)
			return
		}
		first := number == 0 && !grown
		switch {
		case message && first, !message && grown && !spoke:
			c.HandOver()
			return
		case message:
			grown, spoke = true, true
		default:
			spoke = false
		}
	}
}

// receive passes a message to the session. It is not a part of read, because its frame of 200 bytes would lie on the stack of
// a goroutine that waits, which then needs 4 KB instead of 2.
func (c *Conn) receive(data []byte, binary bool) (message bool, err error) {
	c.startBurst()
	p, wrong := c.decode(data, binary)
	return c.Session.Receive(&c.Link, p, wrong)
}

// decode decodes a message by the revision to which the connection's form belongs.
func (c *Conn) decode(data []byte, binary bool) (eio.Packet, error) {
	old := c.form == eio.Frames3 || c.form == eio.Frames3Base64
	switch {
	case old && binary:
		return eio.Revision3{}.DecodeBinary(data)
	case old:
		return eio.Revision3{}.DecodeText(data)
	case binary:
		return eio.Revision4{}.DecodeBinary(data)
	default:
		return eio.Revision4{}.DecodeText(data)
	}
}

// stopReading closes the connection, unless another goroutine reads.
func (c *Conn) stopReading(number int32) {
	if c.Reader.Load() == number {
		defer c.in.conn.Close()
		c.in.release()
	}
}

// stoppedReading calls Session.Gone, unless another goroutine reads.
func (c *Conn) stoppedReading(number int32) {
	if c.Reader.Load() == number {
		c.Session.Gone()
	}
}

// startBurst holds replies back while more messages are in the buffer, so that the replies are sent in one write. endBurst
// ends this. Both are called by the reading goroutine.
func (c *Conn) startBurst() {
	if !c.burst && c.in.more() {
		c.burst = true
		c.Mu.Lock()
		defer c.Mu.Unlock()
		c.Cork()
	}
}

func (c *Conn) endBurst() {
	if c.burst && !c.in.more() {
		c.burst = false
		if err := c.uncork(); err != nil {
			c.Session.WriteFailed(&c.Link, err)
		}
	}
}

func (c *Conn) uncork() error {
	c.Mu.Lock()
	defer c.Mu.Unlock()
	return c.out.Uncork()
}

// control handles a websocket control frame on the reading goroutine.
func (c *Conn) control(op ws.OpCode, payload []byte) error {
	switch op {
	case ws.OpPing:
		c.Mu.Lock()
		defer c.Mu.Unlock()
		if c.closeSent {
			return nil
		}
		pong := eio.AppendControl(nil, ws.OpPong, payload)
		if !c.out.Fits(1, len(pong)) {
			return transport.ErrQueueFull // the client sends pings and does not read the pongs
		}
		return c.out.WriteShared(pong, 1, false)
	case ws.OpClose:
		return readClose(payload)
	}
	return nil // a pong without a ping
}
