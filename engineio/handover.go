package engineio

import "github.com/parleyio/parley/internal/eio"

// InlineHandler is a Handler that may take its time over the messages of a websocket on the goroutine that has read
// them. That saves the switch to another goroutine, which costs as much as a small message does otherwise.
type InlineHandler interface {
	Handler

	// MessageInline is called in place of Message where the call may let go of the reading: see Session.HandOver.
	MessageInline(data []byte, binary bool)
}

// HandOver makes another goroutine read on while the running call of MessageInline goes on for as long as it likes. It
// may be called by any goroutine, but once at most for each call of MessageInline, and only during the call; the
// message's bytes must not be used any more. Further messages are delivered while the call still runs: keeping their
// order is the handler's affair.
func (s *Session) HandOver() {
	s.mu.Lock()
	c := s.ws.Load()
	s.mu.Unlock()
	go c.read(c.reader.Add(1)) // ends with the connection, or when yet another reads
}

// deliver hands a message to the handler.
func (s *Session) deliver(p eio.Packet, inline bool) {
	if inline && s.inline != nil {
		s.inline.MessageInline(p.Data, p.Binary)
	} else {
		s.handler.Message(p.Data, p.Binary)
	}
}

// startBurst holds replies back while more messages have arrived, so that they leave in one write; endBurst ends that.
// Both are called by the reading goroutine.
func (c *wsConn) startBurst() {
	if !c.burst && c.in.more() {
		c.burst = true
		c.cork()
	}
}

func (c *wsConn) endBurst() {
	if c.burst && !c.in.more() {
		c.burst = false
		c.uncork()
	}
}

// more reports whether another whole frame has been read already.
func (f *frameReader) more() bool {
	h, size, err := eio.ParseHeader(f.buf[f.r:f.w])
	return err == nil && size > 0 && h.Length <= int64(f.w-f.r-size)
}
