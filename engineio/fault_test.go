package engineio_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

// faulty is a connection whose n-th call panics, as a fault of the code around it would. Nought is none.
type faulty struct {
	net.Conn
	left *atomic.Int64
}

func (c faulty) call() {
	if c.left.Add(-1) == 0 {
		panic("a fault")
	}
}

func (c faulty) Read(p []byte) (int, error)         { c.call(); return c.Conn.Read(p) }
func (c faulty) Write(p []byte) (int, error)        { c.call(); return c.Conn.Write(p) }
func (c faulty) Close() error                       { c.Conn.Close(); c.call(); return nil }
func (c faulty) SetDeadline(t time.Time) error      { c.call(); return c.Conn.SetDeadline(t) }
func (c faulty) SetReadDeadline(t time.Time) error  { c.call(); return c.Conn.SetReadDeadline(t) }
func (c faulty) SetWriteDeadline(t time.Time) error { c.call(); return c.Conn.SetWriteDeadline(t) }

// faultyListener makes all its connections faulty ones, with one count.
type faultyListener struct {
	net.Listener
	left *atomic.Int64
}

func (l faultyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return faulty{c, l.left}, err
}

// TestPanic_everywhere: wherever a session's code has a fault, that session ends, and no lock of it is left held: who sends
// to it returns, and the server shuts down.
func TestPanic_everywhere(t *testing.T) {
	life := func(r *rig, c *socket) { // of a session, with all that its goroutines do
		c.write(websocketRequest("?EIO=4&transport=websocket"))
		if response := c.response(); response.StatusCode != 101 {
			r.t.Fatalf("status %d", response.StatusCode)
		}
		c.tryFrame()
		p := r.peer()
		sent := make(chan struct{})
		go func() { // whoever sends to a session must not be held up by its fault
			defer close(sent)
			p.Cork()
			p.Send(engineio.Message{Data: []byte("one")})
			p.Uncork()
			p.SendPrepared(engineio.Prepare(engineio.Message{Data: []byte(strings.Repeat("x", 100_000))}), false)
		}()
		io.WriteString(c.conn, masked(ws.NewTextFrame([]byte("4hello"))))
		io.WriteString(c.conn, masked(ws.NewPingFrame([]byte("ping"))))
		io.WriteString(c.conn, masked(ws.NewFrame(ws.OpText, false, []byte("4in")))) // a deadline is set
		io.WriteString(c.conn, masked(ws.NewFrame(ws.OpContinuation, true, []byte(" pieces"))))
		for range 3 {
			if _, _, err := c.tryFrame(); err != nil {
				break
			}
		}
		receive(r.t, r.net.patience, "the senders", sent)
		io.WriteString(c.conn, masked(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, ""))))
		for {
			if _, _, err := c.tryFrame(); err != nil {
				break
			}
		}
		c.conn.Close()
		receive(r.t, r.net.patience, "the end of the session", p.closed)
	}
	inMemory(t, func(t *testing.T, n *network) {
		var left, at atomic.Int64 // at: armed by the session's opening, for before it the HTTP server uses the connection
		r := start(t, n, setup{
			panics: anyPanics,
			accept: func(*peer) { left.Store(at.Load()) },
			listen: func(l net.Listener) net.Listener { return faultyListener{l, &left} },
		})
		other, otherPeer := r.websocket()
		faults := 0
		for at.Store(1); ; at.Add(1) {
			before := r.engine.Stats().Panics
			life(r, r.raw())
			eventually(t, n.patience, fmt.Sprintf("the session with a fault in call %d to end", at.Load()), func() bool {
				return r.engine.SessionCount() == 1
			})
			faults += int(r.engine.Stats().Panics - before)
			over := left.Swap(0) > 0 // a life without a fault
			other.says("4fine")
			otherPeer.wants("fine")
			if over {
				break
			}
		}
		if faults < 10 {
			t.Errorf("%d faults were injected: has the connection been used?", faults)
		}
	})
}
