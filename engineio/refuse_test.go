package engineio_test

import (
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/parleyio/parley/engineio"
)

// TestRefused sends requests that must not be served, in the order in which the protocol checks them. After each the
// session that was there before must still work.
func TestRefused(t *testing.T) {
	const (
		transportUnknown = `{"code":0,"message":"Transport unknown"}`
		sessionUnknown   = `{"code":1,"message":"Session ID unknown"}`
		badMethod        = `{"code":2,"message":"Bad handshake method"}`
		badRequest       = `{"code":3,"message":"Bad request"}`
		unsupported      = `{"code":5,"message":"Unsupported protocol version"}`

		transportMismatch = "name=TRANSPORT_MISMATCH previousTransport=polling transport=websocket"
		protocolMismatch  = "name=PROTOCOL_MISMATCH previousProtocol=4 protocol=3"
	)
	cases := []struct {
		name, method, query string
		status              int
		body                string
		context             string
	}{
		{"no revision", "GET", "?transport=polling", 400, unsupported, "protocol="},
		{"revision 3", "GET", "?EIO=3&transport=polling", 400, unsupported, "protocol=3"},
		{"revision 5", "GET", "?EIO=5&transport=polling", 400, unsupported, "protocol=5"},
		{"the last revision counts", "GET", "?EIO=4&EIO=3&transport=polling", 400, unsupported, "protocol=3"},
		{"unknown transport", "GET", "?EIO=4&transport=tobi", 400, transportUnknown, "transport=tobi"},
		{"no transport", "GET", "?EIO=4", 400, transportUnknown, "transport="},
		{"webtransport", "GET", "?EIO=4&transport=webtransport", 400, transportUnknown, "transport=webtransport"},
		{"a property of every object", "GET", "?EIO=4&transport=__proto__", 400, transportUnknown, "transport=__proto__"},
		{"a constructor", "GET", "?EIO=4&transport=constructor", 400, transportUnknown, "transport=constructor"},
		{"the last transport counts", "GET", "?EIO=4&transport=polling&transport=x", 400, transportUnknown, "transport=x"},
		{"unknown session", "GET", "?EIO=4&transport=polling&sid=test", 400, sessionUnknown, "sid=test"},
		{"unknown session, POST", "POST", "?EIO=4&transport=polling&sid=__proto__", 400, sessionUnknown, "sid=__proto__"},
		{"the last session counts", "GET", "?EIO=4&transport=polling&sid={sid}&sid=x", 400, sessionUnknown, "sid=x"},
		{"transport before session", "GET", "?EIO=4&transport=tobi&sid=test", 400, transportUnknown, "transport=tobi"},
		{"POST handshake", "POST", "?EIO=4&transport=polling", 400, badMethod, "method=POST"},
		{"OPTIONS without CORS", "OPTIONS", "?EIO=4&transport=polling", 400, badMethod, "method=OPTIONS"},
		{"method before revision", "PUT", "?transport=polling", 400, badMethod, "method=PUT"},
		{"websocket without upgrade", "GET", "?EIO=4&transport=websocket", 400, badRequest, "name=TRANSPORT_HANDSHAKE_ERROR"},
		{"websocket with a session", "GET", "?EIO=4&transport=websocket&sid={sid}", 400, badRequest, transportMismatch},
		{"session without revision", "GET", "?transport=polling&sid={sid}", 400, badRequest, protocolMismatch},
		{"session of another revision", "POST", "?EIO=3&transport=polling&sid={sid}", 400, badRequest, protocolMismatch},
		{"mismatch before revision", "GET", "?EIO=3&transport=websocket&sid={sid}", 400, badRequest, transportMismatch},
		{"PUT", "PUT", "?EIO=4&transport=polling&sid={sid}", 500, "", ""},
		{"HEAD", "HEAD", "?EIO=4&transport=polling&sid={sid}", 500, "", ""},
		{"OPTIONS", "OPTIONS", "?EIO=4&transport=polling&sid={sid}", 500, "", ""},
		{"DELETE", "DELETE", "?EIO=4&transport=polling&sid={sid}", 500, "", ""},
	}
	inFrames(t, func(t *testing.T, n *network) {
		var context string
		r := start(t, n, setup{options: engineio.Options{OnConnectionError: func(e *engineio.ConnectionError) {
			var pairs []string
			for _, name := range slices.Sorted(maps.Keys(e.Context)) {
				pairs = append(pairs, name+"="+e.Context[name])
			}
			context = strings.Join(pairs, " ")
			if e.Request == nil || !strings.Contains(e.Error(), e.Message) {
				t.Errorf("incomplete error %+v", e)
			}
		}}})
		c, p := r.poll()
		refused := int64(0)
		for _, test := range cases {
			context = ""
			a := r.do(test.method, strings.ReplaceAll(test.query, "{sid}", c.SID), "")
			if a.status != test.status || a.body != test.body || context != test.context {
				t.Errorf("%s: %d %q, context %q; want %d %q, %q",
					test.name, a.status, a.body, context, test.status, test.body, test.context)
			}
			if kind := a.header.Get("Content-Type"); test.body != "" && kind != "application/json" {
				t.Errorf("%s: Content-Type %q", test.name, kind)
			}
			if test.status == 400 {
				refused++
			}
			c.posts("4" + test.name)
			p.wants(test.name)
		}
		for _, count := range r.engine.Stats().Refused {
			refused -= count
		}
		if refused != 0 {
			t.Errorf("%d refused requests were not counted", refused)
		}
	})
}

// TestRefused_upgrade sends bad upgrades: the answer is a bare 400 and never 101, and the connection is closed.
func TestRefused_upgrade(t *testing.T) {
	good := websocketRequest("?EIO=4&transport=websocket")
	with := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	cases := []struct{ name, request, body string }{
		{"unknown transport", with("transport=websocket", "transport=tobi"), "Transport unknown"},
		{"prototype", with("transport=websocket", "transport=__proto__"), "Transport unknown"},
		{"polling", with("transport=websocket", "transport=polling"), "Bad request"},
		{"unknown session", with("transport=websocket", "transport=websocket&sid=x"), "Session ID unknown"},
		{"revision 3", with("EIO=4", "EIO=3"), "Unsupported protocol version"},
		{"forbidden", with("EIO=4", "EIO=4&deny=1"), "not you"},
		{"foreign origin", with("\r\n\r\n", "\r\nOrigin: https://evil.example\r\n\r\n"), "Forbidden"},
		{"POST", with("GET", "POST"), "Bad handshake method"},
		{"h2c", with("Upgrade: websocket", "Upgrade: h2c"), "Invalid Upgrade header"},
		{"HTTP/1.0", with("HTTP/1.1", "HTTP/1.0"), "Invalid HTTP version"},
		{"no key", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), "Missing or invalid Sec-WebSocket-Key header"},
		{"short key", with("dGhlIHNhbXBsZSBub25jZQ==", "dGhl"), "Missing or invalid Sec-WebSocket-Key header"},
		{"bad key", with("dGhlIHNhbXBsZSBub25jZQ==", "dGhl*HNhbXBsZSBub25jZQ=="), "Missing or invalid Sec-WebSocket-Key header"},
		{"version 8", with("Version: 13", "Version: 8"), "Missing or invalid Sec-WebSocket-Version header"},
	}
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{
			server: &http.Server{ReadTimeout: n.patience},
			options: engineio.Options{AllowRequest: func(r *http.Request) error {
				if r.URL.Query().Get("deny") != "" {
					return errors.New("not you")
				}
				return nil
			}},
			wrap: func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Outer", "must not be seen")
					h.ServeHTTP(w, r)
				})
			},
		})
		for _, test := range cases {
			c := r.raw()
			c.write(test.request)
			head := ""
			for !strings.HasSuffix(head, "\r\n\r\n") {
				line, err := c.in.ReadString('\n')
				if head += line; err != nil {
					t.Fatalf("%s: after %q: %v", test.name, head, err)
				}
			}
			got, err := io.ReadAll(c.in)
			if string(got) != test.body || err != nil {
				t.Errorf("%s: body %q, %v; want %q", test.name, got, err, test.body)
			}
			lines := strings.Split(strings.TrimSpace(head), "\r\n")
			wanted := 4
			if test.name == "version 8" {
				wanted++ // says which version would do
			}
			if !strings.HasSuffix(lines[0], " 400 Bad Request") || len(lines) != wanted || !strings.Contains(head, "Connection: close") ||
				!strings.Contains(head, "Content-Type: text/html") || !strings.Contains(head, "Content-Length: ") {
				t.Errorf("%s: head %q", test.name, head)
			}
		}
		if got := r.engine.SessionCount(); got != 0 {
			t.Errorf("%d sessions", got)
		}
	})
}

// TestRefused_reset sends bad upgrades whose connection is reset at once.
func TestRefused_reset(t *testing.T) {
	r := start(t, tcp(t), setup{})
	r.poll()
	descriptors := func() int {
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return 0 // not on this platform
		}
		return len(open)
	}
	before := descriptors()
	for range 50 {
		c := r.raw()
		c.write(strings.Replace(websocketRequest("?EIO=4&transport=websocket"), "websocket\r\n", "h2c\r\n", 1))
		c.conn.(*net.TCPConn).SetLinger(0)
		c.conn.Close()
	}
	eventually(t, r.net.patience, "the connections to be closed", func() bool { return descriptors() <= before })
	r.poll()
}

// TestAllowRequest asks the application once for each session, and not for what follows in it.
func TestAllowRequest(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		asked := 0
		r := start(t, n, setup{options: engineio.Options{AllowRequest: func(r *http.Request) error {
			asked++
			if r.Header.Get("Authorization") == "" {
				return errors.New(`say "please"`)
			}
			return nil
		}}})
		a := r.do("GET", "?EIO=3&transport=polling", "") // before the revision is looked at
		if a.status != 403 || a.body != `{"code":4,"message":"say \"please\""}` {
			t.Errorf("%d %s", a.status, a.body)
		}
		a = r.do("GET", "?EIO=4&transport=polling", "", "Authorization: please")
		c := &poller{r, parseOpen(t, a.body), ""}
		c.query = "?EIO=4&transport=polling&sid=" + c.SID
		c.posts("4x")
		c.probe().says("5")
		r.peer().wants("x")
		if asked != 2 {
			t.Errorf("asked %d times", asked)
		}
	})
}

// TestRefused_headers sends headers that have brought other servers down.
func TestRefused_headers(t *testing.T) {
	cases := []struct {
		name, header string
		status       int
	}{
		{"extensions full of separators", "Sec-WebSocket-Extensions: " + strings.Repeat(";", 64<<10), 101},
		{"extension called constructor", "Sec-WebSocket-Extensions: constructor; __proto__", 101},
		{"subprotocol with many spaces", "Sec-WebSocket-Protocol: b" + strings.Repeat(" ", 32<<10) + "x", 101},
		{"subprotocol that is not ASCII", "Sec-WebSocket-Protocol: caf\xe9", 101},
		{"2,000 headers", strings.Repeat("X-Y: z\r\n", 2000) + "X-Y: z", 101},
		{"a megabyte of headers", "X-Y: " + strings.Repeat("z", 1<<20) + "z", 431},
	}
	r := start(t, tcp(t), setup{server: &http.Server{MaxHeaderBytes: 256 << 10}})
	for _, test := range cases {
		c := r.raw()
		go io.WriteString(c.conn, websocketRequest("?EIO=4&transport=websocket", test.header)) // the answer may come first
		if got := c.response().StatusCode; got != test.status {
			t.Errorf("%s: status %d, want %d", test.name, got, test.status)
		}
		c.conn.Close()
	}
	r.poll()
}
