package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// serveTCP is serve on a real network.
func serveTCP(t testing.TB, opts *socketio.Options) *node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	}
	return serveOn(t, l, dial, &http.Server{}, opts)
}

// balance counts the sockets that have been told of their connection and of their end.
type balance struct{ connected, ended, handled atomic.Int64 }

func (b *balance) register(n *socketio.Namespace) {
	n.Use(func(_ context.Context, s *socketio.Socket) error { return ignoreClosed(s.Join("lobby")) })
	n.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		b.connected.Add(1)
		return ignoreClosed(s.To("lobby").Emit("joined", s.ID()))
	})
	n.OnDisconnect(func(_ context.Context, s *socketio.Socket, reason socketio.Reason) {
		if s.Connected() || !slices.Contains(s.Rooms(), "lobby") || reason == "" {
			panic("told too early")
		}
		b.ended.Add(1)
	})
	n.On("ask", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
		b.handled.Add(1)
		return ignoreClosed(m.Ack(m.Raws()...))
	})
	event.Concurrent(n).On("beside", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		return ignoreClosed(errors.Join(s.Join("beside"), s.To("beside").Emit("beside", []byte("x")), m.Ack()))
	})
	n.On("kick me", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		var all bool
		if err := m.Scan(&all); err != nil {
			return err
		}
		s.Disconnect(all)
		return nil
	})
	n.On("ask me", func(ctx context.Context, s *socketio.Socket, _ *event.Message) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
		defer cancel()
		_, _ = s.EmitWithAck(ctx, "q") // nobody answers
		return nil
	})
}

func ignoreClosed(err error) error {
	if errors.Is(err, socketio.ErrClosed) || errors.Is(err, socketio.ErrQueueFull) {
		return nil
	}
	return err
}

// Clients come, talk and go in every manner, while the server broadcasts, looks around and at last shuts down.
func TestStress(t *testing.T) {
	for name, serve := range map[string]func(testing.TB, *socketio.Options) *node{"memory": serve, "tcp": serveTCP} {
		t.Run(name, func(t *testing.T) {
			var b balance
			n := serve(t, &socketio.Options{InboxPackets: 8, OnError: func(_ context.Context, _ *socketio.Socket, name string, err error) {
				t.Errorf("%s: %v", name, err)
			}})
			b.register(n.Of("/"))
			b.register(n.Of("/b"))

			stop := make(chan struct{})
			var clients, servers sync.WaitGroup
			for i := range 24 {
				clients.Go(func() { visit(t, n, rand.New(rand.NewPCG(uint64(i), 7)), stop) })
			}
			for _, name := range []string{"/", "/b"} {
				servers.Go(func() { stir(t, n.Of(name), stop) })
			}
			time.Sleep(700 * time.Millisecond) // of real time: this is about races
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := n.Shutdown(ctx); err != nil {
				t.Errorf("shutdown: %v", err)
			}
			close(stop)
			clients.Wait()
			servers.Wait()

			if b.connected.Load() == 0 || b.connected.Load() != b.ended.Load() || b.handled.Load() == 0 {
				t.Errorf("%d connected, %d ended, %d events", b.connected.Load(), b.ended.Load(), b.handled.Load())
			}
			if left := len(n.Sockets()) + len(n.Of("/b").Sockets()) + len(n.In("lobby", "beside").Sockets()); left > 0 {
				t.Errorf("%d sockets are left", left)
			}
			if s := n.Stats(); s.HandlerPanics > 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// visit is a client that comes again and again.
func visit(t *testing.T, n *node, random *rand.Rand, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		c, err := n.tryOpen(t)
		if err != nil {
			time.Sleep(time.Millisecond) // the server is shutting down
			continue
		}
		go func() {
			for range c.in {
			}
		}()
		go c.pump()
		_ = c.trySend("40")
		_ = c.trySend("40/b,")
		time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond) // mostly joined, sometimes not: then it is closed
		for i := range random.IntN(40) {
			packets := []string{
				fmt.Sprintf(`42%d["ask",{"a":[1,2,3]}]`, i), fmt.Sprintf(`42/b,%d["ask"]`, i), `42["beside"]`,
				`451-/b,["ask",{"_placeholder":true,"num":0}]`, `42["ask me"]`, `430[]`, `42/b,["beside"]`,
			}
			p := packets[random.IntN(len(packets))]
			if c.trySend(p) != nil {
				break
			}
			if strings.HasPrefix(p, "45") {
				_ = c.trySend("<010203>")
			}
		}
		ends := []string{"41", "41/b,", `42["kick me",false]`, `42["kick me",true]`, "42", "40", "44{}", ""}
		if end := ends[random.IntN(len(ends))]; end != "" {
			_ = c.trySend(end)
			time.Sleep(time.Duration(random.IntN(2)) * time.Millisecond)
		}
		if tcp, ok := c.conn.(*net.TCPConn); ok && random.IntN(2) == 0 {
			_ = tcp.SetLinger(0) // a reset
		}
		c.conn.Close()
	}
}

// stir broadcasts and looks around.
func stir(t *testing.T, n *socketio.Namespace, stop chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		if err := ignoreClosed(errors.Join(
			n.To("lobby", "beside").Except("none").Emit("tick", i), n.Emit("tock", []byte{1}), n.Volatile().Emit("tack"),
		)); err != nil {
			t.Error(err)
		}
		for j, s := range n.Sockets() {
			s.InRoom("lobby")
			switch j % 16 {
			case 0:
				s.Leave("beside")
			case 1:
				s.Disconnect(i%2 == 0)
			}
		}
		time.Sleep(time.Millisecond)
	}
}

// The broadcasts of one goroutine reach each socket in their order, whoever else broadcasts.
func TestBroadcast_order(t *testing.T) {
	const clients, goroutines, events = 10, 4, 300
	for name, serve := range map[string]func(testing.TB, *socketio.Options) *node{"memory": serve, "tcp": serveTCP} {
		t.Run(name, func(t *testing.T) {
			n := serve(t, nil)
			joined := make([]*client, clients)
			for i := range joined {
				joined[i] = n.join(t)
				if err := n.socket(t, joined[i], "/").Join("room"); err != nil {
					t.Fatal(err)
				}
			}
			var senders sync.WaitGroup
			for g := range goroutines {
				senders.Go(func() {
					for i := range events {
						to := []socketio.Broadcast{n.To("room"), n.Local(), n.To("room", "other")}[i%3]
						if err := to.Emit("e", g, i); err != nil {
							t.Error(err)
						}
					}
				})
			}
			for _, c := range joined {
				var next [goroutines]int
				for range goroutines * events {
					var g, i int
					if m := c.next(); m == "" {
						return
					} else if _, err := fmt.Sscanf(m, `42["e",%d,%d]`, &g, &i); err != nil || i != next[g] {
						t.Fatalf("got %q, want number %d", m, next[g])
					}
					next[g]++
				}
			}
			senders.Wait()
		})
	}
}

// Answers to a burst leave in the order of their events, whatever is held back to leave in one write.
func TestSocket_Emit_order(t *testing.T) {
	const events = 2_000
	for name, serve := range map[string]func(testing.TB, *socketio.Options) *node{"memory": serve, "tcp": serveTCP} {
		t.Run(name, func(t *testing.T) {
			n := serve(t, nil)
			n.On("e", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
				return errors.Join(s.Emit("echo", m.Raws()...), n.To(s.ID()).Emit("sent", m.Raws()...), m.Ack(m.Raws()...))
			})
			c := n.join(t)
			go func() {
				for i := range events {
					if err := c.trySend(fmt.Sprintf(`42%d["e",%d]`, i, i)); err != nil {
						t.Error(err)
					}
				}
			}()
			for i := range events {
				c.expect(fmt.Sprintf(`42["echo",%d]`, i), fmt.Sprintf(`42["sent",%d]`, i), fmt.Sprintf(`43%d[%d]`, i, i))
			}
		})
	}
}
