package pipe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

var errType = errors.New("pipe: unknown type of a packet")

// Conn is the server's end of a connection. It implements transport.Conn.
type Conn struct {
	transport.Link
	conn net.Conn // immutable
	in   *bufio.Reader
	out  transport.Queue

	// The session's mutex guards the fields below.
	closed    bool // an end record is queued or written
	peerEnded bool // the client has ended its side
}

// Name implements transport.Conn.
func (*Conn) Name() string { return Name }

// Greet implements transport.Conn.
func (c *Conn) Greet(first ...eio.Packet) error { return c.write(first, false) }

// Prepare implements transport.Conn.
func (*Conn) Prepare(*transport.Group) {}

// Send implements transport.Conn.
func (c *Conn) Send(packets []eio.Packet) error {
	if err := c.out.Reserve(len(packets), size(packets)); err != nil {
		return err
	}
	return c.write(packets, false)
}

// SendGroup implements transport.Conn.
func (c *Conn) SendGroup(g *transport.Group) error {
	if err := c.out.Reserve(len(g.Packets), size(g.Packets)); err != nil {
		return err
	}
	return c.write(g.Packets, g.Expendable)
}

// Push implements transport.Conn.
func (c *Conn) Push(g *transport.Group) error { return c.write(g.Packets, g.Expendable) }

func (c *Conn) write(packets []eio.Packet, expendable bool) error {
	if len(packets) == 0 {
		return nil
	}
	return c.out.WriteShared(appendRecords(nil, packets), len(packets), expendable)
}

// Writable implements transport.Conn.
func (c *Conn) Writable() bool { return c.out.Writable() }

// Queued implements transport.Conn.
func (c *Conn) Queued() (packets, bytes int) { return c.out.Len() }

// Cork implements transport.Conn.
func (c *Conn) Cork() {
	if !c.closed {
		c.out.Cork()
	}
}

// Uncork implements transport.Conn.
func (c *Conn) Uncork() error { return c.out.Uncork() }

// WriteNow implements transport.Sink. It is not called.
func (*Conn) WriteNow([]byte) (int, error) { return 0, nil }

// WriteBatch implements transport.Sink.
func (c *Conn) WriteBatch(pieces net.Buffers) (int64, error) { return pieces.WriteTo(c.conn) }

// SetWriteDeadline implements transport.Sink.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.conn.SetWriteDeadline(t) }

// Emptied implements transport.Sink. After an end record, the client has CloseTimeout to end its side.
func (c *Conn) Emptied() func() {
	switch {
	case !c.closed:
		return nil
	case c.peerEnded:
		return c.Drop
	}
	c.conn.SetReadDeadline(time.Now().Add(c.Limits.CloseTimeout))
	return nil
}

// Close implements transport.Conn.
func (c *Conn) Close(unread bool) {
	switch {
	case unread && c.out.Flushing():
		c.Drop()
	case !c.closed:
		c.closed = true
		c.out.EndCorks()
		if err := c.out.WriteShared(appendRecord(nil, eio.Packet{Type: typeEnd}), 0, false); err != nil {
			c.Drop()
		}
	}
}

// Drop implements transport.Conn.
func (c *Conn) Drop() { c.conn.Close() }

// Run implements transport.Conn.
func (c *Conn) Run() {
	go c.read(0) // ends with the connection, or when another goroutine reads
}

// HandOver implements transport.Conn.
func (c *Conn) HandOver() {
	go c.read(c.Reader.Add(1)) // as in Run
}

// read is the reading goroutine with the given number.
func (c *Conn) read(number int32) {
	reads := func() bool { return c.Reader.Load() == number }
	defer func() {
		if reads() {
			c.Session.Gone()
		}
	}()
	defer c.Session.Guard()
	defer func() {
		if reads() {
			c.conn.Close()
		}
	}()
	for {
		err := c.receive()
		if !reads() {
			return
		}
		if err != nil {
			c.ended(err)
			return
		}
	}
}

// receive waits for a packet and passes it to the session.
func (c *Conn) receive() error {
	if _, err := c.in.Peek(1); err != nil {
		return err
	}
	p, err := c.readWithin(c.Limits.ReadTimeout)
	switch {
	case err != nil:
		return err
	case p.Type == typeEnd:
		return io.EOF
	case p.Type < eio.TypeOpen || p.Type > eio.TypeNoop:
		err = errType
	}
	_, err = c.Session.Receive(&c.Link, p, err)
	return err
}

// readWithin reads a whole packet within the timeout.
func (c *Conn) readWithin(timeout time.Duration) (eio.Packet, error) {
	c.setReadDeadline(time.Now().Add(timeout))
	defer c.setReadDeadline(time.Time{})
	return readRecord(c.in, c.Limits.MaxPayload)
}

// setReadDeadline sets the deadline of reading, unless Emptied has set the last one.
func (c *Conn) setReadDeadline(t time.Time) {
	if c.Mu != nil { // Bind has been called
		c.Mu.Lock()
		defer c.Mu.Unlock()
	}
	if !c.closed {
		c.conn.SetReadDeadline(t)
	}
}

// ended calls Session.Ended, and waits until the client has ended its side.
func (c *Conn) ended(err error) {
	if err != transport.ErrEnded && c.reportEnd(err) {
		return
	}
	for {
		p, err := readRecord(c.in, c.Limits.MaxPayload)
		if err != nil && err != eio.ErrTooLarge || p.Type == typeEnd {
			return
		}
	}
}

// reportEnd sends an end record and calls Session.Ended. It reports whether both sides have ended and everything is
// written.
func (c *Conn) reportEnd(err error) (done bool) {
	c.Mu.Lock()
	defer c.Mu.Unlock()
	cause := transport.Failed
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNRESET), c.closed:
		cause = transport.Closed
		c.peerEnded = true
	case !errors.Is(err, transport.ErrControls) && !errors.Is(err, eio.ErrTooLarge):
		err = fmt.Errorf("pipe: reading: %w", err)
	}
	c.Close(false)
	c.Session.Ended(&c.Link, cause, err)
	return c.peerEnded && !c.out.Flushing()
}
