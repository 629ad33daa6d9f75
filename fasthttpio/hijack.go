package fasthttpio

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/parleyio/parley/internal/guard"
)

const (
	// handOverTime is how long a handler waits for the connection that it takes over. It is there at once, or never.
	handOverTime = 10 * time.Second
	// lingerTime is how long a client has to read the last answer, before its connection is closed with what it has sent.
	lingerTime = 500 * time.Millisecond
	// lingerBytes is how much of that is read.
	lingerBytes = 256 << 10
	// lastAnswerTime bounds the writing of a last answer for which the handler has set no deadline.
	lastAnswerTime = 10 * time.Second
)

// handed is a connection that fasthttp has given away.
type handed struct {
	conn  net.Conn
	early []byte // what fasthttp had already read of the new protocol
}

// hijack takes the connection over, on the goroutine of the handler.
func (x *exchange) hijack() (net.Conn, *bufio.ReadWriter, error) {
	x.decide(outcome{hijacks: true})
	late := time.NewTimer(handOverTime)
	defer late.Stop()
	select {
	case h := <-x.handed:
		r := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(h.early), h.conn), max(len(h.early), 4<<10))
		r.Peek(len(h.early)) // they count as buffered
		return h.conn, bufio.NewReadWriter(r, bufio.NewWriter(h.conn)), nil
	case <-late.C: // fasthttp has closed it
		close(x.gaveUp)
		return nil, nil, errNotHandedOver
	}
}

// handOver gives the connection to the handler. It is a fasthttp.HijackHandler: when it returns, fasthttp closes its
// connection.
func (x *exchange) handOver(c net.Conn) {
	defer x.contain()
	h := handed{early: readAhead(c)}
	closed := make(chan struct{})
	if h.conn = duplicate(x.conn); h.conn != nil {
		close(closed)
	} else {
		h.conn = &heldConn{Conn: x.conn, closed: closed}
	}
	select {
	case x.handed <- h:
		<-closed
	case <-x.gaveUp:
		h.conn.Close()
	}
}

// readAhead returns what has been read of a connection and not yet used.
func readAhead(c net.Conn) []byte {
	var early bytes.Buffer
	c.SetReadDeadline(past)
	early.ReadFrom(c)
	c.SetReadDeadline(time.Time{})
	return early.Bytes()
}

// duplicate returns a connection of its own on the same TCP or Unix socket, or nil.
func duplicate(c net.Conn) net.Conn {
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return nil
	}
	file, err := c.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return nil // on Windows
	}
	defer file.Close()
	own, err := net.FileConn(file)
	if err != nil {
		return nil
	}
	return own
}

// heldConn is a connection that fasthttp keeps until it is closed.
type heldConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

// Close closes the connection. Over TLS it does not say so to the client first, for which it would have to wait.
func (c *heldConn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		under := c.Conn
		if secure, ok := under.(interface{ NetConn() net.Conn }); ok {
			under = secure.NetConn()
		}
		err = under.Close()
		close(c.closed)
	})
	return err
}

// CloseWrite ends what is written, where the connection can do that.
func (c *heldConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// answerLast writes the last answer of a connection. A client that is still sending must be able to read it, which it
// cannot when its connection is closed while something of it has not been read. The result is a fasthttp.HijackHandler.
func (x *exchange) answerLast(ctx *fasthttp.RequestCtx) fasthttp.HijackHandler {
	return func(c net.Conn) {
		defer x.contain()
		x.boundLastAnswer()
		out := bufio.NewWriter(c)
		if ctx.Response.Write(out) != nil || out.Flush() != nil {
			return
		}
		if half, ok := x.conn.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
			c.SetReadDeadline(time.Now().Add(lingerTime))
			io.CopyN(io.Discard, c, lingerBytes)
		}
	}
}

// boundLastAnswer sets the deadline for writing again, which fasthttp has removed.
func (x *exchange) boundLastAnswer() {
	x.mu.Lock()
	defer x.mu.Unlock()
	deadline := x.deadline
	if deadline.IsZero() {
		deadline = time.Now().Add(lastAnswerTime)
	}
	x.conn.SetWriteDeadline(deadline)
}

// contain keeps a panic on a goroutine that fasthttp has started from ending the process.
func (x *exchange) contain() {
	if fault := recover(); fault != nil {
		guard.Log(x.log, "panic in a hijacked connection", fault)
		x.cancel(context.Canceled)
	}
}
