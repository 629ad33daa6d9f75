package socketio_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// serve3 starts a server for clients of Socket.IO 2 too.
func serve3(t testing.TB, opts socketio.Options) *node {
	t.Helper()
	opts.AllowEIO3 = true
	return serve(t, &opts)
}

// dial3 opens a session of a client of Socket.IO 2. The id of the session is the client's sid.
func (n *node) dial3(t testing.TB) *client {
	t.Helper()
	dialer := ws.Dialer{NetDial: n.dialer}
	conn, buffered, _, err := dialer.Dial(t.Context(), "ws://parley.test/socket.io/?EIO=3&transport=websocket")
	if err != nil {
		t.Fatalf("dialing: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	if buffered == nil {
		buffered = bufio.NewReader(conn)
	}
	c := &client{t: t, conn: conn, reader: buffered, in: make(chan string, 4096), writing: make(chan struct{}, 1)}
	open := c.readMessage()
	var h struct{ SID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(open, "0")), &h); err != nil || h.SID == "" {
		t.Fatalf("got %q instead of a handshake", open)
	}
	c.sid = h.SID
	go c.pump()
	return c
}

// join3 opens a session and waits until it has joined "/".
func (n *node) join3(t testing.TB) *client {
	t.Helper()
	c := n.dial3(t)
	c.expect("40")
	return c
}

// strict refuses as the cases of testdata/packets.txt want it.
func strict(_ context.Context, s *socketio.Socket) error {
	var auth struct{ Fail any }
	switch err := s.Handshake().ScanAuth(&auth); {
	case err != nil:
		return err
	case auth.Fail == "nodata":
		return &event.Error{Message: "bad"}
	case auth.Fail != nil:
		return &event.Error{Message: "bad", Data: map[string]int{"code": 7}}
	}
	return nil
}

func TestEIO3_packets(t *testing.T) {
	for _, c := range readPacketCases(t, "testdata/packets-eio3.txt") {
		bubble(t, c.name, func(t *testing.T) {
			n := serve3(t, socketio.Options{})
			told := newJournal()
			for _, name := range []string{"/", "/nsp"} {
				register(n.Of(name), told)
				n.Of(name).On("who", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
					return s.Emit("who", s.ID(), s.Handshake().Auth())
				})
			}
			n.Of("/nsp").Use(strict)
			client := n.dial3(t)
			for i := 0; i < len(c.steps); {
				for ; i < len(c.steps) && c.steps[i][0] == '>'; i++ {
					client.send(c.steps[i][2:])
					synctest.Wait()
				}
				var want []string
				for ; i < len(c.steps) && c.steps[i][0] == '<'; i++ {
					want = append(want, strings.ReplaceAll(c.steps[i][2:], "SID", client.sid))
				}
				if i == len(c.steps) && c.reason != "" {
					want = append(want, "close", "end")
				}
				if got := client.came(); !slices.Equal(got, want) {
					t.Fatalf("after %q:\ngot  %q\nwant %q", c.steps[:i], got, want)
				}
			}
			synctest.Wait()
			reasons := slices.DeleteFunc(told.take(), func(reason string) bool { return reason == string(socketio.ClientDisconnect) })
			if c.reason != "" && !slices.Contains(reasons, c.reason) || c.reason == "" && len(reasons) > 0 {
				t.Errorf("the sockets were told %q, want %q", reasons, c.reason)
			}
		})
	}
}

// TestEIO3_limits: the query behind a namespace's name may be long, the name may not.
func TestEIO3_limits(t *testing.T) {
	token := strings.Repeat("t", 8000)
	for name, tt := range map[string]struct{ sent, want string }{
		"a long token":          {"40/nsp?token=" + token + ",", "40/nsp,"},
		"too long a token":      {"40/nsp?token=" + token + token + ",", "close"},
		"a long name":           {"40/" + strings.Repeat("n", 511) + "?a=1,", "44/" + strings.Repeat("n", 511) + `,{"message":"Invalid namespace"}`},
		"too long a name":       {"40/" + strings.Repeat("n", 512) + "?a=1,", "close"},
		"a name without end":    {"40/" + strings.Repeat("n", 900_000), "close"},
		"a name, without query": {"40/" + strings.Repeat("n", 8000) + ",", "close"},
	} {
		bubble(t, name, func(t *testing.T) {
			n := serve3(t, socketio.Options{})
			n.Of("/nsp")
			c := n.join3(t)
			c.send(tt.sent)
			c.expect(tt.want)
		})
	}
}

// TestEIO3_refusals: what the server itself refuses is told in one form, whether or not a parent was asked.
func TestEIO3_refusals(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		n := serve3(t, socketio.Options{MaxChildNamespaces: 1})
		c := n.join3(t)
		c.send("40/unknown,")
		c.expect(`44/unknown,{"message":"Invalid namespace"}`)
		n.OfPattern(rooms)
		c.send("40/unknown,")
		c.expect(`44/unknown,{"message":"Invalid namespace"}`)
		c.send("40/room-1,")
		c.expect("40/room-1,")
		c.send("40/room-2,")
		c.expect(`44/room-2,{"message":"too many namespaces"}`)
	})
}

// TestEIO3_ids: a socket's id follows from the session's, and is a room.
func TestEIO3_ids(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		n := serve3(t, socketio.Options{})
		n.Of("/nsp")
		a, b, current := n.join3(t), n.join3(t), n.join(t, "/")
		a.send("40/nsp,")
		a.expect("40/nsp,")
		for id, nsp := range map[string]string{a.sid: "/", b.sid: "/", "/nsp#" + a.sid: "/nsp", current.sid: "/"} {
			sockets := n.Of(nsp).In(id).Sockets()
			if len(sockets) != 1 || sockets[0].ID() != id {
				t.Errorf("%d sockets of %s have the id %q", len(sockets), nsp, id)
			}
		}
		if err := n.To(a.sid).Emit("private", 1); err != nil {
			t.Error(err)
		}
		if err := n.Of("/nsp").To("/nsp#"+a.sid).Emit("private", []byte{1, 2}); err != nil {
			t.Error(err)
		}
		a.expect(`42["private",1]`, `451-/nsp,["private",{"_placeholder":true,"num":0}]`, "<040102>")
		b.quiet()
		// Both revisions receive a broadcast.
		if err := n.Except(b.sid).Emit("all", []byte{3}); err != nil {
			t.Error(err)
		}
		a.expect(`451-["all",{"_placeholder":true,"num":0}]`, "<0403>")
		current.expect(`451-["all",{"_placeholder":true,"num":0}]`, "<03>")
		b.quiet()
	})
}

// TestEIO3_root: middlewares of "/" run although the client has not asked.
func TestEIO3_root(t *testing.T) {
	bubble(t, "refused", func(t *testing.T) {
		n := serve3(t, socketio.Options{ConnectTimeout: 5 * time.Second})
		n.Use(func(context.Context, *socketio.Socket) error {
			return &event.Error{Message: "no", Data: "not today"}
		})
		c := n.dial3(t)
		c.expect(`44"not today"`)
		began := time.Now()
		c.closed() // it has joined nothing
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("after %v", took)
		}
	})
	bubble(t, "refused with a code", func(t *testing.T) {
		n := serve3(t, socketio.Options{})
		data := any(nil)
		n.Use(func(context.Context, *socketio.Socket) error {
			return &event.Error{Code: "x", Message: "no", Data: data}
		})
		n.dial3(t).expect(`44"no"`) // these clients take a message alone for text
		data = map[string]int{"a": 1}
		n.dial3(t).expect(`44{"code":"x","a":1}`)
	})
	bubble(t, "internal", func(t *testing.T) {
		n := serve3(t, socketio.Options{})
		n.Use(func(context.Context, *socketio.Socket) error { return io.EOF })
		n.dial3(t).expect(`44"internal"`)
	})
	bubble(t, "event before the answer", func(t *testing.T) {
		n := serve3(t, socketio.Options{})
		ready := make(chan struct{})
		n.Use(func(context.Context, *socketio.Socket) error { <-ready; return nil })
		c := n.dial3(t)
		c.quiet()
		c.send(`42["early"]`)
		c.closed()
		close(ready)
	})
	bubble(t, "disconnected while it is let in", func(t *testing.T) {
		n := serve3(t, socketio.Options{})
		n.Use(func(_ context.Context, s *socketio.Socket) error { s.Disconnect(false); return nil })
		n.dial3(t).expect(`44"server namespace disconnect"`)
	})
	bubble(t, "connection handler", func(t *testing.T) {
		n := serve3(t, socketio.Options{})
		n.OnConnection(func(_ context.Context, s *socketio.Socket) error {
			return s.Emit("hello", s.Handshake().Query().Get("EIO"))
		})
		n.join3(t).expect(`42["hello","3"]`)
	})
	bubble(t, "timeout", func(t *testing.T) {
		n := serve3(t, socketio.Options{})
		told := newJournal()
		n.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { told.add("%s", reason) })
		n.join3(t).closed()
		told.expect(t, "ping timeout")
	})
}

// TestEIO3_polling: the answer to the implied connect is what the first poll brings.
func TestEIO3_polling(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		n := serve3(t, socketio.Options{})
		register(n.Of("/"), newJournal())
		n.Of("/nsp").Use(strict)
		c := &poller3{t: t, http: httpClient(t, n), url: "http://parley.test/socket.io/?EIO=3&transport=polling&b64=1"}
		_, open, _ := strings.Cut(c.do("GET", ""), ":0")
		var h struct{ SID string }
		if err := json.Unmarshal([]byte(open), &h); err != nil {
			t.Fatal(err)
		}
		c.url += "&sid=" + h.SID
		for _, step := range [][2]string{
			{"", "2:40"},
			{"17:40/nsp?token=abc,", "7:40/nsp,"},
			{`46:451-["echo",{"_placeholder":true,"num":0},"é"]6:b4AQI=`, `46:451-["echo",{"_placeholder":true,"num":0},"é"]6:b4AQI=`},
		} {
			if step[0] != "" {
				c.do("POST", step[0])
			}
			if got := c.do("GET", ""); got != step[1] {
				t.Fatalf("got %q, want %q", got, step[1])
			}
		}
		c.do("POST", "2:411:1")
	})
}

// poller3 is a client of Socket.IO 2 on polling.
type poller3 struct {
	t    testing.TB
	http *http.Client
	url  string
}

// do makes a request and returns the body of its answer.
func (c *poller3) do(method, body string) string {
	c.t.Helper()
	request, err := http.NewRequest(method, c.url, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		c.t.Fatalf("%s: %d %q %v", method, response.StatusCode, data, err)
	}
	return string(data)
}

// TestEIO3_recovery: the client never learns its pid, and cannot use one.
func TestEIO3_recovery(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		n := serve3(t, socketio.Options{Recovery: &socketio.Recovery{}})
		n.Of("/nsp")
		lost := n.dial(t)
		lost.send("40/nsp,")
		var reply struct{ SID, PID string }
		if err := json.Unmarshal([]byte(strings.TrimPrefix(lost.next(), "40/nsp,")), &reply); err != nil || reply.PID == "" {
			t.Fatalf("%+v, %v", reply, err)
		}
		lost.conn.Close()
		synctest.Wait()
		c := n.join3(t)
		c.send("40/nsp?pid=" + reply.PID + "&offset=,")
		c.expect("40/nsp,")
		if sockets := n.Of("/nsp").In("/nsp#" + c.sid).Sockets(); len(sockets) != 1 || sockets[0].Recovered() {
			t.Errorf("%d sockets, recovered: %v", len(sockets), len(sockets) == 1 && sockets[0].Recovered())
		}
	})
}
