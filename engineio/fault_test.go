package engineio_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

// strikes counts the calls of what is injected into the server, and makes the one with a number panic, as a fault of the
// code around it would.
type strikes struct {
	again bool // all that come behind it panic too
	armed atomic.Bool
	left  atomic.Int64
}

func (s *strikes) call() {
	if !s.armed.Load() {
		return
	}
	if left := s.left.Add(-1); left == 0 || left < 0 && s.again {
		panic("a fault")
	}
}

// arm has the n-th call from now on panic.
func (s *strikes) arm(n int64) {
	s.left.Store(n)
	s.armed.Store(true)
}

// disarm reports whether a call has panicked.
func (s *strikes) disarm() bool {
	s.armed.Store(false)
	return s.left.Load() <= 0
}

// faulty is a connection whose calls are counted.
type faulty struct {
	net.Conn
	*strikes
}

func (c faulty) Read(p []byte) (int, error)         { c.call(); return c.Conn.Read(p) }
func (c faulty) Write(p []byte) (int, error)        { c.call(); return c.Conn.Write(p) }
func (c faulty) Close() error                       { c.Conn.Close(); c.call(); return nil }
func (c faulty) SetDeadline(t time.Time) error      { c.call(); return c.Conn.SetDeadline(t) }
func (c faulty) SetReadDeadline(t time.Time) error  { c.call(); return c.Conn.SetReadDeadline(t) }
func (c faulty) SetWriteDeadline(t time.Time) error { c.call(); return c.Conn.SetWriteDeadline(t) }

// faultyWriter is a response whose calls are counted, save that for the headers: with it a request begins.
type faultyWriter struct {
	http.ResponseWriter
	*strikes
}

func (w faultyWriter) WriteHeader(status int)      { w.call(); w.ResponseWriter.WriteHeader(status) }
func (w faultyWriter) Write(p []byte) (int, error) { w.call(); return w.ResponseWriter.Write(p) }
func (w faultyWriter) SetReadDeadline(t time.Time) error {
	w.call()
	return http.NewResponseController(w.ResponseWriter).SetReadDeadline(t)
}
func (w faultyWriter) SetWriteDeadline(t time.Time) error {
	w.call()
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t)
}

// Hijack makes the connection a faulty one, which is armed when the session has been accepted, or when the client has seen
// the answer to its probe: until then it is not the server's own.
func (w faultyWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.call()
	w.armed.Store(false)
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	return faulty{conn, w.strikes}, rw, err
}

// faultyBody is a request's body whose calls are counted.
type faultyBody struct {
	io.ReadCloser
	*strikes
}

func (b faultyBody) Read(p []byte) (int, error) { b.call(); return b.ReadCloser.Read(p) }

// TestPanic_everywhere: wherever a session's code has a fault, that session ends, and no lock of it is left held: who sends
// to it returns, and the server shuts down. Faults in ending it change nothing of that.
func TestPanic_everywhere(t *testing.T) {
	for name, live := range map[string]func(*rig, *strikes){
		"websocket":                     func(r *rig, _ *strikes) { liveOnWebSocket(r) },
		"polling, two polls":            func(r *rig, _ *strikes) { liveOnPolling(r, overlapPolls) },
		"polling, two posts":            func(r *rig, _ *strikes) { liveOnPolling(r, overlapPosts) },
		"polling, closed by the server": func(r *rig, _ *strikes) { liveOnPolling(r, closeInPost) },
		"polling, aborted in a probe": func(r *rig, s *strikes) {
			liveOnPolling(r, func(c *poller, p *peer) { abortInProbe(c, p, s) })
		},
		"polling, upgraded": func(r *rig, s *strikes) {
			liveOnPolling(r, func(c *poller, p *peer) { completeUpgrade(c, p, s) })
		},
	} {
		for _, again := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, again %v", name, again), func(t *testing.T) {
				inMemory(t, func(t *testing.T, n *network) { strikeEverywhere(t, n, &strikes{again: again}, live) })
			})
		}
	}
}

// strikeEverywhere lives the life of a session once for each call that can have a fault, from the session's opening on:
// before it there is nothing that could end.
func strikeEverywhere(t *testing.T, n *network, s *strikes, live func(*rig, *strikes)) {
	var at atomic.Int64
	if n.pipe != nil {
		n.pipe.Wrap = func(c net.Conn) net.Conn { // as Hijack
			s.armed.Store(false)
			return faulty{c, s}
		}
	}
	r := start(t, n, setup{
		options: engineio.Options{PingInterval: 1000 * time.Hour},       // it is not the heartbeat that ends a session
		tune:    func(t *http.Transport) { t.DisableKeepAlives = true }, // it would repeat what has failed
		panics:  anyPanics,
		accept: func(*peer) {
			if at.Load() > 0 {
				s.arm(at.Load())
			}
		},
		wrap: func(engine http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Body = faultyBody{r.Body, s}
				engine.ServeHTTP(faultyWriter{w, s}, r)
			})
		},
	})
	other, otherPeer := r.websocket()
	for at.Store(1); ; at.Add(1) {
		synctest.Wait() // the calls of the other, which has just read, are not to be some of this life
		live(r, s)
		eventually(t, n.patience, fmt.Sprintf("the session with a fault in call %d to end", at.Load()), func() bool {
			return r.engine.SessionCount() == 1
		})
		struck := s.disarm()
		other.says("4fine")
		otherPeer.wants("fine")
		if !struck {
			break
		}
	}
	if faults := r.engine.Stats().Panics; faults < 10 {
		t.Errorf("%d faults were counted, in %d lives", faults, at.Load())
	}
}

// liveOnWebSocket is a life with all that a session's goroutines do.
func liveOnWebSocket(r *rig) {
	c, status := r.tryUpgrade("?EIO=4&transport=websocket")
	if status != 0 && status != 101 { // the fault may be in answering
		r.t.Fatalf("status %d", status)
	}
	_, _, _ = c.tryFrame()
	p := r.peer()
	p.sendsAll()
	c.trySend(ws.NewTextFrame([]byte("4hello")))
	frames := 2
	if c.pipe == nil {
		frames = 3 // with the pong
		c.trySend(ws.NewPingFrame([]byte("ping")))
		c.trySend(ws.NewFrame(ws.OpText, false, []byte("4in"))) // a deadline is set
		c.trySend(ws.NewFrame(ws.OpContinuation, true, []byte(" pieces")))
	}
	for range frames {
		if _, _, err := c.tryFrame(); err != nil {
			break
		}
	}
	c.leaves()
	receive(r.t, r.net.patience, "the end of the session", p.closed)
}

// sendsAll sends in all ways: who does must not be held up by a session's fault.
func (p *peer) sendsAll() {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		p.Cork()
		_ = p.Send(engineio.Message{Data: []byte("one")}) // the session may have ended
		p.Uncork()
		_ = p.SendPrepared(engineio.Prepare(engineio.Message{Data: []byte(strings.Repeat("x", 100_000))}), false)
	}()
	receive(p.t, p.patience, "the senders", sent)
}

// leaves says that the client closes, and waits until the server has.
func (c *socket) leaves() {
	c.t.Helper()
	c.trySend(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "")))
	c.isLeft()
}

// isLeft waits until the server has closed, whatever it still says.
func (c *socket) isLeft() {
	c.t.Helper()
	for {
		_, _, err := c.tryFrame()
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			c.t.Fatal("the connection stays open")
		}
		if err != nil {
			break
		}
	}
	c.conn.Close()
}

// liveOnPolling is a life of requests, each of which may fail, with an end of its own.
func liveOnPolling(r *rig, end func(*poller, *peer)) {
	_, err := r.try("GET", "?EIO=4&transport=polling", "")
	p := r.peer()
	if err != nil { // the client knows no id
		receive(r.t, r.net.patience, "the end of the session", p.closed)
		return
	}
	c := &poller{r, handshake{SID: p.ID()}, "?EIO=4&transport=polling&sid=" + p.ID()}
	p.sendsAll()
	_, _ = c.try("GET", c.query, "")
	_, _ = c.try("POST", c.query, "4hello")
	held := c.holds(p)
	p.sendsAll()
	<-held
	end(c, p)
	receive(r.t, r.net.patience, "the end of the session", p.closed)
	p.sendsAll()
}

// holds polls in the background, and returns when a poll is held or the session has ended. Polls before it bring what waits.
func (c *poller) holds(p *peer) <-chan answer {
	for {
		answers := c.polls()
		eventually(c.t, c.net.patience, "a poll to be held", func() bool {
			return c.engine.HoldsPoll(c.SID) || len(p.closed) > 0 || len(answers) > 0
		})
		if len(answers) == 0 || len(p.closed) > 0 {
			return answers
		}
	}
}

// halfPost does something while a POST is read that never comes to its end.
func (c *poller) halfPost(p *peer, do func()) {
	post := c.raw()
	post.write("POST /engine.io/" + c.query + " HTTP/1.1\r\nHost: parley.test\r\nContent-Length: 10\r\n\r\n4he")
	eventually(c.t, c.net.patience, "a data request to begin", func() bool {
		return c.engine.Posting(c.SID) || len(p.closed) > 0
	})
	taken := len(p.closed) == 0
	do()
	if taken { // else the HTTP server waits for the body before it answers
		_, _ = http.ReadResponse(post.in, nil)
	}
	post.conn.Close()
}

func overlapPolls(c *poller, p *peer) {
	held := c.holds(p)
	c.halfPost(p, func() { _, _ = c.try("GET", c.query, "") })
	<-held
}

func overlapPosts(c *poller, p *peer) {
	c.halfPost(p, func() { _, _ = c.try("POST", c.query, "4more") })
}

func closeInPost(c *poller, p *peer) {
	held := c.holds(p)
	c.halfPost(p, p.Session.Close)
	<-held
}

// tryProbe opens a websocket for the session, and arms its connection. It returns nil if there is none.
func (c *poller) tryProbe(s *strikes) *socket {
	defer s.armed.Store(true)
	socket, status := c.tryUpgrade("?EIO=4&transport=websocket&sid=" + c.SID)
	if status != 101 {
		socket.conn.Close()
		return nil
	}
	return socket
}

func abortInProbe(c *poller, p *peer, s *strikes) {
	socket := c.tryProbe(s)
	c.halfPost(p, func() { p.Abort(engineio.ForcedClose, nil) })
	if socket != nil {
		socket.isLeft()
	}
}

func completeUpgrade(c *poller, p *peer, s *strikes) {
	held := c.holds(p)
	socket := c.tryProbe(s)
	if socket == nil { // which leaves the session as it was
		p.Abort(engineio.ForcedClose, nil)
		<-held
		return
	}
	socket.trySend(ws.NewTextFrame([]byte("2probe")))
	_, _, _ = socket.tryFrame()
	<-held
	held = c.holds(p) // this one is released by a timer
	<-held
	socket.trySend(ws.NewTextFrame([]byte("5")))
	eventually(c.t, c.net.patience, "the upgrade", func() bool { return string(p.Transport()) == c.net.transport() || len(p.closed) > 0 })
	p.sendsAll()
	socket.leaves()
}
