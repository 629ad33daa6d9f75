package security_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// soon is the length of deadlines that a test waits for.
const soon = 400 * time.Millisecond

// trickle writes a text byte by byte. It reports whether the connection was closed before the end of the text.
func (w *wire) trickle(text string) (ended bool) {
	over := make(chan struct{})
	go func() { w.in.WriteTo(discard{}); close(over) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := 0; i < len(text); i++ {
		select {
		case <-over:
			return true
		case <-tick.C:
			w.send(text[i : i+1])
		}
	}
	return false
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// Slowloris: each request, body and message has a time in which it must be complete, and further bytes do not extend it.
func TestA2_slow_clients(t *testing.T) {
	long := strings.Repeat("x", 2_000)
	short := setup{
		options: socketio.Options{ReadTimeout: soon, UpgradeTimeout: soon, CloseTimeout: soon},
		http:    func(s *http.Server) { s.ReadHeaderTimeout = soon },
	}
	t.Run("headers", func(t *testing.T) {
		r := start(t, short)
		for _, text := range []string{head("GET", polling, "X: "+long), upgrade(websocket, "X: "+long)} {
			if !r.dial().trickle(text) {
				t.Error("the connection was not closed")
			}
		}
	})
	t.Run("nothing", func(t *testing.T) {
		r := start(t, short)
		r.dial().ends()
	})
	t.Run("a body", func(t *testing.T) {
		r := start(t, short)
		for _, length := range []string{"Content-Length: 2000", "Transfer-Encoding: chunked"} {
			c := r.connect(engineio.Polling)
			r.closes(engineio.TransportError, func() {
				w := r.dial()
				w.send(head("POST", polling+"&sid="+c.sid, length) + "7d0\r\n"[:5*strings.Count(length, "chunked")])
				if !w.trickle(long) {
					t.Error("the connection was not closed")
				}
				c.expectClosed(0)
			})
		}
	})
	t.Run("a frame", func(t *testing.T) {
		r := start(t, short)
		whole := masked(ws.NewTextFrame([]byte("4" + long)))
		for name, text := range map[string]string{
			"its payload":   whole,
			"its header":    whole[:3],
			"its fragments": strings.Repeat(masked(ws.NewFrame(ws.OpContinuation, false, []byte("x"))), 300),
			"with pings":    strings.Repeat(masked(ws.NewPingFrame(nil)), 300),
		} {
			c := r.connect(engineio.WebSocket)
			r.closes(engineio.TransportError, func() {
				if name == "its fragments" || name == "with pings" {
					c.wire.sendFrame(ws.NewFrame(ws.OpText, false, []byte("4")))
				}
				if !c.wire.trickle(text) && name != "its header" {
					t.Errorf("%s: the connection was not closed", name)
				}
			})
		}
	})
	t.Run("a probe", func(t *testing.T) {
		r := start(t, short)
		sid := r.handshake()
		w := r.upgrades(websocket + "&sid=" + sid)
		w.sendFrame(ws.NewTextFrame([]byte("2probe")))
		if got := w.code(); got != 1005 {
			t.Errorf("closed with %d", got)
		}
		r.request("POST", polling+"&sid="+sid, "40").is(t, "200 ok")
	})
	t.Run("a namespace", func(t *testing.T) {
		r := start(t, setup{options: socketio.Options{ConnectTimeout: soon}})
		for _, transport := range []engineio.Transport{engineio.WebSocket, engineio.Polling} {
			c := r.open(transport)
			r.closes(engineio.ForcedClose, func() {
				if _, err := c.tryReceive(); transport == engineio.Polling && err == nil {
					c.tryReceive() // the waiting poll receives the close
				}
				r.until("the timeout", func() bool { return r.io.Engine().SessionCount() == 2 })
			})
		}
		if got := r.io.Stats().ConnectTimeouts; got != 2 {
			t.Errorf("%d counted", got)
		}
	})
	t.Run("an answer", func(t *testing.T) { // that the client does not read
		r := start(t, setup{options: socketio.Options{WriteTimeout: soon, SendQueueBytes: 64 << 20}})
		c := r.connect(engineio.Polling)
		for range 20 {
			if err := r.io.To(c.id).Emit("news", bytes.Repeat([]byte("x"), 900_000)); err != nil {
				t.Fatal(err)
			}
		}
		r.closes(engineio.TransportError, func() {
			w := r.dial()
			w.send(head("GET", polling+"&sid="+c.sid))
			r.sessions(2)
		})
	})
}

// Slow readers: the queue of a client is limited, only that client is disconnected, and others receive their messages.
func TestA22_slow_reader(t *testing.T) {
	const sent = 1_000 // 20 MB, more than the kernel buffers for a connection
	payload := strings.Repeat("x", 20_000)
	for name, tt := range map[string]struct {
		options socketio.Options
		reason  engineio.Reason
	}{
		"packets":       {socketio.Options{SendQueuePackets: 50}, engineio.SlowConsumer},
		"bytes":         {socketio.Options{SendQueueBytes: 1 << 20}, engineio.SlowConsumer},
		"the deadline":  {socketio.Options{SendQueueBytes: 256 << 20, WriteTimeout: soon}, engineio.TransportError},
		"without limit": {socketio.Options{}, engineio.SlowConsumer}, // the default limits
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{options: tt.options})
			slow, fast := r.connect(engineio.WebSocket), r.connect(engineio.WebSocket)
			got := make(chan error, 1)
			window := make(chan struct{}, 20) // a client that reads must not overflow
			go func() {
				defer close(window)
				for i := 0; i < sent; {
					m, err := fast.tryReceive()
					if err == nil && m != "" && m != fmt.Sprintf(`2["news",%d,%q]`, i, payload) {
						err = fmt.Errorf("got %.50q for %d", m, i)
					}
					if err != nil {
						got <- err
						return
					}
					if m != "" {
						i++
						window <- struct{}{}
					}
				}
				got <- nil
			}()
			reason := r.ends(func() {
				for i := range sent {
					if err := r.io.To(slow.id, fast.id).Emit("news", i, payload); err != nil {
						t.Fatal(err)
					}
					if i >= cap(window) {
						<-window
					}
				}
				if err := <-got; err != nil {
					t.Errorf("the fast client: %v", err)
				}
			})
			if reason != tt.reason {
				t.Errorf("ended by %q, want %q", reason, tt.reason)
			}
			fast.send(`20["echo",1]`)
			fast.expects(`30[1]`)
		})
	}
	t.Run("polling", func(t *testing.T) {
		r := start(t, setup{options: socketio.Options{SendQueuePackets: 50}})
		c := r.connect(engineio.Polling)
		r.closes(engineio.SlowConsumer, func() {
			for range 60 {
				if err := r.io.To(c.id).Emit("news", payload); err != nil {
					t.Fatal(err)
				}
			}
			c.expectClosed(0)
		})
	})
	t.Run("a handler gets ErrQueueFull", func(t *testing.T) {
		refused := make(chan error, 1)
		r := start(t, setup{options: socketio.Options{SendQueuePackets: 50}, before: func(io *socketio.Server) {
			io.On("flood me", func(_ context.Context, s *socketio.Socket, _ *event.Message) error {
				for {
					if err := s.Emit("news", payload); err != nil {
						refused <- err
						return nil
					}
				}
			})
		}})
		c := r.connect(engineio.WebSocket)
		r.closes(engineio.SlowConsumer, func() {
			c.send(`2["flood me"]`)
			if err := <-refused; !errors.Is(err, socketio.ErrQueueFull) {
				t.Errorf("got %v", err)
			}
		})
	})
}
