package engineio_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

// TestClose_polling covers what a polling client is told at the end, in each state in which the end can find it.
func TestClose_polling(t *testing.T) {
	cases := []struct {
		name string
		test func(t *testing.T, r *rig)
	}{
		{"a poll is held", func(t *testing.T, r *rig) {
			c, p := r.poll()
			held := c.hold()
			p.Session.Close()
			c.answered(held, "1")
			p.ends(engineio.ForcedClose)
			c.gone()
		}},
		{"no poll", func(t *testing.T, r *rig) {
			c, p := r.poll()
			p.Session.Close()
			p.Session.Close()
			c.gets("6\x1e1")
			p.ends(engineio.ForcedClose)
			c.gone()
		}},
		{"messages are queued", func(t *testing.T, r *rig) {
			c, p := r.poll()
			p.send("a", "b")
			p.Session.Close()
			if err := p.Send(engineio.Message{Data: []byte("late")}); err != engineio.ErrClosed {
				t.Errorf("Send while closing = %v", err)
			}
			c.posts("4ignored")
			c.gets("4a\x1e4b")
			c.gets("6\x1e1")
			p.ends(engineio.ForcedClose)
			c.gone()
			if len(p.messages) != 0 {
				t.Errorf("handled %+v while closing", <-p.messages)
			}
		}},
		{"the client says so, a poll is held", func(t *testing.T, r *rig) {
			c, p := r.poll()
			held := c.hold()
			c.posts("4last\x1e1\x1e4later")
			c.answered(held, "6")
			p.wants("last")
			p.ends(engineio.TransportClose)
			c.gone()
		}},
		{"the client says so, its poll comes behind", func(t *testing.T, r *rig) {
			c, p := r.poll()
			c.posts("1")
			c.gets("6")
			p.ends(engineio.TransportClose)
			c.gone()
		}},
		{"the client says so and is gone", func(t *testing.T, r *rig) {
			c, p := r.poll()
			c.posts("1")
			p.ends(engineio.TransportClose)
			c.gone()
		}},
		{"abort", func(t *testing.T, r *rig) {
			c, p := r.poll()
			p.send("lost")
			held, cause := c.polls(), errors.New("cause")
			p.Abort(engineio.ForcedClose, cause)
			p.Abort(engineio.TransportError, nil)
			if err := p.ends(engineio.ForcedClose); err != cause {
				t.Errorf("error %v", err)
			}
			receive(t, r.net.patience, "the poll", held)
			c.gone()
		}},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			eachNetwork(t, func(t *testing.T, n *network) { test.test(t, start(t, n, setup{})) })
		})
	}
}

// TestClose_nobodyPolls: a session that cannot tell its client ends by itself, after the times that the reference waits.
func TestClose_nobodyPolls(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.poll()
		began := time.Now()
		p.Session.Close()
		p.ends(engineio.ForcedClose)
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("ended after %v", took)
		}
		c.gone()

		c, p = r.poll()
		p.send("a")
		began = time.Now()
		p.Session.Close()
		p.ends(engineio.PingTimeout) // the queue waits for a poll as long as the heartbeat
		if took := time.Since(began); took != 45*time.Second {
			t.Errorf("ended after %v", took)
		}
		c.gone()

		c, p = r.poll()
		began = time.Now()
		c.posts("1")
		p.ends(engineio.TransportClose)
		if took := time.Since(began); took > time.Second {
			t.Errorf("ended after %v", took)
		}
	})
}

// TestClose_heartbeat: Close does not prolong the heartbeat of a client that does not poll.
func TestClose_heartbeat(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{PingInterval: time.Second, PingTimeout: 500 * time.Millisecond}})
		for _, queued := range []bool{false, true} {
			_, p := r.poll()
			if queued {
				p.send("a")
			}
			began := time.Now()
			p.Session.Close()
			p.ends(engineio.PingTimeout)
			if took := time.Since(began); took != 1500*time.Millisecond {
				t.Errorf("queued %v: ended after %v", queued, took)
			}
		}
	})
}

// TestCloseFor: the error arrives with the end, which comes behind what is queued.
func TestCloseFor(t *testing.T) {
	cause := errors.New("cause")
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.poll()
		p.send("a")
		p.CloseFor(cause)
		c.gets("4a")
		c.gets("6\x1e1")
		if err := p.ends(engineio.ForcedClose); err != cause {
			t.Errorf("error %v", err)
		}
		_, p = r.websocket()
		p.CloseFor(cause)
		if err := p.ends(engineio.ForcedClose); err != cause {
			t.Errorf("error %v", err)
		}
	})
}

// TestClose_unanswered: a client that does not answer the close frame has CloseTimeout, whatever it sends meanwhile.
func TestClose_unanswered(t *testing.T) {
	for name, chatter := range map[string]string{
		"silent":                    "",
		"half a frame":              masked(ws.NewTextFrame([]byte("4half")))[:5],
		"sending in small pieces":   masked(ws.NewTextFrame([]byte("4piece"))),
		"sending a violation":       "test",
		"pinging":                   masked(ws.NewPingFrame([]byte("x"))),
		"fragments without an end":  masked(ws.NewFrame(ws.OpBinary, false, []byte("x"))),
		"sending packets, not ends": masked(ws.NewTextFrame([]byte("1"))),
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, n *network) {
				r := start(t, n, setup{})
				c, p := r.websocket()
				began := time.Now()
				p.Session.Close()
				var sending sync.WaitGroup
				sending.Go(func() {
					for i := 0; ; i++ {
						time.Sleep(10 * time.Millisecond)
						if i >= len(chatter) && (name == "half a frame" || name == "fragments without an end") || chatter == "" {
							return
						}
						if _, err := c.conn.Write([]byte{chatter[i%len(chatter)]}); err != nil {
							return
						}
					}
				})
				for {
					if _, _, err := c.tryFrame(); err != nil {
						break
					}
				}
				if took := time.Since(began); took > 2*time.Second+50*time.Millisecond {
					t.Errorf("the connection lived for %v", took)
				}
				c.conn.Close()
				sending.Wait()
				p.ends(engineio.ForcedClose)
			})
		})
	}
}

// TestShutdown ends every kind of session, and refuses new ones in a way that makes clients come back.
func TestShutdown(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		socket, socketPeer := r.websocket()
		polling, pollingPeer := r.poll()
		held := polling.hold()
		quiet, quietPeer := r.poll()
		quietPeer.send("lost")
		probing, probingPeer := r.poll()
		probe := probing.probe()
		probe.says("2probe")
		probe.hears("3probe")

		done := make(chan error, 1)
		go func() { done <- r.engine.Shutdown(context.Background()) }()
		socket.closes("")
		polling.answered(held, "1")
		probe.closes("")
		if err := receive(t, n.patience, "Shutdown", done); err != nil {
			t.Error(err)
		}
		for _, p := range []*peer{socketPeer, pollingPeer, quietPeer, probingPeer} {
			p.ends(engineio.ForcedClose)
		}
		quiet.gone()
		if a := r.do("GET", "?EIO=4&transport=polling", ""); a.status != 503 || a.header.Get("Retry-After") == "" {
			t.Errorf("handshake: %d %s", a.status, a.body)
		}
		if _, a := r.ask("?EIO=4&transport=websocket"); a.status != 503 {
			t.Errorf("websocket: %d", a.status)
		}
	})
}

// TestShutdown_paced closes sessions one after another, each in its share of the window, and serves them until then.
func TestShutdown_paced(t *testing.T) {
	const sessions, window = 10, 10 * time.Second
	options := engineio.Options{DrainWindow: window, PingInterval: time.Hour}
	inMemory(t, func(t *testing.T, n *network) {
		ends := make(chan time.Time, sessions)
		r := start(t, n, setup{options: options, message: echoes, handler: func(p *peer) engineio.Handler { return timed{p, ends} }})
		var clients sync.WaitGroup
		for range sessions {
			c, _ := r.websocket()
			clients.Go(func() {
				for i := 0; ; i++ {
					c.says(fmt.Sprint("4", i))
					if h, got := c.frame(); h.OpCode == ws.OpClose {
						c.sends(ws.NewCloseFrame(nil))
						return
					} else if string(got) != fmt.Sprint("4", i) {
						t.Errorf("got %q", got)
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		began := time.Now()
		go func() {
			time.Sleep(window / 2)
			if a := r.do("GET", "?EIO=4&transport=polling", ""); a.status != 503 {
				t.Errorf("handshake: %d %s", a.status, a.body)
			}
		}()
		if err := r.engine.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		clients.Wait()
		even := true
		for i := range sessions {
			at := (<-ends).Sub(began)
			if share := time.Duration(i) * time.Second; at < share || at > share+time.Second {
				t.Errorf("session %d was closed after %v", i, at)
			}
			even = even && at == at.Truncate(time.Second)
		}
		if even {
			t.Error("no jitter")
		}
	})
	t.Run("until the context ends", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			r := start(t, n, setup{options: options})
			var peers []*peer
			for range sessions {
				_, p := r.poll()
				peers = append(peers, p)
			}
			ctx, cancel := context.WithTimeout(context.Background(), window/2)
			defer cancel()
			began := time.Now()
			if err := r.engine.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != window/2 {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			for _, p := range peers {
				p.ends(engineio.ForcedClose)
			}
			if took := time.Since(began); took > window/2+2*time.Second {
				t.Errorf("the last session ended after %v", took)
			}
		})
	})
}

// timed is a handler that says when Shutdown came to its session.
type timed struct {
	*peer
	at chan<- time.Time
}

func (h timed) ShuttingDown() { h.at <- time.Now() }

// TestShutdown_deadline: a client that neither answers nor reads does not hold Shutdown up, and its connection is
// closed.
func TestShutdown_deadline(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{CloseTimeout: time.Hour}})
		c, p := r.websocket()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := r.engine.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown = %v", err)
		}
		p.ends(engineio.ForcedClose)
		synctest.Wait()
		c.frame()
		c.ends()
		if err := r.engine.Shutdown(context.Background()); err != nil {
			t.Errorf("second Shutdown = %v", err)
		}
	})
}

// TestShutdown_race opens sessions while the server shuts down: each is refused, or closed and its handler told.
func TestShutdown_race(t *testing.T) {
	for range 10 {
		inMemory(t, func(t *testing.T, n *network) {
			r := start(t, n, setup{})
			var clients sync.WaitGroup
			for i := range 40 {
				clients.Go(func() {
					conn, err := n.dial()
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.Close()
					conn.Write([]byte(websocketRequest("?EIO=4&transport=websocket")))
					for buffer := make([]byte, 1000); ; {
						if _, err := conn.Read(buffer); err != nil {
							return
						}
					}
				})
				if i == 20 {
					clients.Go(func() {
						if err := r.engine.Shutdown(context.Background()); err != nil {
							t.Errorf("Shutdown: %v", err)
						}
					})
				}
			}
			clients.Wait()
			for len(r.peers) > 0 {
				(<-r.peers).ends(engineio.ForcedClose)
			}
			if stats := r.engine.Stats(); stats.Opened != stats.Closed[engineio.ForcedClose] {
				t.Errorf("stats %+v", stats)
			}
		})
	}
}

// TestClose_race closes sessions from all sides at once: the handler is told once.
func TestClose_race(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		for round := range 20 {
			var p *peer
			if round%2 == 0 {
				var c *socket
				c, p = r.websocket()
				defer c.conn.Close()
			} else {
				_, p = r.poll()
			}
			var group sync.WaitGroup
			group.Go(p.Session.Close)
			group.Go(func() { p.Abort(engineio.TransportError, nil) })
			group.Go(func() { p.Abort(engineio.PingTimeout, nil) })
			group.Go(func() { p.Send(engineio.Message{Data: []byte("x")}) })
			group.Go(func() { p.Cork(); p.Uncork() })
			group.Wait()
			receive(t, n.patience, "the end", p.closed)
			select {
			case again := <-p.closed:
				t.Errorf("told again: %+v", again)
			default:
			}
		}
	})
}
