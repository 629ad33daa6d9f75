package engineio

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/internal/eio"
)

// wsConn is one websocket connection: of an open session, or of one that probes it. Its reading goroutine owns in; the
// session's mutex guards out and the flags.
type wsConn struct {
	// Immutable after construction.
	session *Session
	conn    stream
	deflate *eio.Deflater // nil: no compression has been negotiated
	form    eio.Form      // in which it takes packets

	burst     bool         // replies are held back; owned by the reading goroutine
	closeSent bool         // a close frame is queued or written
	ending    ending       // what happens when all that was queued has been written
	reader    atomic.Int32 // the number of the goroutine that reads: see Session.HandOver

	direct     descriptor // conn, if it is one
	out        sendQueue
	in         frameReader
	probeTimer *time.Timer
}

// stream is what a websocket needs of its connection: a net.Conn or a descriptor.
type stream interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// ending is how a connection ends once its queue is empty. A later value replaces an earlier one, never the other way.
type ending uint8

const (
	endNever  ending = iota
	endSoon          // the client's time to answer the close frame begins
	endHalf          // the same, and this side is closed: what the client sends cannot be understood any more
	endAtOnce        // both sides have said that they close
)

// isUpgrade reports whether a request asks to leave HTTP.
func isUpgrade(r *http.Request) bool {
	return r.Header.Get("Upgrade") != "" && hasToken(r.Header["Connection"], "upgrade")
}

func hasToken(values []string, token string) bool {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// checkUpgrade returns what is wrong with a websocket handshake, in the words that clients of the reference see, or "".
func checkUpgrade(r *http.Request) string {
	switch {
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		return "Invalid Upgrade header"
	case !r.ProtoAtLeast(1, 1) || r.ProtoMajor > 1:
		return "Invalid HTTP version"
	case !validKey(r.Header.Get("Sec-Websocket-Key")):
		return "Missing or invalid Sec-WebSocket-Key header"
	case r.Header.Get("Sec-Websocket-Version") != "13":
		return "Missing or invalid Sec-WebSocket-Version header"
	}
	return ""
}

// validKey reports whether the key is base64 of 16 bytes (RFC 6455, section 4.1).
func validKey(key string) bool {
	if len(key) != 24 || !strings.HasSuffix(key, "==") {
		return false
	}
	data, err := eio.DecodeBase64([]byte(key))
	return err == nil && len(data) == 16
}

// acceptance is a connection that has been taken over from the HTTP server. Its answer, 101 and the headers, is held back to
// leave in one write with the first packet. It does not pass through the bufio.Writer of a wrapper's Hijack; a wrapper that
// wants to see it returns a connection of its own.
type acceptance struct {
	http.ResponseWriter
	conn   net.Conn
	early  []byte  // what the HTTP server had already read of the new protocol
	answer *[]byte // a pooled buffer
}

// Hijack implements http.Hijacker: what is written to the result is held.
func (a *acceptance) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil {
		rw.Writer.Reset((*eio.SliceWriter)(a.answer))
	}
	return conn, rw, err
}

// acceptWebSocket takes the connection of a checked handshake over.
func acceptWebSocket(w http.ResponseWriter, r *http.Request, timeout time.Duration) (*acceptance, error) {
	// Browsers fail a connection that answers none of the subprotocols that they offered, so the first is taken.
	first := true
	upgrader := ws.HTTPUpgrader{
		Header:   w.Header().Clone(),
		Protocol: func(string) bool { taken := first; first = false; return taken },
	}
	a := &acceptance{ResponseWriter: w, answer: takeWriteBuffer()}
	conn, rw, _, err := upgrader.Upgrade(r, a)
	if rw != nil {
		defer rw.Writer.Reset(conn) // who has kept it is not to write into a buffer of others
	}
	if err != nil {
		if conn != nil {
			conn.SetWriteDeadline(time.Now().Add(timeout))
			conn.Write(*a.answer) // what is wrong with the request
			conn.Close()
		}
		giveWriteBuffer(a.answer)
		return nil, err
	}
	a.conn, a.early = conn, readAhead(rw.Reader)
	return a, nil
}

// readAhead copies what the HTTP server had already read of the new protocol.
func readAhead(r *bufio.Reader) []byte {
	if r.Buffered() == 0 {
		return nil
	}
	early := make([]byte, r.Buffered())
	n, _ := r.Read(early)
	return early[:n]
}

func newWSConn(s *Session, a *acceptance, asBase64 bool) *wsConn {
	c := &wsConn{session: s, conn: a.conn, form: s.revision.Frames(asBase64)}
	c.out.init(&s.server.opts)
	if c.direct.take(a.conn) {
		c.conn, c.out.direct = &c.direct, &c.direct
		c.in.init(c.conn, &c.direct, a.early, &s.server.opts, &s.server.rules)
	} else {
		c.in.init(a.conn, nil, a.early, &s.server.opts, &s.server.rules)
	}
	return c
}

// answer is answerLocked for a websocket that nobody else knows yet.
func (c *wsConn) answer(a *acceptance) error {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return c.answerLocked(a)
}

// answerLocked writes the answer to the handshake, and with it what comes first.
func (c *wsConn) answerLocked(a *acceptance, first ...eio.Packet) error {
	*a.answer = c.form.Append(*a.answer, first)
	flush, err := c.out.writeLocked(chunk{data: *a.answer, packets: len(first), own: a.answer})
	c.startFlusherLocked(flush)
	return err
}

// startFlusherLocked starts the goroutine that writes the queue, when a write says that one is needed.
func (c *wsConn) startFlusherLocked(needed bool) {
	if needed {
		go c.flush() // ends with the queue or with the connection
	}
}

// flush is the flusher: it writes the queue in batches until it is empty.
func (c *wsConn) flush() {
	s := c.session
	defer s.guard()
	ended := false
	defer func() {
		if !ended {
			c.drop() // it may be a probe's; nobody else will write what is queued
		}
	}()
	for written := 0; ; {
		batch, end, tell := c.nextBatch(written)
		if len(batch) == 0 {
			c.finish(end)
			ended = true
			if tell {
				s.tellFlushed()
			}
			return
		}
		c.conn.SetWriteDeadline(time.Now().Add(s.server.opts.WriteTimeout))
		n, err := c.writeBatch(batch)
		if err != nil {
			timedOut(&s.server.counters.writeTimeouts, err)
			s.writeFailed(c, err)
			return
		}
		written = int(n)
	}
}

// writeBatch writes a batch, as one write where it can be.
func (c *wsConn) writeBatch(batch net.Buffers) (int64, error) {
	if c.out.direct != nil {
		return c.direct.writeBatch(batch)
	}
	return batch.WriteTo(c.conn)
}

// nextBatch takes what has been written out of the queue and returns what comes next. Nothing ends the flusher: then it
// tells how the connection ends, and whether the session's handler may be told of the empty queue.
func (c *wsConn) nextBatch(written int) (batch net.Buffers, end ending, tell bool) {
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	c.out.wroteLocked(written)
	if batch = c.out.batchLocked(); len(batch) > 0 {
		return batch, 0, false
	}
	c.conn.SetWriteDeadline(time.Time{}) // its timer would outlive the flusher
	c.out.flushing = false
	return nil, c.ending, s.accepted && s.ws.Load() == c
}

// finish takes a step of the connection's end. On TLS it may block; otherwise it may be called under the lock.
func (c *wsConn) finish(step ending) {
	switch step {
	case endSoon:
		c.in.end()
	case endHalf:
		c.in.end()
		if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
	case endAtOnce:
		c.conn.Close()
	}
}

// finishLocked ends the connection in the way given, when the queue is empty.
func (c *wsConn) finishLocked(step ending) {
	c.ending = max(c.ending, step)
	switch {
	case c.out.flushing: // the flusher will see it
	case c.out.direct != nil:
		c.finish(step)
	case step != endAtOnce: // the reader closes the connection
		c.in.end()
	}
}

// drop closes the connection without ceremony. Unlike Close on TLS it does not block.
func (c *wsConn) drop() {
	if secure, ok := c.conn.(*tls.Conn); ok {
		secure.NetConn().Close()
		return
	}
	c.conn.Close()
}

// sendCloseLocked queues a close frame, once. A zero code sends one without a payload, as the reference does.
func (c *wsConn) sendCloseLocked(code ws.StatusCode) {
	if c.closeSent {
		return
	}
	c.closeSent = true
	c.out.corks = 0
	flush, err := c.out.writeSharedLocked(eio.AppendClose(nil, code), 0)
	if err != nil {
		c.drop()
		return
	}
	c.startFlusherLocked(flush)
}

// closeSoonLocked ends the connection when the client has answered the close frame, or CloseTimeout after it was
// written.
func (c *wsConn) closeSoonLocked(code ws.StatusCode) {
	c.sendCloseLocked(code)
	c.finishLocked(endSoon)
}

// read is the reading goroutine with a number: it lives until the connection is closed, or until another one reads.
//
// To handle a message takes a larger stack than to wait for one, and a goroutine never gives half of so small a stack
// back. So another one, with a new stack, takes over where the client is likely to fall silent: behind its first message,
// which in Socket.IO joins a namespace, and when it has said nothing for a whole interval of the heartbeat.
func (c *wsConn) read(number int32) {
	s := c.session
	defer c.stoppedReading(number)
	defer s.guard()
	defer c.stopReading(number)
	grown, spoke := false, false // a message has been handled: since this goroutine began, since the last heartbeat
	for {
		c.endBurst()
		data, isBinary, err := c.in.readMessage(c.control)
		kind := eio.TypeNoop
		if err == nil {
			c.startBurst()
			kind, err = s.receiveFrame(c, data, isBinary)
		}
		if c.reader.Load() != number {
			return
		}
		if err != nil {
			s.readingEnded(c, err)
			return
		}
		first := number == 0 && !grown
		switch {
		case kind == eio.TypeMessage && first, kind != eio.TypeMessage && grown && !spoke:
			go c.read(c.reader.Add(1))
			return
		case kind == eio.TypeMessage:
			grown, spoke = true, true
		default:
			spoke = false
		}
	}
}

// stopReading closes the connection, unless another goroutine reads on.
func (c *wsConn) stopReading(number int32) {
	if c.reader.Load() == number {
		defer c.conn.Close()
		c.in.release()
	}
}

// stoppedReading tells the server, unless another goroutine reads on.
func (c *wsConn) stoppedReading(number int32) {
	if c.reader.Load() == number {
		c.session.server.running.Done()
	}
}

// control handles a websocket control frame on the reading goroutine.
func (c *wsConn) control(op ws.OpCode, payload []byte) error {
	s := c.session
	switch op {
	case ws.OpPing:
		s.mu.Lock()
		defer s.mu.Unlock()
		if c.closeSent {
			return nil
		}
		pong := eio.AppendControl(nil, ws.OpPong, payload)
		if !c.out.fitsLocked(len(pong), 1) {
			return &endError{SlowConsumer, ErrQueueFull} // it pings and does not read
		}
		flush, err := c.out.writeSharedLocked(pong, 1)
		c.startFlusherLocked(flush)
		return err
	case ws.OpClose:
		return readClose(payload)
	}
	return nil // a pong that nobody asked for
}

// discard drops what still comes until the client has answered the close frame, has closed its side or has had its time,
// so that the close frame is not destroyed by a reset. framed tells that the client's frames can still be understood.
func (c *wsConn) discard(framed bool) {
	for framed {
		_, _, err := c.in.readMessage(func(op ws.OpCode, payload []byte) error {
			if op == ws.OpClose {
				return readClose(payload)
			}
			return nil
		})
		var violation *eio.Violation
		if err != nil && !errors.As(err, &violation) {
			return
		}
		framed = err == nil
	}
	c.in.discard()
}

// peerClosed reports the client's close frame, with a zero code when the frame has none.
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
