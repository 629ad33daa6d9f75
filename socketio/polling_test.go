package socketio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/socketio"
)

// poller is a client on polling that speaks raw packets. In its bodies | stands for the separator.
type poller struct {
	t    testing.TB
	http *http.Client
	url  string
	sid  string // the secret id of the session
}

// httpClient returns a client of the node for ordinary requests.
func httpClient(t testing.TB, n *node) *http.Client {
	transport := &http.Transport{DialContext: n.dialer}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// poll opens a session.
func (n *node) poll(t testing.TB) *poller {
	t.Helper()
	p := &poller{t: t, http: httpClient(t, n), url: "http://parley.test/socket.io/?EIO=4&transport=polling"}
	var open struct{ SID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(p.get(), "0")), &open); err != nil || open.SID == "" {
		t.Fatalf("handshake: %v", err)
	}
	p.sid = open.SID
	p.url += "&sid=" + open.SID
	return p
}

// join joins "/".
func (p *poller) join() string {
	p.t.Helper()
	p.post("40")
	id, ok := strings.CutPrefix(p.get(), `40{"sid":"`)
	if !ok {
		p.t.Fatal("not joined")
	}
	return id[:20]
}

func (p *poller) get() string { p.t.Helper(); return p.do(http.MethodGet, "") }

func (p *poller) post(body string) string { p.t.Helper(); return p.do(http.MethodPost, body) }

// do returns the body of the answer, with the status in front unless it is 200.
func (p *poller) do(method, body string) string {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url, strings.NewReader(strings.ReplaceAll(body, "|", "\x1e")))
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := p.http.Do(r)
	if err != nil {
		p.t.Error(err)
		return err.Error()
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Error(err)
	}
	text := strings.ReplaceAll(string(answer), "\x1e", "|")
	if response.StatusCode != http.StatusOK {
		return fmt.Sprint(response.StatusCode, " ", text)
	}
	return text
}

// hold begins a poll; its answer comes through the channel.
func (p *poller) hold() <-chan string {
	answer := make(chan string, 1)
	go func() { answer <- p.get() }()
	synctest.Wait()
	return answer
}

// TestServer_polling_end follows the captures of how a session on polling ends.
func TestServer_polling_end(t *testing.T) {
	const unknown = `400 {"code":1,"message":"Session ID unknown"}`
	setup := func(t *testing.T) (*node, *poller, *socketio.Socket, journal) {
		n, told := serve(t, nil), newJournal()
		register(n.Of("/"), told)
		p := n.poll(t)
		p.join()
		return n, p, n.Sockets()[0], told
	}
	bubble(t, "Disconnect with a pending poll", func(t *testing.T) {
		_, p, s, told := setup(t)
		answer := p.hold()
		s.Disconnect(false)
		if got := <-answer; got != "41" {
			t.Errorf("got %q", got)
		}
		told.expect(t, "server namespace disconnect")
		p.post("40")
		if got := p.get(); !strings.HasPrefix(got, `40{"sid":`) {
			t.Errorf("got %q", got)
		}
	})
	bubble(t, "Disconnect of the connection with a pending poll", func(t *testing.T) {
		_, p, s, told := setup(t)
		answer := p.hold()
		s.Disconnect(true)
		told.expect(t, "server namespace disconnect")
		for i, got := range []string{<-answer, p.get(), p.get()} {
			if want := []string{"41", "6|1", unknown}[i]; got != want {
				t.Errorf("answer %d is %q, want %q", i, got, want)
			}
		}
	})
	bubble(t, "Disconnect of the connection without a pending poll", func(t *testing.T) {
		_, p, s, told := setup(t)
		s.Disconnect(true)
		for i, got := range []string{p.get(), p.get(), p.get()} {
			if want := []string{"41", "6|1", unknown}[i]; got != want {
				t.Errorf("answer %d is %q, want %q", i, got, want)
			}
		}
		told.expect(t, "server namespace disconnect")
	})
	bubble(t, "several packets and binary", func(t *testing.T) {
		_, p, s, _ := setup(t)
		for _, args := range [][]any{{"a", 1}, {"b", []byte{1, 2, 3, 4}}, {"c", "é"}} {
			if err := s.Emit(args[0].(string), args[1]); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := p.get(), `42["a",1]|451-["b",{"_placeholder":true,"num":0}]|bAQIDBA==|42["c","é"]`; got != want {
			t.Errorf("got %q", got)
		}
	})
	bubble(t, "a wrong packet in the middle of a body", func(t *testing.T) {
		_, p, _, told := setup(t)
		if got := p.post(`420["q"]|42|421["q"]`); got != "ok" {
			t.Errorf("got %q", got)
		}
		told.expect(t, "parse error")
		if got := p.get(); got != unknown {
			t.Errorf("got %q", got)
		}
	})
	bubble(t, "shutdown with a pending poll", func(t *testing.T) {
		n, p, _, told := setup(t)
		answer := p.hold()
		if err := n.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if got := <-answer; got != "1" { // and no disconnect packet
			t.Errorf("got %q", got)
		}
		told.expect(t, "server shutting down")
	})
	bubble(t, "the client leaves and closes", func(t *testing.T) {
		_, p, _, told := setup(t)
		answer := p.hold()
		if got := p.post("41"); got != "ok" {
			t.Errorf("got %q", got)
		}
		told.expect(t, "client namespace disconnect")
		if got := p.post("1"); got != "ok" {
			t.Errorf("got %q", got)
		}
		if got := <-answer; got != "6" {
			t.Errorf("got %q", got)
		}
	})
}

func TestServer_polling_order(t *testing.T) {
	// The reference does the same; official clients wait for the reply.
	bubble(t, "an event in the body of the connect", func(t *testing.T) {
		n := serve(t, nil)
		release := make(chan struct{})
		n.Use(func(context.Context, *socketio.Socket) error { <-release; return nil })
		p := n.poll(t)
		p.post(`40|42["x"]`)
		close(release)
		if got := p.get(); got != "6|1" {
			t.Errorf("got %q", got)
		}
	})
	bubble(t, "a packet out of place behind the connect", func(t *testing.T) {
		n := serve(t, nil)
		p := n.poll(t)
		p.post("40")
		synctest.Wait()
		p.post("40") // a second time
		connected := p.get()
		if !strings.HasPrefix(connected, `40{"sid":`) {
			t.Errorf("got %q", connected)
		}
		if got := p.get(); got != "6|1" {
			t.Errorf("got %q", got)
		}
	})
	bubble(t, "two namespaces in one body", func(t *testing.T) {
		n := serve(t, nil)
		n.Of("/admin")
		p := n.poll(t)
		p.post(`40|40/admin,{"k":1}`)
		synctest.Wait()
		got := p.get()
		if !strings.Contains(got, `40{"sid":`) || !strings.Contains(got, `40/admin,{"sid":`) {
			t.Errorf("got %q", got)
		}
	})
	bubble(t, "a body is answered when its packets are in the inbox", func(t *testing.T) {
		n, told := serve(t, &socketio.Options{InboxPackets: 2}), newJournal()
		release := make(chan struct{})
		numbered(n.Of("/"), told, func(context.Context, *socketio.Socket) { <-release })
		p := n.poll(t)
		p.join()
		answer := make(chan string, 1)
		go func() { answer <- p.post(`42["e",0]|42["e",1]|42["e",2]|42["e",3]`) }()
		time.Sleep(10 * time.Second)
		if len(answer) > 0 {
			t.Error("answered before there was room")
		}
		close(release)
		if got := <-answer; got != "ok" {
			t.Errorf("got %q", got)
		}
		told.expect(t, numbers("/", 0, 4)...)
	})
	bubble(t, "nothing is lost or doubled by an upgrade", func(t *testing.T) {
		n := serve(t, nil)
		n.On("echo", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
			return s.Emit("echo", m.Raws()...)
		})
		p := n.poll(t)
		p.join()
		s := n.Sockets()[0]
		p.post(`42["echo",0]|42["echo",1]`)
		synctest.Wait() // the handlers have run: what follows is emitted behind their echoes

		dialer := ws.Dialer{NetDial: n.dialer}
		conn, _, _, err := dialer.Dial(t.Context(), strings.NewReplacer("http", "ws", "polling", "websocket").Replace(p.url))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		c := &client{t: t, conn: conn, reader: conn, in: make(chan string, 100), writing: make(chan struct{}, 1)}
		go c.pump()
		c.send("2probe")
		c.expect("3probe")
		if err := s.Emit("during", 2); err != nil {
			t.Fatal(err)
		}
		c.send("5", `42["echo",3]`)
		got := []string{c.next(), c.next(), c.next(), c.next()}
		if want := []string{`42["echo",0]`, `42["echo",1]`, `42["during",2]`, `42["echo",3]`}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if s.Transport() != "websocket" {
			t.Error(s.Transport())
		}
		c.quiet()
	})
}

// The server's own deadlines are for requests that are not held.
func TestServer_polling_deadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen()
		n := serveOn(t, l, l.DialContext, &http.Server{ReadTimeout: time.Second, WriteTimeout: time.Second},
			&socketio.Options{PingInterval: time.Hour})
		p := n.poll(t)
		p.join()
		for range 3 {
			answer := p.hold()
			time.Sleep(10 * time.Second)
			if err := n.Emit("late"); err != nil {
				t.Fatal(err)
			}
			if got := <-answer; got != `42["late"]` {
				t.Errorf("got %q", got)
			}
			if got := p.post("420[\"nobody\"]"); got != "ok" {
				t.Errorf("got %q", got)
			}
		}
	})
}
