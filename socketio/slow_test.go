package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/socketio"
)

// stalled joins a namespace and reads no more.
func (n *node) stalled(t testing.TB, namespace string) *client {
	t.Helper()
	c := n.open(t)
	c.send(packet("40", namespace))
	reply := c.readMessage()
	_, id, _ := strings.Cut(reply, `{"sid":"`)
	if len(id) < 20 {
		t.Fatalf("got %q", reply)
	}
	c.sid = id[:20]
	return c
}

// small are the options of a server whose queues are soon full.
func small() *socketio.Options {
	return &socketio.Options{SendQueuePackets: 20, PingInterval: time.Hour, WriteTimeout: time.Hour}
}

// catchUp reads everything up to an event "end", which it makes the server send, and returns the numbers of the events.
func catchUp(t *testing.T, c *client, end func() error) (numbers []int) {
	t.Helper()
	if err := end(); err != nil {
		t.Fatal(err)
	}
	for {
		m := c.readMessage()
		if strings.Contains(m, `["end"`) || m == "end" {
			return numbers
		}
		var number int
		_, rest, _ := strings.Cut(m, `",`)
		if _, err := fmt.Sscanf(rest, "%d", &number); err != nil {
			t.Fatalf("got %.100q", m)
		}
		numbers = append(numbers, number)
	}
}

// TestSlowConsumer_DropOldest floods a client that does not read with events of which the latest matter: it misses old
// ones, gets all others, in order, and lives.
func TestSlowConsumer_DropOldest(t *testing.T) {
	padding := strings.Repeat("x", 10_000)
	prices := socketio.SlowConsumerPolicy{DropOldest: []string{"price", "position"}}
	for name, setup := range map[string]func(opts *socketio.Options) (namespace string, own func(*node)){
		"of the server": func(o *socketio.Options) (string, func(*node)) {
			o.SlowConsumer = prices
			return "/", func(*node) {}
		},
		"of a namespace": func(o *socketio.Options) (string, func(*node)) {
			o.SlowConsumer = socketio.SlowConsumerPolicy{DropOldest: []string{"trade"}}
			return "/a", func(n *node) { n.Of("/a").SetSlowConsumer(prices) }
		},
		"of a parent": func(*socketio.Options) (string, func(*node)) {
			return "/room-1", func(n *node) { n.OfPattern(regexp.MustCompile("^/room-.$")).SetSlowConsumer(prices) }
		},
		"with recovery": func(o *socketio.Options) (string, func(*node)) {
			o.SlowConsumer, o.Recovery = prices, &socketio.Recovery{}
			return "/", func(*node) {}
		},
	} {
		bubble(t, name, func(t *testing.T) {
			opts := small()
			namespace, own := setup(opts)
			n := serve(t, opts)
			own(n)
			c := n.stalled(t, namespace)
			s := n.socket(t, c, namespace)
			for i := range 200 {
				var err error
				switch {
				case i%40 == 7:
					err = s.Emit("trade", i, padding)
				case i%2 == 0:
					err = s.Emit("price", i, padding)
				default:
					err = n.Of(namespace).Emit("position", i, padding)
				}
				if err != nil {
					t.Fatalf("event %d: %v", i, err)
				}
				synctest.Wait()
			}
			got := catchUp(t, c, func() error { return s.Emit("end") })
			if !slices.IsSorted(got) || len(got) > 40 || got[len(got)-1] != 199 {
				t.Errorf("got %v", got)
			}
			for i := 7; i < 200; i += 40 {
				if !slices.Contains(got, i) {
					t.Errorf("event %d, which may not be dropped, is missing: %v", i, got)
				}
			}
			if stats := n.Stats().Engine; stats.ExpendableDropped < 150 || !s.Connected() {
				t.Errorf("connected: %v, stats %+v", s.Connected(), stats)
			}
		})
	}
	bubble(t, "never an event that asks for an acknowledgement", func(t *testing.T) {
		opts := small()
		opts.SlowConsumer = prices
		n := serve(t, opts)
		told := newJournal()
		n.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { told.add("%s", reason) })
		s := n.socket(t, n.stalled(t, "/"), "/")
		for i := range 40 {
			go func() { _, _ = s.EmitWithAck(t.Context(), "price", i, padding) }()
			synctest.Wait()
		}
		told.expect(t, "slow consumer")
	})
}

// TestSocket_Emit_backpressure: who emits to a client that does not read is told, and can see it coming.
func TestSocket_Emit_backpressure(t *testing.T) {
	for name, recovery := range map[string]*socketio.Recovery{"plain": nil, "with recovery": {}} {
		bubble(t, name, func(t *testing.T) {
			opts := small()
			opts.Recovery = recovery
			opts.SlowConsumer = socketio.SlowConsumerPolicy{DropOldest: []string{"other"}}
			n := serve(t, opts)
			s := n.socket(t, n.stalled(t, "/"), "/")
			padding := strings.Repeat("x", 100_000)
			last := 0
			for i := range 100 {
				if err := s.Emit("e", i, padding); err != nil {
					if !errors.Is(err, socketio.ErrQueueFull) {
						t.Errorf("got %v", err)
					}
					break
				}
				synctest.Wait()
				packets, bytes := s.Queued()
				if packets < last || packets > 20 || packets > 1 && bytes < 100_000 {
					t.Errorf("%d packets and %d bytes wait", packets, bytes)
				}
				last = packets
			}
			if last != 20 {
				t.Errorf("%d packets waited at the end", last)
			}
			synctest.Wait()
			if err := s.Emit("e"); !errors.Is(err, socketio.ErrClosed) {
				t.Errorf("afterwards: %v", err)
			}
			if err := n.Emit("e"); err != nil {
				t.Errorf("a broadcast: %v", err)
			}
		})
	}
}

// TestNamespace_OnDrain: a producer that holds back when its client does not keep up goes on when it does.
func TestNamespace_OnDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, small())
		told := newJournal()
		n.Of("/other")
		n.Of("/").OnDrain(func(ctx context.Context, s *socketio.Socket) {
			packets, _ := s.Queued()
			told.add("shared %d %v", packets, ctx.Err())
		})
		c := n.stalled(t, "/")
		s := n.socket(t, c, "/")
		off := s.OnDrain(func(_ context.Context, s *socketio.Socket) {
			told.add("own")
			panic("logged")
		})
		synctest.Wait()
		told.take() // perhaps of the reply
		padding := strings.Repeat("x", 200_000)
		for i := range 3 {
			if err := s.Emit("e", i, padding); err != nil {
				t.Fatal(err)
			}
		}
		told.expect(t)
		go c.pump()
		told.expect(t, "shared 0 <nil>", "own")
		if got := len(c.came()); got != 3 {
			t.Errorf("%d events", got)
		}
		off()
		if err := s.Emit("e", padding); err != nil {
			t.Fatal(err)
		}
		told.expect(t, "shared 0 <nil>")
		if got := n.Stats().HandlerPanics; got == 0 {
			t.Error("the panic was not counted")
		}

		// On polling it is told when a poll has come.
		p := n.poll(t)
		p.join()
		synctest.Wait()
		told.take()
		if err := n.Emit("x"); err != nil {
			t.Fatal(err)
		}
		told.expect(t, "shared 0 <nil>") // of the websocket, whose client reads
		p.get()
		told.expect(t, "shared 0 <nil>")
		for _, f := range []func(){func() { n.Of("/").OnDrain(nil) }, func() { s.OnDrain(nil) }} {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("no panic for a nil function")
					}
				}()
				f()
			}()
		}
	})
}

// narrow is a listener whose connections have small buffers in the kernel.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return c, c.(*net.TCPConn).SetWriteBuffer(32 << 10)
}

// TestSlowConsumer_room has 50 members that read and one whose TCP window is closed. Each broadcast has to reach all of
// the 50 before the next is sent, so that a single one that waited for the stalled member would end the test.
func TestSlowConsumer_room(t *testing.T) {
	const members = 50
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	}
	n := serveOn(t, narrow{l}, dial, &http.Server{}, &socketio.Options{
		SendQueueBytes: 256 << 10, WriteTimeout: time.Hour, PingInterval: time.Hour,
	})
	reasons := make(chan socketio.Reason, members+1)
	n.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { reasons <- reason })
	n.Use(func(_ context.Context, s *socketio.Socket) error { return s.Join("room") })
	stalled := n.stalled(t, "/")
	if err := stalled.conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	clients := make([]*client, members)
	for i := range clients {
		clients[i] = n.join(t)
	}
	padding := strings.Repeat("x", 16<<10)
	sent := 0
	for ; len(reasons) == 0; sent++ {
		if sent == 1000 {
			t.Fatal("the stalled member still has room")
		}
		if err := n.To("room").Emit("e", sent, padding); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`42["e",%d,"%s"]`, sent, padding)
		for _, c := range clients {
			c.expect(want)
		}
	}
	if got := <-reasons; got != "slow consumer" {
		t.Errorf("the stalled member ended by %q", got)
	}
	if err := n.To("room").Emit("last"); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		c.expect(`42["last"]`)
	}
	if got := len(n.Sockets()); got != members {
		t.Errorf("%d members are left", got)
	}
}
