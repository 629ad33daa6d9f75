package memnet

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// Conn is one end of a connection in memory: a net.Conn that can be half closed and reset.
type Conn struct {
	// Immutable after construction.
	in, out       *stream // the peer's out and in
	local, remote Addr

	closed atomic.Bool
}

// pipe makes the two ends of a connection.
func pipe(client, server Addr, buffer int) (*Conn, *Conn) {
	if buffer <= 0 {
		buffer = DefaultBuffer
	}
	up, down := newStream(buffer), newStream(buffer)
	return &Conn{in: down, out: up, local: client, remote: server},
		&Conn{in: up, out: down, local: server, remote: client}
}

// Read implements net.Conn. It returns io.EOF when the peer has closed and all it sent has been read.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.take(p)
	return n, c.wrap("read", err)
}

// Write implements net.Conn. It waits while the buffer is full. It fails with syscall.EPIPE when the peer has closed.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.put(p)
	return n, c.wrap("write", err)
}

// CloseWrite ends this direction: the peer reads what was sent before, then io.EOF. This end can still read.
func (c *Conn) CloseWrite() error {
	if c.closed.Load() {
		return c.wrap("close", net.ErrClosed)
	}
	c.out.finish(syscall.EPIPE)
	return nil
}

// Close implements net.Conn. The peer can still read what was sent before; unread data from the peer is dropped.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return c.wrap("close", net.ErrClosed)
	}
	c.in.abandon(net.ErrClosed, syscall.EPIPE)
	c.out.finish(net.ErrClosed)
	return nil
}

// Reset closes the connection in the way that TCP reports a crash: unread data is lost, and the peer's reads
// and writes fail with syscall.ECONNRESET.
func (c *Conn) Reset() {
	if c.closed.Swap(true) {
		return
	}
	c.in.abandon(net.ErrClosed, syscall.ECONNRESET)
	c.out.abandon(syscall.ECONNRESET, net.ErrClosed)
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.wrap("set", c.in.setDeadline(&c.in.reader, t))
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.wrap("set", c.out.setDeadline(&c.out.writer, t))
}

// wrap gives an error the form that package net gives it. io.EOF stays as it is.
func (c *Conn) wrap(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &net.OpError{Op: op, Net: c.local.Network(), Source: c.local, Addr: c.remote, Err: err}
}
