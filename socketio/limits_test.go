package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

func TestOptions_limits_of_a_packet(t *testing.T) {
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	name := func(n int) string { return strings.Repeat("n", n) }
	for title, tt := range map[string]struct {
		opts socketio.Options
		sent string
		end  string // "" if the packet is taken
	}{
		"depth 64":             {socketio.Options{}, `42["e",` + nested(63) + `]`, ""},
		"depth 65":             {socketio.Options{}, `42["e",` + nested(64) + `]`, "close"},
		"depth 65 in an ack":   {socketio.Options{}, `431[` + nested(64) + `]`, "close"},
		"depth 100,000":        {socketio.Options{}, `42["e",` + nested(100_000) + `]`, "close"},
		"more depth allowed":   {socketio.Options{MaxDepth: 100}, `42["e",` + nested(99) + `]`, ""},
		"any depth allowed":    {socketio.Options{MaxDepth: -1}, `42["e",` + nested(9_000) + `]`, ""},
		"depth in an auth":     {socketio.Options{}, `40/x,{"a":` + nested(64) + `}`, "close"},
		"event name of 512":    {socketio.Options{}, `42["` + name(512) + `"]`, ""},
		"event name of 513":    {socketio.Options{}, `42["` + name(513) + `"]`, "close"},
		"shorter names only":   {socketio.Options{MaxEventName: 4}, `42["abcde"]`, "close"},
		"a number for a name":  {socketio.Options{MaxEventName: 4}, `42[1234]`, ""},
		"a long number":        {socketio.Options{MaxEventName: 4}, `42[12345]`, "close"},
		"namespace of 512":     {socketio.Options{}, `40/` + name(511) + `,`, "44/" + name(511) + `,{"message":"Invalid namespace"}`},
		"namespace of 513":     {socketio.Options{}, `40/` + name(512) + `,`, "close"},
		"namespace of 1 MB":    {socketio.Options{}, `40/` + name(900_000), "close"},
		"ack id of many bytes": {socketio.Options{}, `42` + strings.Repeat("9", 900_000) + `["e"]`, "close"},
		"many attachments":     {socketio.Options{}, `45` + strings.Repeat("9", 900_000) + `-["e"]`, "close"},
		"payload at the limit": {socketio.Options{MaxPayload: 1000}, `42["e","` + strings.Repeat("x", 990) + `"]`, ""},
		"payload above it":     {socketio.Options{MaxPayload: 1000}, `42["e","` + strings.Repeat("x", 991) + `"]`, "close 1009"},
	} {
		bubble(t, title, func(t *testing.T) {
			n := serve(t, &tt.opts)
			c, other := n.join(t), n.join(t)
			synctest.Wait()
			if err := c.trySend(tt.sent); err != nil && tt.end == "" { // the server may stop reading before the end
				t.Fatal(err)
			}
			if tt.end == "" {
				c.quiet()
			} else if got := c.next(); got != tt.end {
				t.Errorf("got %.100q, want %.100q", got, tt.end)
			}
			other.quiet()
		})
	}
}

func TestOptions_MaxNamespaces(t *testing.T) {
	bubble(t, "refuses more", func(t *testing.T) {
		n := serve(t, &socketio.Options{MaxNamespaces: 2})
		for _, name := range []string{"/a", "/b", "/c"} {
			n.Of(name)
		}
		c := n.join(t, "/a", "/b")
		c.send("40/c,")
		c.expect(`44/c,{"message":"too many namespaces"}`)
		c.send("41/a,")
		synctest.Wait()
		c.join("/c")
		if got := n.Stats().TooManyNamespaces; got != 1 {
			t.Errorf("%d counted", got)
		}
	})
	bubble(t, "counts those whose end is still being handled", func(t *testing.T) {
		n := serve(t, &socketio.Options{MaxNamespaces: 3})
		release := make(chan struct{})
		n.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { <-release })
		c := n.dial(t)
		for range 3 {
			c.join("/")
			c.send("41")
			synctest.Wait()
		}
		c.send("40")
		c.expect(`44{"message":"too many namespaces"}`)
		close(release)
		synctest.Wait()
		c.join("/")
	})
	bubble(t, "a hundred by default", func(t *testing.T) {
		n := serve(t, nil)
		c := n.dial(t)
		for i := range 100 {
			name := fmt.Sprint("/", i)
			n.Of(name)
			c.join(name)
		}
		c.send("40")
		c.expect(`44{"message":"too many namespaces"}`)
	})
}

func TestOptions_ConnectTimeout(t *testing.T) {
	for name, tt := range map[string]struct {
		do    func(n *node, c *client)
		lives bool
	}{
		"nothing is joined":        {func(*node, *client) {}, false},
		"what is joined is enough": {func(_ *node, c *client) { c.join("/") }, true},
		"who has left may stay":    {func(_ *node, c *client) { c.join("/"); c.send("41") }, true},
		"a refusal does not count": {func(_ *node, c *client) { c.send("40/x,"); c.next() }, false},
		"a middleware is too slow": {func(n *node, c *client) {
			n.Use(func(ctx context.Context, _ *socketio.Socket) error { <-ctx.Done(); return ctx.Err() })
			c.send("40")
		}, false},
	} {
		bubble(t, name, func(t *testing.T) {
			n := serve(t, nil)
			began := time.Now()
			c := n.dial(t)
			tt.do(n, c)
			time.Sleep(44 * time.Second)
			c.quiet()
			if tt.lives {
				time.Sleep(time.Hour)
				c.quiet()
				return
			}
			c.closed()
			if waited := time.Since(began); waited != 45*time.Second {
				t.Errorf("waited %v", waited)
			}
			if got := n.Stats().ConnectTimeouts; got != 1 {
				t.Errorf("%d counted", got)
			}
		})
	}
}

func TestSlowConsumer(t *testing.T) {
	bubble(t, "does not hold up its room", func(t *testing.T) {
		n, told := serve(t, &socketio.Options{SendQueuePackets: 100}), newJournal()
		n.OnDisconnect(func(_ context.Context, s *socketio.Socket, reason socketio.Reason) { told.add("%s", reason) })
		fast, slow := n.join(t), n.open(t)
		slow.send("40")
		slow.readMessage()
		padding := strings.Repeat("x", 10_000)
		for i := range 200 {
			if err := n.Emit("e", i, padding); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		for i := range 200 {
			fast.expect(fmt.Sprintf(`42["e",%d,%q]`, i, padding))
		}
		told.expect(t, "slow consumer")
		if got := len(n.Sockets()); got != 1 {
			t.Errorf("%d sockets", got)
		}
	})
	bubble(t, "misses volatile events and lives", func(t *testing.T) {
		n := serve(t, &socketio.Options{SendQueuePackets: 100, PingInterval: time.Hour, WriteTimeout: time.Hour})
		fast, slow := n.join(t), n.open(t)
		slow.send("40")
		id := strings.TrimSuffix(strings.TrimPrefix(slow.readMessage(), `40{"sid":"`), `"}`)
		own := n.In(id).Sockets()[0].Volatile()
		padding := strings.Repeat("x", 10_000)
		for i := range 200 {
			for _, e := range []event.Emitter{n.Volatile(), own} {
				if err := e.Emit("e", i, padding); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
		}
		if got := len(fast.came()); got != 200 {
			t.Errorf("the fast client got %d", got)
		}
		go slow.pump()
		got := slow.came()
		if len(got) < 2 || len(got) > 50 {
			t.Errorf("the slow client got %d", len(got))
		}
		if err := n.Volatile().Emit("last"); err != nil {
			t.Fatal(err)
		}
		slow.expect(`42["last"]`)
	})
	t.Run("on a websocket over TCP volatile events right behind others arrive", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
		}
		n := serveOn(t, l, dial, &http.Server{}, nil)
		c := n.join(t)
		s := n.socket(t, c, "/")
		if err := errors.Join(s.Emit("a"), s.Volatile().Emit("b"), s.Volatile().Emit("c"), n.Volatile().Emit("d")); err != nil {
			t.Fatal(err)
		}
		c.expect(`42["a"]`, `42["b"]`, `42["c"]`, `42["d"]`)
	})
	bubble(t, "on polling volatile events need a pending poll", func(t *testing.T) {
		n := serve(t, nil)
		p := n.poll(t)
		p.join()
		if err := n.Volatile().Emit("lost"); err != nil {
			t.Fatal(err)
		}
		answer := p.hold()
		if err := n.Volatile().Emit("seen"); err != nil {
			t.Fatal(err)
		}
		if got := <-answer; got != `42["seen"]` {
			t.Errorf("got %q", got)
		}
	})
}
