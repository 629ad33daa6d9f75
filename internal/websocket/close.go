package websocket

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// ending is the way in which a connection ends after its queue has been written. A larger value replaces a smaller one.
type ending uint8

const (
	endNever  ending = iota
	endSoon          // wait CloseTimeout for the client's close frame
	endHalf          // the same, and close the writing side: the client's bytes cannot be decoded any more
	endAtOnce        // close: both sides have sent a close frame
)

// Close implements transport.Conn: it sends a close frame without a code, as the reference does.
func (c *Conn) Close(unread bool) {
	if unread && c.out.Flushing() {
		c.Drop() // a close frame would wait behind everything that the client has not read
		return
	}
	c.closeSoon(0)
}

// Drop implements transport.Conn. It does not block, unlike Close of a TLS connection.
func (c *Conn) Drop() {
	if secure, ok := c.in.conn.(*tls.Conn); ok {
		secure.NetConn().Close()
		return
	}
	c.in.conn.Close()
}

// closeSoon sends a close frame and ends the connection when the client has answered it, or after CloseTimeout.
func (c *Conn) closeSoon(code ws.StatusCode) {
	c.sendClose(code)
	c.endWith(endSoon)
}

// sendClose sends a close frame, once. A zero code sends one without a payload.
func (c *Conn) sendClose(code ws.StatusCode) {
	if c.closeSent {
		return
	}
	c.closeSent = true
	c.out.EndCorks()
	if err := c.out.WriteShared(eio.AppendClose(nil, code), 0, false); err != nil {
		c.Drop()
	}
}

// endWith ends the connection in the given way after the queue has been written.
func (c *Conn) endWith(step ending) {
	c.ending = max(c.ending, step)
	switch {
	case c.out.Flushing(): // Emptied will do it
	case c.isDirect():
		c.end(step)
	case step != endAtOnce: // the reader closes the connection
		c.in.end()
	}
}

// Emptied implements transport.Sink.
func (c *Conn) Emptied() func() {
	step := c.ending
	if step == endNever {
		return nil
	}
	return func() { c.end(step) }
}

// end does one step of the end of the connection. On TLS it may block. On other connections it may be called with the
// mutex held.
func (c *Conn) end(step ending) {
	switch step {
	case endSoon:
		c.in.end()
	case endHalf:
		c.in.end()
		if half, ok := c.in.conn.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
	case endAtOnce:
		c.in.conn.Close()
	}
}

// readingEnded completes the close handshake after an error of reading, on the reading goroutine.
func (c *Conn) readingEnded(err error) {
	if discard, framed := c.answerEnd(err); discard {
		c.discard(framed)
	}
}

// answerEnd sends a close frame and calls Session.Ended. It reports whether the reader must discard further bytes of the
// client, and whether these can still be decoded as frames.
func (c *Conn) answerEnd(err error) (discard, framed bool) {
	if err == transport.ErrEnded {
		return true, true
	}
	if err == transport.ErrControls {
		err = &eio.Violation{Code: ws.StatusPolicyViolation, Err: err}
	}
	var (
		peer      *peerClosed
		violation *eio.Violation
	)
	c.Mu.Lock()
	defer c.Mu.Unlock()
	cause := transport.Failed
	switch {
	case errors.As(err, &peer):
		cause, err = transport.Closed, nil
		c.sendClose(peer.code)
		c.endWith(endAtOnce)
		discard = c.out.Flushing() // the flusher writes the answer and then closes the connection
	case errors.As(err, &violation):
		c.sendClose(violation.Code)
		c.endWith(endHalf)
		discard = true
	case err == transport.ErrQueueFull:
		cause = transport.Unread // a close frame would wait behind everything that the client has not read
	case lost(err):
		cause = transport.Closed
	case c.in.ended(): // the close frame was not answered in time
		cause, err = transport.Closed, nil
	default: // a deadline passed in the middle of a message, or reading failed
		err = fmt.Errorf("engineio: reading: %w", err)
		c.closeSoon(0)
		c.in.end() // a new deadline, because one that has passed would end discard before the close frame is written
		discard = true
	}
	c.Session.Ended(&c.Link, cause, err)
	return discard, false
}

// lost reports whether err is the ordinary end of a connection.
func lost(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET)
}

// discard reads and drops bytes until the client has answered the close frame, has closed its side, or CloseTimeout has
// passed. If the connection were closed earlier, a TCP reset could destroy the close frame. framed means that the client's
// frames can still be decoded.
func (c *Conn) discard(framed bool) {
	for framed {
		_, _, err := c.in.readMessage(func(op ws.OpCode, payload []byte) error {
			if op == ws.OpClose {
				return readClose(payload)
			}
			return nil
		})
		var violation *eio.Violation
		if err != nil && err != transport.ErrControls && !errors.As(err, &violation) {
			return
		}
		framed = err == nil
	}
	c.in.discard()
}

// peerClosed is the error that stands for the client's close frame.
type peerClosed struct{ code ws.StatusCode }

func (*peerClosed) Error() string { return "engineio: closed by the client" }

// readClose returns the error with which a close frame ends reading: a *peerClosed, or the error of an invalid frame.
func readClose(payload []byte) error {
	code, err := eio.ReadClose(payload)
	if err != nil {
		return err
	}
	return &peerClosed{code}
}
