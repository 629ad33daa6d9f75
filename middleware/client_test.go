package middleware_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/middleware"
	"github.com/parleyio/parley/socketio"
)

// bubble runs a subtest with a synthetic clock.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// node is a server on a network in memory with a limiter. It answers the event "say" with the number of its arguments.
type node struct {
	*socketio.Server
	*middleware.RateLimiter
	listener *memnet.Listener
}

// serve starts a node. At the end of the test it is shut down, and the test fails if there was a panic.
func serve(t testing.TB, opts *middleware.RateLimitOptions) *node {
	t.Helper()
	limiter, err := middleware.RateLimit(opts)
	if err != nil {
		t.Fatal(err)
	}
	server, err := socketio.New(&socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/", "/x"} {
		n := server.Of(name)
		n.UseEvent(limiter.Event)
		n.On("say", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack(m.Len()) })
	}
	n := &node{server, limiter, memnet.Listen()}
	listening := &http.Server{Handler: server}
	go listening.Serve(n.listener)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		listening.Close()
		if s := server.Stats(); s.Panics+s.HandlerPanics+s.Engine.Panics > 0 || s.Engine.Sessions > 0 {
			t.Errorf("faults or sessions are left: %+v", s)
		}
	})
	return n
}

// client is a client on a websocket that speaks raw packets.
type client struct {
	t    testing.TB
	conn net.Conn
	in   chan string // messages of the server; closed at the end of the connection
}

// join connects from an address and joins "/". The user is in its auth payload.
func (n *node) join(t testing.TB, address, user string) *client {
	t.Helper()
	dialer := ws.Dialer{NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return n.listener.DialFrom(ctx, netip.MustParseAddr(address))
	}}
	conn, ahead, _, err := dialer.Dial(t.Context(), "ws://parley.test/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := newClient(t, conn, ahead)
	c.connect(`40{"user":"` + user + `"}`)
	return c
}

// newClient waits for the handshake. ahead holds bytes that arrived together with the HTTP response; it may be nil.
func newClient(t testing.TB, conn net.Conn, ahead *bufio.Reader) *client {
	c := &client{t, conn, make(chan string, 10_000)}
	from := io.Reader(conn)
	if ahead != nil {
		from = ahead
	}
	go c.pump(from)
	c.next()
	return c
}

// connect joins a namespace with a packet.
func (c *client) connect(packet string) {
	c.t.Helper()
	c.send(packet)
	if reply := c.next(); !strings.Contains(reply, `{"sid":"`) {
		c.t.Fatalf("%s: got %q", packet, reply)
	}
}

// pump reads until the connection ends. It answers pings.
func (c *client) pump(from io.Reader) {
	defer close(c.in)
	for {
		data, err := wsutil.ReadServerText(struct {
			io.Reader
			io.Writer
		}{from, c.conn})
		switch {
		case err != nil:
			c.conn.Close()
			return
		case string(data) == "2":
			wsutil.WriteClientText(c.conn, []byte("3"))
		default:
			c.in <- string(data)
		}
	}
}

func (c *client) send(packets ...string) {
	c.t.Helper()
	for _, p := range packets {
		if err := wsutil.WriteClientText(c.conn, []byte(p)); err != nil {
			c.t.Fatalf("sending %s: %v", p, err)
		}
	}
}

// next returns the next message, "end" at the end of the connection.
func (c *client) next() string {
	if m, ok := <-c.in; ok {
		return m
	}
	return "end"
}

// expect compares all messages that have arrived, once all goroutines in the bubble are blocked.
func (c *client) expect(want ...string) {
	c.t.Helper()
	synctest.Wait()
	got := make([]string, 0, len(c.in))
	for range cap(got) {
		got = append(got, <-c.in)
	}
	if !slices.Equal(got, want) {
		c.t.Fatalf("got  %q\nwant %q", got, want)
	}
}

// expectEnd compares all messages until the end of the connection.
func (c *client) expectEnd(want ...string) {
	c.t.Helper()
	var got []string
	for m := range c.in {
		got = append(got, m)
	}
	if !slices.Equal(got, want) {
		c.t.Fatalf("got  %q\nwant %q", got, want)
	}
}

// says sends events with an acknowledgement until one is refused, and checks how many were accepted.
func (c *client) says(want int) {
	c.t.Helper()
	for n := 0; ; n++ {
		c.send(`421["say"]`)
		if answer := c.next(); answer == `431[0]` && n < 1000 {
			continue
		} else if n != want || !strings.Contains(answer, event.RateLimited) {
			c.t.Fatalf("%d were answered, want %d; then came %s", n, want, answer)
		}
		return
	}
}
