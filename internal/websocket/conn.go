package websocket

import (
	"io"
	"net"
	"time"

	"github.com/parleyio/parley/internal/buffer"
	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// Conn is one websocket connection. It implements transport.Conn. Its reading goroutine owns in. The session's mutex guards
// out and the flags.
type Conn struct {
	transport.Link
	deflate *eio.Deflater // nil: no compression has been negotiated; immutable

	form      eio.Form // the wire form of packets; immutable
	closeSent bool     // a close frame is queued or written
	ending    ending   // how to end after the queue has been written
	burst     bool     // replies are held back; owned by the reading goroutine

	out    transport.Queue
	direct descriptor // the connection, if it has a descriptor
	in     frameReader
}

// stream has the methods of a connection that a websocket needs: it is a net.Conn or a descriptor.
type stream interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// Name implements transport.Conn.
func (*Conn) Name() string { return Name }

// Greet implements transport.Conn. The queue holds the answer, which is sent with the first packet.
func (c *Conn) Greet(first ...eio.Packet) error {
	return c.out.WriteOwn(len(first), func(dst []byte) []byte { return c.form.Append(dst, first) })
}

// Prepare implements transport.Conn: it compresses.
func (c *Conn) Prepare(g *transport.Group) {
	if c.deflate.Wants(g.Packets) {
		c.frames(g)
	}
}

// frames returns the frames of a group in the form of this connection.
func (c *Conn) frames(g *transport.Group) []byte {
	frames := g.Wire(c.form)
	if !c.deflate.Wants(g.Packets) {
		return frames
	}
	form := c.form.Deflated(g.Binary())
	if made := g.Made(form); made != nil {
		return made
	}
	scratch := buffer.Take()
	defer buffer.Give(scratch)
	made := c.deflate.Frames(frames, g.Packets, scratch)
	g.Keep(form, made)
	return made
}

// Send implements transport.Conn. Packets that are compressed must be prepared, because compression takes too long with the
// mutex held.
func (c *Conn) Send(packets []eio.Packet) error {
	if c.deflate.Wants(packets) {
		return transport.ErrUnprepared
	}
	if err := c.out.Reserve(len(packets), c.form.Size(packets)); err != nil {
		return err
	}
	return c.out.WriteOwn(len(packets), func(dst []byte) []byte { return c.form.Append(dst, packets) })
}

// SendGroup implements transport.Conn.
func (c *Conn) SendGroup(g *transport.Group) error {
	frames := c.frames(g)
	if err := c.out.Reserve(len(g.Packets), len(frames)); err != nil {
		return err
	}
	return c.out.WriteShared(frames, len(g.Packets), g.Expendable)
}

// Push implements transport.Conn.
func (c *Conn) Push(g *transport.Group) error {
	return c.out.WriteShared(c.frames(g), len(g.Packets), g.Expendable)
}

// Writable implements transport.Conn.
func (c *Conn) Writable() bool { return c.out.Writable() }

// Queued implements transport.Conn.
func (c *Conn) Queued() (packets, bytes int) { return c.out.Len() }

// Cork implements transport.Conn.
func (c *Conn) Cork() {
	if !c.closeSent {
		c.out.Cork()
	}
}

// Uncork implements transport.Conn.
func (c *Conn) Uncork() error { return c.out.Uncork() }

// WriteNow implements transport.Sink.
func (c *Conn) WriteNow(b []byte) (int, error) { return c.direct.writeNow(b) }

// WriteBatch implements transport.Sink. It uses one write where possible.
func (c *Conn) WriteBatch(pieces net.Buffers) (int64, error) {
	if c.isDirect() {
		return c.direct.writeBatch(pieces)
	}
	return pieces.WriteTo(c.in.conn)
}

// SetWriteDeadline implements transport.Sink.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.in.conn.SetWriteDeadline(t) }

// isDirect reports whether the connection has a descriptor of its own.
func (c *Conn) isDirect() bool { return c.direct.File != nil }

// HoldsBuffer reports whether the connection holds a buffer or a queue; an idle one holds neither. It takes no lock: tests
// call it while the connection is idle.
func (c *Conn) HoldsBuffer() bool {
	packets, _ := c.out.Len()
	return c.in.buf != nil || c.in.message != nil || c.in.inflated != nil || packets > 0
}
