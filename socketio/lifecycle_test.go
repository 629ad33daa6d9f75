package socketio_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/socketio"
)

// guest is a client that has joined "/" and "/other", whatever carries its packets.
type guest struct {
	send   func(packet string) // of Socket.IO
	half   func()              // sends the beginning of a frame, or of a body
	close  func()              // as a client does that goes
	lose   func()              // as a network does
	framed bool                // it is sent what there is without asking
}

// A transport makes a guest, which reads what comes if it is told to.
type transport func(t *testing.T, n *node, reads bool) guest

var transports = map[string]transport{
	"websocket": func(t *testing.T, n *node, reads bool) guest {
		c := n.open(t)
		c.send("40", "40/other,")
		c.readMessage()
		c.readMessage()
		return c.guest(reads)
	},
	"polling": func(t *testing.T, n *node, reads bool) guest {
		return joinPolling(t, n).guest(reads)
	},
	"upgraded": func(t *testing.T, n *node, reads bool) guest {
		c := joinPolling(t, n).probe(n)
		c.send2("5")
		synctest.Wait()
		return c.guest(reads)
	},
	"upgrade in flight": func(t *testing.T, n *node, reads bool) guest {
		p := joinPolling(t, n)
		c := p.probe(n)
		v := p.guest(reads)
		lose := v.lose
		v.lose = func() { c.conn.(*memnet.Conn).Reset(); lose() }
		return v
	},
}

// joinPolling opens a session on polling and joins the two namespaces.
func joinPolling(t *testing.T, n *node) *poller {
	p := n.poll(t)
	p.post("40|40/other,")
	for joined := 0; joined < 2; {
		joined += strings.Count(p.get(), `{"sid"`)
	}
	return p
}

// probe opens a websocket for the session and takes it through the first half of an upgrade.
func (p *poller) probe(n *node) *client {
	p.t.Helper()
	dialer := ws.Dialer{NetDial: n.dialer}
	url := strings.Replace(strings.Replace(p.url, "http://", "ws://", 1), "transport=polling", "transport=websocket", 1)
	conn, _, _, err := dialer.Dial(p.t.Context(), url)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	c := &client{t: p.t, conn: conn, reader: bufio.NewReader(conn), in: make(chan string, 4096), writing: make(chan struct{}, 1)}
	c.send2("2probe")
	if got := c.readMessage(); got != "3probe" {
		p.t.Fatalf("got %q", got)
	}
	return c
}

// send2 sends an Engine.IO packet; that it can be too late is no fault.
func (c *client) send2(packet string) { _ = c.write(ws.OpText, []byte(packet)) }

func (c *client) guest(reads bool) guest {
	if reads {
		go func() {
			for range c.in {
			}
		}()
		go c.pump()
	}
	return guest{
		send:   c.send2,
		half:   func() { _, _ = c.conn.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("42[1]"))))[:8]) },
		close:  func() { _ = c.write(ws.OpClose, ws.NewCloseFrameBody(ws.StatusGoingAway, "")) },
		lose:   func() { c.conn.(*memnet.Conn).Reset() },
		framed: true,
	}
}

func (p *poller) guest(reads bool) guest {
	ctx, lose := context.WithCancel(context.Background())
	p.t.Cleanup(lose)
	request := func(method string, body io.Reader, length int) (string, bool) {
		r, err := http.NewRequestWithContext(ctx, method, p.url, body)
		if err != nil {
			p.t.Error(err)
			return "", false
		}
		r.ContentLength = int64(length)
		response, err := p.http.Do(r)
		if err != nil {
			return "", false
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		return string(answer), err == nil && response.StatusCode == http.StatusOK
	}
	try := func(method, body string) (string, bool) { return request(method, strings.NewReader(body), len(body)) }
	if reads {
		go func() {
			for {
				answer, ok := try(http.MethodGet, "")
				if !ok {
					return
				}
				if slices.Contains(strings.Split(answer, "\x1e"), "2") {
					try(http.MethodPost, "3")
				}
			}
		}()
		synctest.Wait()
	}
	return guest{
		send: func(packet string) { try(http.MethodPost, packet) },
		half: func() {
			rest, end := io.Pipe() // nothing comes through it
			p.t.Cleanup(func() { end.Close() })
			go request(http.MethodPost, io.MultiReader(strings.NewReader("42"), rest), 5)
		},
		close: func() { try(http.MethodPost, "1") },
		lose:  lose,
	}
}

// TestServer_tells_each_end_once ends sessions in every way, on every transport and in the middle of an upgrade: each of
// the two sockets that were accepted is told of its end once, with a reason that fits.
func TestServer_tells_each_end_once(t *testing.T) {
	type cause struct {
		do      func(n *node, v guest)
		reasons []socketio.Reason
		deaf    bool // the client does not read
		alone   bool // only "/" ends by it
		window  time.Duration
	}
	on := func(n *node) *socketio.Socket { return n.Sockets()[0] }
	lost := []socketio.Reason{"transport close", "transport error"}
	for name, cause := range map[string]cause{
		"closed by the client":   {do: func(_ *node, v guest) { v.close() }, reasons: []socketio.Reason{"transport close"}},
		"lost":                   {do: func(_ *node, v guest) { v.lose() }, reasons: lost},
		"silent":                 {do: func(*node, guest) { time.Sleep(time.Minute) }, reasons: []socketio.Reason{"ping timeout"}, deaf: true},
		"a bad packet":           {do: func(_ *node, v guest) { v.send("42{") }, reasons: []socketio.Reason{"parse error"}},
		"a bad engine packet":    {do: func(_ *node, v guest) { v.send("x") }, reasons: []socketio.Reason{"parse error", "transport error"}},
		"out of place":           {do: func(_ *node, v guest) { v.send("40") }, reasons: []socketio.Reason{"forced close"}},
		"kicked":                 {do: func(n *node, _ guest) { on(n).Disconnect(true) }, reasons: []socketio.Reason{"server namespace disconnect"}},
		"kicked from one":        {do: func(n *node, _ guest) { on(n).Disconnect(false) }, reasons: []socketio.Reason{"server namespace disconnect"}, alone: true},
		"left":                   {do: func(_ *node, v guest) { v.send("41") }, reasons: []socketio.Reason{"client namespace disconnect"}, alone: true},
		"shut down":              {do: func(n *node, _ guest) { _ = n.Shutdown(context.Background()) }, reasons: []socketio.Reason{"server shutting down"}},
		"shut down, and no time": {do: func(n *node, _ guest) { _ = n.Shutdown(cancelled()) }, reasons: []socketio.Reason{"server shutting down"}},
		"slow": {do: func(n *node, _ guest) {
			for s := on(n); s.Emit("e", strings.Repeat("x", 10_000)) == nil; {
			}
		}, reasons: []socketio.Reason{"slow consumer"}, deaf: true},
		"late attachments": {do: func(_ *node, v guest) {
			v.send(`451-["e",{"_placeholder":true,"num":0}]`)
			time.Sleep(10 * time.Second)
		}, reasons: []socketio.Reason{"parse error"}},
		"half a message": {do: func(_ *node, v guest) { v.half(); time.Sleep(10 * time.Second) }, reasons: []socketio.Reason{"transport error"}},
		"a stuck write": {do: func(n *node, v guest) {
			for s := on(n); ; {
				if waiting, _ := s.Queued(); waiting > 0 {
					break
				}
				_ = s.Emit("e", strings.Repeat("x", 10_000))
				synctest.Wait()
			}
			if v.framed {
				time.Sleep(10 * time.Second)
			} else {
				time.Sleep(time.Minute) // what no poll asks for is not written
			}
		}, reasons: []socketio.Reason{"transport error", "ping timeout"}, deaf: true},
		"drained": {do: func(n *node, _ guest) { _ = n.Shutdown(context.Background()) }, reasons: []socketio.Reason{"server shutting down"}, window: 10 * time.Second},
		"everything at once": {do: func(n *node, v guest) {
			s := on(n)
			for _, f := range []func(){
				v.close, v.lose, func() { v.send("42{") }, func() { s.Disconnect(true) }, func() { s.Disconnect(false) },
				func() { n.RemoveNamespace("/other") }, func() { _ = n.Shutdown(context.Background()) },
			} {
				go f()
			}
		}},
	} {
		for carrier, join := range transports {
			bubble(t, name+", "+carrier, func(t *testing.T) {
				n, told := serve(t, &socketio.Options{SendQueueBytes: 50_000, DrainWindow: cause.window}), newJournal()
				for _, namespace := range []string{"/", "/other"} {
					n.Of(namespace).OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) {
						if cause.reasons != nil && !slices.Contains(cause.reasons, reason) && !(cause.alone && namespace == "/other") {
							t.Errorf("%s ended by %q", namespace, reason)
						}
						told.add("%s", namespace)
					})
				}
				v := join(t, n, !cause.deaf)
				synctest.Wait()
				cause.do(n, v)
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if got := told.take(); !slices.Equal(sorted(got), []string{"/", "/other"}[:map[bool]int{true: 1, false: 2}[cause.alone]]) {
					t.Errorf("told of %q", got)
				}
				v.lose()
				time.Sleep(2 * time.Minute)
				if err := n.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				if got := told.take(); cause.alone != (len(got) == 1) || len(got) > 1 {
					t.Errorf("told of %q later", got)
				}
				closed := int64(0)
				for _, count := range n.Stats().Engine.Closed {
					closed += count
				}
				if stats := n.Stats().Engine; stats.Opened != 1 || closed != 1 || stats.Sessions != 0 {
					t.Errorf("stats %+v", stats)
				}
			})
		}
	}
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func sorted(lines []string) []string {
	slices.Sort(lines)
	return lines
}

// TestServer_tells_no_end_of_the_refused: a socket that a middleware refuses, or that goes while one runs, was never
// connected; one that OnConnection refuses was.
func TestServer_tells_no_end_of_the_refused(t *testing.T) {
	for name, tt := range map[string]struct {
		register func(n *node)
		want     []string
	}{
		"by a middleware": {func(n *node) {
			n.Use(func(context.Context, *socketio.Socket) error { return errors.New("no") })
		}, nil},
		"by a middleware that waits for its end": {func(n *node) {
			n.Use(func(ctx context.Context, _ *socketio.Socket) error { <-ctx.Done(); return nil })
		}, nil},
		"by OnConnection": {func(n *node) {
			n.OnConnection(func(context.Context, *socketio.Socket) error { return errors.New("no") })
		}, []string{"server namespace disconnect"}},
	} {
		bubble(t, name, func(t *testing.T) {
			n, told := serve(t, nil), newJournal()
			n.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { told.add("%s", reason) })
			tt.register(n)
			c := n.dial(t)
			c.send("40")
			p := n.poll(t)
			p.post("40")
			synctest.Wait()
			c.conn.Close()
			time.Sleep(2 * time.Minute) // nobody polls
			told.expect(t, slices.Concat(tt.want, tt.want)...)
		})
	}
}
