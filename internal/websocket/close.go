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

// ending is how a connection ends once its queue is empty. A later value replaces an earlier one, never the other way.
type ending uint8

const (
	endNever  ending = iota
	endSoon          // the client's time to answer the close frame begins
	endHalf          // the same, and this side is closed: what the client sends cannot be understood any more
	endAtOnce        // both sides have said that they close
)

// Close implements transport.Conn: it sends a close frame without a code, as the reference does.
func (c *Conn) Close(unread bool) {
	if unread && c.out.Flushing() {
		c.Drop() // a close frame would wait behind all that the client has not read
		return
	}
	c.closeSoon(0)
}

// Drop implements transport.Conn. Unlike Close of a TLS connection it does not block.
func (c *Conn) Drop() {
	if secure, ok := c.in.conn.(*tls.Conn); ok {
		secure.NetConn().Close()
		return
	}
	c.in.conn.Close()
}

// closeSoon ends the connection when the client has answered the close frame, or CloseTimeout after it was written.
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

// endWith ends the connection in the way given, when the queue is empty.
func (c *Conn) endWith(step ending) {
	c.ending = max(c.ending, step)
	switch {
	case c.out.Flushing(): // Emptied will see it
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

// end takes a step of the connection's end. On TLS it may block; otherwise it may be called under the mutex.
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

// readingEnded sees to the close handshake when reading has ended with an error, on the reading goroutine.
func (c *Conn) readingEnded(err error) {
	if discard, framed := c.answerEnd(err); discard {
		c.discard(framed)
	}
}

// answerEnd tells the client and the session that reading has ended. It says whether the rest of what the client sends is
// to be discarded, and whether it is still frames.
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
		discard = c.out.Flushing() // the flusher closes the connection when the answer has been written
	case errors.As(err, &violation):
		c.sendClose(violation.Code)
		c.endWith(endHalf)
		discard = true
	case err == transport.ErrQueueFull:
		cause = transport.Unread // a close frame would wait behind all that the client has not read
	case lost(err):
		cause = transport.Closed
	case c.in.ended(): // the close frame was not answered in time
		cause, err = transport.Closed, nil
	default: // a deadline passed in the middle of a message, or reading failed
		err = fmt.Errorf("engineio: reading: %w", err)
		c.closeSoon(0)
		c.in.end() // a deadline that has passed would end discarding before the close frame is written
		discard = true
	}
	c.Session.Ended(&c.Link, cause, err)
	return discard, false
}

// lost tells an ordinary end of a connection from an error.
func lost(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET)
}

// discard drops what still comes until the client has answered the close frame, has closed its side or has had its time,
// so that the close frame is not destroyed by a reset. framed tells that the client's frames can still be understood.
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

// peerClosed reports the client's close frame.
type peerClosed struct{ code ws.StatusCode }

func (*peerClosed) Error() string { return "engineio: closed by the client" }

// readClose turns a close frame into the error that ends reading: a *peerClosed, or what is wrong with the frame.
func readClose(payload []byte) error {
	code, err := eio.ReadClose(payload)
	if err != nil {
		return err
	}
	return &peerClosed{code}
}
