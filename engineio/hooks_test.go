package engineio_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/engineio"
)

// TestHeaders covers which answers the application may change: InitialHeaders the first of a session, Headers all.
func TestHeaders(t *testing.T) {
	mark := func(name string) func(http.Header, *http.Request) {
		return func(h http.Header, r *http.Request) {
			h.Add("X-Seen", name)
			h.Set("X-Line", "a\r\nX-Forged: 1")
			h.Set("Cache-Control", "no-store, private") // the last word is the application's
		}
	}
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{
			InitialHeaders: mark("initial"), Headers: mark("every"), Cookie: &engineio.Cookie{},
			PerMessageDeflate: &engineio.Deflate{},
		}})
		check := func(what string, h http.Header, want ...string) {
			t.Helper()
			if got := h.Values("X-Seen"); !slices.Equal(got, want) {
				t.Errorf("%s: seen by %q, want %q", what, got, want)
			}
			if h.Get("X-Forged") != "" {
				t.Errorf("%s: a header was forged", what)
			}
			if got := h.Get("Cache-Control"); len(want) > 0 && got != "no-store, private" {
				t.Errorf("%s: Cache-Control %q", what, got)
			}
		}
		a := r.do("GET", "?EIO=4&transport=polling", "")
		check("polling handshake", a.header, "initial", "every")
		p := r.peer()
		query := "?EIO=4&transport=polling&sid=" + p.ID()
		p.send("hello")
		check("poll", r.do("GET", query, "").header, "every")
		check("data", r.do("POST", query, "4a").header, "every")
		check("unknown session", r.do("GET", "?EIO=4&transport=polling&sid=x", "").header)
		check("another method", r.do("PUT", query, "").header)
		for query, want := range map[string][]string{
			"?EIO=4&transport=websocket":               {"initial", "every"},
			"?EIO=4&transport=websocket&sid=" + p.ID(): {"every"},
			"?EIO=4&transport=websocket&sid=x":         nil,
		} {
			_, a := r.ask(query, offersDeflate)
			check(query, a.header, want...)
			if got := a.header.Get("Sec-WebSocket-Extensions") != ""; got != (want != nil && n.pipe == nil) {
				t.Errorf("%s: compression %v", query, got)
			}
		}
		p.Abort(engineio.ForcedClose, nil) // Shutdown would wait for its poll
	})
}

// TestHeaders_panic ends the session whose answer is lost, and no other.
func TestHeaders_panic(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{Headers: func(h http.Header, r *http.Request) {
			if r.Header.Get("Panic") != "" {
				panic("no headers today")
			}
		}}})
		c, p := r.poll()
		if a, err := r.try("GET", "?EIO=4&transport=polling", "", "Panic: yes"); err == nil {
			t.Errorf("polling handshake: %d", a.status)
		}
		r.peer().ends(engineio.TransportError)
		for _, query := range []string{"?EIO=4&transport=websocket", "?EIO=4&transport=websocket&sid=" + c.SID} {
			if _, a := r.ask(query, "Panic: yes"); a.status != 0 {
				t.Errorf("%s: %d", query, a.status)
			}
		}
		p.send("hello")
		if a, err := r.try("GET", c.query, "", "Panic: yes"); err == nil {
			t.Errorf("poll: %d", a.status)
		}
		p.ends(engineio.TransportError)
		if got := r.engine.SessionCount(); got != 0 {
			t.Errorf("%d sessions are left", got)
		}
	})
}

// TestInitialPacket: the message comes right behind the open packet, before what accept sends.
func TestInitialPacket(t *testing.T) {
	large := strings.Repeat("x", 2000)
	cases := []struct {
		name          string
		packet        engineio.Message
		poll, message string
		compressed    bool
	}{
		{"text", engineio.Message{Data: []byte("welcome")}, "4welcome", "4welcome", false},
		{"binary", engineio.Message{Data: []byte{1, 2, 3, 4}, Binary: true}, "bAQIDBA==", "\x01\x02\x03\x04", false},
		{"empty", engineio.Message{}, "4", "4", false},
		{"large", engineio.Message{Data: []byte(large)}, "4" + large, "4" + large, true},
		{"plain", engineio.Message{Data: []byte(large), NoCompress: true}, "4" + large, "4" + large, false},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, n *network) {
				s := compressing(0)
				s.options.InitialPacket = &test.packet
				s.accept = func(p *peer) { p.send("accepted") }
				r := start(t, n, s)
				a := r.do("GET", "?EIO=4&transport=polling", "", "Accept-Encoding: gzip")
				open, rest, _ := strings.Cut(a.decoded(t), "\x1e")
				if h := parseOpen(t, open); rest != test.poll {
					t.Errorf("polling: %q then %.100q", h.SID, rest)
				}
				c := &poller{r, handshake{}, "?EIO=4&transport=polling&sid=" + r.peer().ID()}
				c.gets("4accepted")
				socket, _ := r.deflating()
				if got := socket.inflated(test.compressed && n.pipe == nil); got != test.message {
					t.Errorf("websocket: %.100q", got)
				}
				socket.hears("4accepted")
			})
		})
	}
	t.Run("invalid", func(t *testing.T) {
		_, err := engineio.New(nil, &engineio.Options{InitialPacket: &engineio.Message{Data: []byte("\xff")}})
		if err == nil || !strings.Contains(err.Error(), "InitialPacket") {
			t.Errorf("got %v", err)
		}
	})
}

// TestGenerateID makes ids, some of which cannot be used.
func TestGenerateID(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		var refused *engineio.ConnectionError
		r := start(t, n, setup{options: engineio.Options{
			OnConnectionError: func(e *engineio.ConnectionError) { refused = e },
			GenerateID: func(r *http.Request) (string, error) {
				if r.Header.Get("Fail") != "" {
					return "valid", errors.New("out of ids")
				}
				return r.URL.Query().Get("want"), nil
			},
		}})
		longest := strings.Repeat("Az09-_.~", 8)
		for _, id := range []string{"a", longest} {
			a := r.do("GET", "?EIO=4&transport=polling&want="+id, "")
			if h := parseOpen(t, a.body); h.SID != id || r.peer().ID() != id {
				t.Errorf("%q became %q", id, h.SID)
			}
		}
		bad := map[string]string{
			"":              "characters",
			longest + "a":   "too long",
			"a%20b":         "characters",
			"a%0d%0ab":      "characters",
			"a%3bb":         "characters",
			"a/b":           "characters",
			"a%22b":         "characters",
			"%c3%a9":        "characters",
			"a":             "open session",
			"b#Fail: yes":   "out of ids",
			"%00":           "characters",
			"..%2f..%2fetc": "characters",
		}
		for want, cause := range bad {
			id, header, failing := strings.Cut(want, "#")
			for _, transport := range []string{"polling", "websocket"} {
				refused = nil
				headers := []string{"X: y"}
				if failing {
					headers[0] = header
				}
				query := "?EIO=4&transport=" + transport + "&want=" + id
				status, body := 0, ""
				if transport == "polling" {
					a := r.do("GET", query, "", headers...)
					status, body = a.status, a.body
				} else {
					_, a := r.ask(query, headers...)
					status = a.status
				}
				if status != 400 || transport == "polling" && body != `{"code":3,"message":"Bad request"}` {
					t.Errorf("%s: %d %s", query, status, body)
				}
				if refused == nil || refused.Code != engineio.BadRequest || refused.Context["name"] != "ID_GENERATION_ERROR" ||
					!strings.Contains(refused.Context["error"], cause) {
					t.Errorf("%s: %+v", query, refused)
				}
			}
		}
		if got := r.engine.SessionCount(); got != 2 {
			t.Errorf("%d sessions", got)
		}
		// An id is free when its session has ended.
		c := &poller{r, handshake{}, "?EIO=4&transport=polling&sid=a"}
		c.posts("1")
		c.gets("6")
		if a := r.do("GET", "?EIO=4&transport=polling&want=a", ""); a.status != 200 {
			t.Errorf("again: %d %s", a.status, a.body)
		}
	})
}

// upgradable is a handler that wants to know of an upgrade.
type upgradable struct{ *peer }

func (u upgradable) Upgraded() { u.messages <- message{"upgraded to " + string(u.Transport()), false} }

// TestUpgradeHandler is told once, behind what came by polling and before what comes by the websocket.
func TestUpgradeHandler(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{handler: func(p *peer) engineio.Handler { return upgradable{p} }})
		c, p := r.poll()
		c.posts("4first")
		socket := c.probe()
		socket.says("2probe")
		socket.hears("3probe")
		c.posts("4second")
		socket.says("5", "4third", "4fourth")
		p.wants("first", "second", "upgraded to "+n.transport(), "third", "fourth")
		other, p := r.websocket()
		other.says("4hello")
		p.wants("hello")
	})
}

// flushable is a peer that is told of drains.
type flushable struct{ *peer }

func (d flushable) Flushed() { d.messages <- message{"flushed", false} }

// TestFlushHandler is told when what had to wait has been written, and of nothing else.
func TestFlushHandler(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{handler: func(p *peer) engineio.Handler { return flushable{p} }})
		c, p := r.poll()
		told := func(want int) {
			t.Helper()
			synctest.Wait()
			if got := len(p.messages); got != want {
				t.Fatalf("told %d times, want %d", got, want)
			}
			for range want {
				<-p.messages
			}
		}
		p.send("a", "b")
		told(0)
		c.gets("4a\x1e4b")
		told(1)
		held := c.hold()
		p.send("c")
		c.answered(held, "4c")
		told(1)

		var socket *socket
		socket, p = r.websocket()
		synctest.Wait()
		for len(p.messages) > 0 { // perhaps of the open packet
			<-p.messages
		}
		p.Cork()
		p.send("d", "e")
		told(0)
		p.Uncork()
		socket.hears("4d", "4e")
		told(1)
		p.Session.Close()
		socket.closes("")
		told(0)
	})
}

// TestSession_Queued counts what waits.
func TestSession_Queued(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		c, p := start(t, n, setup{}).poll()
		p.send("a", "bc")
		if packets, bytes := p.Queued(); packets != 2 || bytes != len("4a\x1e4bc\x1e") {
			t.Errorf("%d packets, %d bytes", packets, bytes)
		}
		c.gets("4a\x1e4bc")
		if packets, bytes := p.Queued(); packets != 0 || bytes != 0 {
			t.Errorf("%d packets, %d bytes", packets, bytes)
		}
		_, p = c.websocket()
		p.Cork()
		p.send("a", "bc")
		want := 4 + 5
		if n.pipe != nil {
			want = 7 + 8
		}
		if packets, bytes := p.Queued(); packets != 2 || bytes != want {
			t.Errorf("websocket: %d packets, %d bytes", packets, bytes)
		}
		p.Uncork()
	})
}
