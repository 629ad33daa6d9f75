package engineio_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

func TestHandshake_polling(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		a := r.do("GET", "?EIO=4&transport=polling&t=abc123&j=0", "")
		want := regexp.MustCompile(
			`^0\{"sid":"([A-Za-z0-9_-]{20})","upgrades":\["` + n.transport() + `"\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000\}$`)
		match, p := want.FindStringSubmatch(a.body), r.peer()
		if match == nil || match[1] != p.ID() || p.Transport() != engineio.Polling {
			t.Fatalf("handshake %q of %q over %q", a.body, p.ID(), p.Transport())
		}
		c := &poller{r, parseOpen(t, a.body), "?EIO=4&transport=polling&sid=" + p.ID()}
		c.posts("4hello")
		p.wants("hello")
		p.send("world")
		c.gets("4world")
	})
}

func TestHandshake_websocket(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c := r.upgrade("?EIO=4&transport=websocket")
		_, payload := c.frame()
		want := regexp.MustCompile(
			`^0\{"sid":"([A-Za-z0-9_-]{20})","upgrades":\[\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000\}$`)
		match, p := want.FindSubmatch(payload), r.peer()
		if match == nil || string(match[1]) != p.ID() || string(p.Transport()) != n.transport() {
			t.Fatalf("handshake %q of %q over %q", payload, p.ID(), p.Transport())
		}
		c.says("4hello")
		p.wants("hello")
		p.send("world")
		c.hears("4world")
	})
}

// TestHandshake_options covers what the open packet says under options.
func TestHandshake_options(t *testing.T) {
	cases := []struct {
		name     string
		options  engineio.Options
		upgrades string
		maximum  int
	}{
		{"no upgrades", engineio.Options{NoUpgrades: true}, "", 1_000_000},
		{"polling only", engineio.Options{Transports: []engineio.Transport{engineio.Polling}}, "", 1_000_000},
		{"small payloads", engineio.Options{MaxPayload: 77}, "websocket", 77},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			inFrames(t, func(t *testing.T, n *network) {
				c, _ := start(t, n, setup{options: test.options}).poll()
				if got := strings.Join(c.Upgrades, ","); got != test.upgrades || c.MaxPayload != test.maximum {
					t.Errorf("upgrades %q, maxPayload %d", got, c.MaxPayload)
				}
			})
		})
	}
	t.Run("websocket only", func(t *testing.T) {
		inFrames(t, func(t *testing.T, n *network) {
			r := start(t, n, setup{options: engineio.Options{Transports: []engineio.Transport{engineio.WebSocket}}})
			if a := r.do("GET", "?EIO=4&transport=polling", ""); a.status != 400 || !strings.Contains(a.body, `"code":0`) {
				t.Errorf("polling: %d %s", a.status, a.body)
			}
			r.websocket()
		})
	})
}

// TestHandshake_accept sends before the client has said anything: it comes behind the open packet.
func TestHandshake_accept(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{accept: func(p *peer) { p.send("first", "second") }})
		socket, _ := r.websocket()
		socket.hears("4first", "4second")
		poller, _ := r.poll()
		poller.gets("4first\x1e4second")
	})
	t.Run("close", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			r := start(t, n, setup{accept: func(p *peer) { p.send("bye"); p.Session.Close() }})
			socket, p := r.websocket()
			socket.hears("4bye")
			socket.closes("")
			p.ends(engineio.ForcedClose)
			poller, p := r.poll()
			poller.gets("4bye")
			poller.gets("6\x1e1")
			p.ends(engineio.ForcedClose)
		})
	})
}

// TestHandshake_base64 opens sessions that take no binary data.
func TestHandshake_base64(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c := r.upgrade("?EIO=4&transport=websocket&b64=1")
		c.opens()
		p := r.peer()
		binary := engineio.Message{Data: []byte{1, 2, 3, 4}, Binary: true}
		for range 2 {
			if err := p.Send(binary); err != nil {
				t.Fatal(err)
			}
			if err := p.SendPrepared(engineio.Prepare(binary), false); err != nil {
				t.Fatal(err)
			}
			c.hears("bAQIDBA==", "bAQIDBA==")
		}
		c.says("bAQIDBA==", "bAQIDBA", "b-_8")
		for _, want := range []string{"\x01\x02\x03\x04", "\x01\x02\x03\x04", "\xfb\xff"} {
			if got := receive(t, n.patience, "a message", p.messages); got != (message{want, true}) {
				t.Errorf("received %+v, want %q", got, want)
			}
		}
	})
}

// TestHandshake_early sends frames before the answer to the handshake has come.
func TestHandshake_early(t *testing.T) {
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c := r.raw()
		large := strings.Repeat("x", 10_000)
		c.write(websocketRequest("?EIO=4&transport=websocket") +
			masked(ws.NewTextFrame([]byte("4early"))) + masked(ws.NewTextFrame([]byte("4"+large))) + masked(ws.NewTextFrame([]byte("4late"))))
		if got := c.response().StatusCode; got != 101 {
			t.Fatal(got)
		}
		c.opens()
		r.peer().wants("early", large, "late")
	})
}

// TestHandshake_returns: the request of a websocket ends while the websocket lives.
func TestHandshake_returns(t *testing.T) {
	returned := make(chan bool, 1)
	r := start(t, tcp(t), setup{wrap: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r)
			returned <- true
		})
	}})
	c, p := r.websocket()
	receive(t, r.net.patience, "the end of ServeHTTP", returned)
	c.says("4still here")
	p.wants("still here")
}

func TestRequest(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{wrap: func(h http.Handler) http.Handler { return http.StripPrefix("/engine.io", h) }})
		r.do("GET", "?EIO=4&transport=polling&a=1&a=2&b=%20", "", "X-A: one", "X-A: two", "X-B: three")
		got := r.peer().Request()
		header, query := got.Header(), got.Query()
		if got.URL != "/engine.io/?EIO=4&transport=polling&a=1&a=2&b=%20" || got.Host != "parley.test" || got.Secure ||
			!strings.HasPrefix(got.RemoteAddr, "198.51.100.1:") || got.Time.IsZero() {
			t.Errorf("request %+v", got)
		}
		if strings.Join(header["X-A"], ",") != "one,two" || header.Get("x-b") != "three" {
			t.Errorf("header %v", header)
		}
		if len(query["a"]) != 1 || query.Get("a") != "2" || query.Get("b") != " " {
			t.Errorf("query %v", query)
		}
	})
	r := start(t, overTLS(t), setup{})
	if _, p := r.poll(); !p.Request().Secure {
		t.Error("a request over TLS is not secure")
	}
}

func TestNewID(t *testing.T) {
	const n = 50_000
	seen := make(map[string]bool, n)
	form := regexp.MustCompile(`^[A-Za-z0-9_-]{20}$`)
	for range n {
		id := engineio.NewID()
		if seen[id] || !form.MatchString(id) {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
}

// wrapped is an http.ResponseWriter that hides all but the methods of that interface.
type wrapped struct{ http.ResponseWriter }

// unwrapped is one that does not hide what it wraps.
type unwrapped struct{ wrapped }

func (w unwrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// TestHandshake_upgrades: a client is offered a websocket only where the connection can be taken over.
func TestHandshake_upgrades(t *testing.T) {
	for name, test := range map[string]struct {
		wrap  func(http.ResponseWriter) http.ResponseWriter
		http2 bool
		want  []string
		lines int
	}{
		"net/http":           {func(w http.ResponseWriter) http.ResponseWriter { return w }, false, []string{"websocket"}, 0},
		"hidden":             {func(w http.ResponseWriter) http.ResponseWriter { return wrapped{w} }, false, []string{}, 1},
		"with Unwrap":        {func(w http.ResponseWriter) http.ResponseWriter { return unwrapped{wrapped{w}} }, false, []string{"websocket"}, 0},
		"hidden over HTTP/2": {func(w http.ResponseWriter) http.ResponseWriter { return wrapped{w} }, true, []string{"websocket"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var log logged
			r := start(t, tcp(t), setup{
				options: engineio.Options{Logger: log.logger()},
				wrap: func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if test.http2 {
							r.ProtoMajor, r.ProtoMinor = 2, 0
						}
						next.ServeHTTP(test.wrap(w), r)
					})
				},
			})
			for range 2 {
				if c, _ := r.poll(); !slices.Equal(c.Upgrades, test.want) {
					t.Errorf("upgrades %q, want %q", c.Upgrades, test.want)
				}
			}
			if test.lines > 0 {
				if _, a := r.ask("?EIO=4&transport=websocket"); a.status < 400 {
					t.Errorf("a websocket: %d", a.status)
				}
				log.wants(t, "level=ERROR", "a transport cannot work", "transport=websocket", "Unwrap")
			}
		})
	}
}
