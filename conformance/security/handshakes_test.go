package security_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/socketio"
)

// CVE-2022-41940: after a client has reset its connection, at or before the refusal of its upgrade, the server keeps nothing.
func TestS7_reset_after_a_refused_upgrade(t *testing.T) {
	r := start(t, setup{})
	websocketTo := func(upgrade string) string {
		return head("GET", websocket, "Connection: Upgrade", "Upgrade: "+upgrade, "Sec-WebSocket-Version: 13",
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
	}
	for _, request := range []string{
		websocketTo("h2c"), websocketTo(""), websocketTo("websocket2"),
		head("GET", websocket, "Connection: Upgrade", "Upgrade: websocket"),
		head("GET", websocket+"&sid=unknown", upgradeHeaders...),
		head("GET", strings.Replace(websocket, "EIO=4", "EIO=3", 1), upgradeHeaders...),
		head("GET", websocket, upgradeHeaders...), // this one is accepted
		head("POST", polling, "Content-Length: 100000"),
		upgrade(websocket)[:60],
	} {
		for _, read := range []bool{true, false} {
			for range 5 {
				w := r.dial()
				w.send(request)
				if read {
					w.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // some are not answered
					w.in.ReadByte()
				}
				w.Conn.(*net.TCPConn).SetLinger(0)
				w.Close()
			}
		}
	}
	r.request("GET", websocket, "", "Connection: Upgrade", "Upgrade: h2c").is(t, "400 Invalid Upgrade header")
}

// CVE-2023-31125: the name of a transport is looked up only in a list of transports.
func TestS8_unknown_transport(t *testing.T) {
	r := start(t, setup{})
	for _, transport := range []string{"__proto__", "constructor", "toString", "", "websocket2", "webtransport", "POLLING", "polling%00", "0"} {
		for _, target := range []string{
			"/socket.io/?EIO=4&transport=" + transport,
			"/socket.io/?transport=" + transport + "&EIO=4&sid=" + r.polling.sid,
			"/socket.io/?EIO=4&transport=polling&transport=" + transport, // the last one counts
		} {
			r.request("GET", target, "").is(t, `400 {"code":0,"message":"Transport unknown"}`)
			r.request("POST", target, "40").is(t, `400 {"code":0,"message":"Transport unknown"}`)
			a := r.request("GET", target, "", upgradeHeaders...)
			a.is(t, "400 Transport unknown")
			if !a.closes {
				t.Error("the connection is kept")
			}
		}
	}
	r.request("GET", "/socket.io/", "").is(t, `400 {"code":0,"message":"Transport unknown"}`)
	r.request("GET", "/socket.io/?EIO=4&transport=%zz", "").is(t, `400 {"code":0,"message":"Transport unknown"}`)
	a := r.request("GET", "/socket.io/?EIO=4&transport=__proto__&transport=polling", "")
	if a.status != 200 {
		t.Fatal(a)
	}
	r.polls = append(r.polls, sidOf(t, a.body))
}

// quickly runs f and limits its time. A linear parser needs much less; a quadratic one needs minutes.
func quickly(t testing.TB, f func()) {
	t.Helper()
	began := time.Now()
	f()
	if took := time.Since(began); took > patience/2 {
		t.Errorf("took %v", took)
	}
}

// large is almost the largest size of headers that the HTTP server accepts by default.
const large = 900_000

// GHSA-5v72-xg48-5rpm: unknown extensions are not accepted, whatever their name and length.
func TestS14_extensions(t *testing.T) {
	for _, opts := range []socketio.Options{{}, {PerMessageDeflate: &engineio.Deflate{}}} {
		r := start(t, setup{options: opts})
		for _, extensions := range []string{
			"constructor", "__proto__", "permessage-deflate; __proto__", "permessage-deflate; constructor=1", `permessage-deflate; x="`,
			strings.Repeat(";", 64<<10), strings.Repeat(",", 64<<10), strings.Repeat(";", large), strings.Repeat("a,", large/2),
			"permessage-deflate" + strings.Repeat("; a=1", large/5), strings.Repeat("permessage-deflate; client_no_context_takeover, ", large/48),
			`permessage-deflate; a="` + strings.Repeat(`\`, large) + `"`, strings.Repeat(`"`, large), "permessage-deflate;" + strings.Repeat(" ", large) + "x",
			"\xff\xfe", "permessage-deflate; client_max_window_bits=999999999999999999999",
		} {
			quickly(t, func() {
				w := r.dial()
				w.send(upgrade(websocket, "Sec-WebSocket-Extensions: "+extensions))
				a, err := w.answer()
				taken := a.header.Get("Sec-WebSocket-Extensions")
				switch {
				case err != nil || a.status != 101 && a.status != 400:
					t.Errorf("%.50q: %v %v", extensions, a, err)
				case taken != "" && (opts.PerMessageDeflate == nil || !strings.Contains(extensions, "client_no_context_takeover")):
					t.Errorf("%.50q: took %q", extensions, taken)
				}
				w.Close()
			})
		}
	}
}

// CVE-2021-32640: the same for subprotocols.
func TestS15_subprotocols(t *testing.T) {
	r := start(t, setup{})
	for _, protocols := range []string{
		"b" + strings.Repeat(" ", 32<<10) + "x", "b" + strings.Repeat(" ", large) + "x", strings.Repeat(",", large), strings.Repeat("a,", large/2),
		"a, a, a", "\xff\xfe", "é", "a\x7f", "a b", `"a"`, "a;b", "[]{}()", "a,,b", "", "\t",
	} {
		quickly(t, func() {
			w := r.dial()
			w.send(upgrade(websocket, "Sec-WebSocket-Protocol: "+protocols))
			a, err := w.answer()
			taken := a.header["Sec-Websocket-Protocol"]
			if err != nil || a.status != 101 && a.status != 400 {
				t.Errorf("%.50q: %v %v", protocols, a, err)
			}
			if len(taken) > 1 || len(taken) == 1 && (taken[0] == "" || strings.ContainsAny(taken[0], " ,\"\r\n\x7f")) {
				t.Errorf("%.50q: took %.50q", protocols, taken)
			}
			w.Close()
		})
	}
}

// CVE-2024-37890: a request with too many bytes of headers is refused; below the limit the server sees every header.
func TestS16_many_headers(t *testing.T) {
	many := make([]string, 2_000)
	for i := range many {
		many[i] = fmt.Sprintf("X-%d: %d", i, i)
	}
	t.Run("beyond the bound", func(t *testing.T) { // the limit of parley serve
		r := start(t, setup{http: func(s *http.Server) { s.MaxHeaderBytes = 16 << 10 }})
		for _, headers := range [][]string{many, {"X: " + strings.Repeat("x", 32<<10)}, {"Cookie: " + strings.Repeat("a=b; ", 8<<10)}} {
			for _, target := range []string{websocket, polling, websocket + "&sid=" + r.polling.sid} {
				a := r.request("GET", target, "", append(headers, upgradeHeaders...)...)
				if a.status != 431 {
					t.Errorf("%v", a)
				}
			}
		}
		if a := r.request("GET", polling+"&x="+strings.Repeat("x", 32<<10), ""); a.status != 431 && a.status != 414 {
			t.Errorf("%v", a)
		}
	})
	t.Run("below it", func(t *testing.T) {
		r := start(t, setup{})
		for range 3 {
			r.upgrades(websocket, many...).Close()
		}
		r.request("GET", websocket, "", append(many, "Connection: Upgrade", "Upgrade: websocket")...).is(t,
			"400 Missing or invalid Sec-WebSocket-Key header")
	})
}

// engine.io 6.6.7: a binary body of a client of revision 4 is answered at once.
func TestS21_binary_body(t *testing.T) {
	r := start(t, setup{})
	for range 20 {
		c := r.connect(engineio.Polling)
		r.closes(engineio.TransportError, func() {
			w := r.dial()
			w.send(head("POST", polling+"&sid="+c.sid, "Content-Type: application/octet-stream", "Content-Length: 1000") + "\x00") // the rest of the body does not follow
			quickly(t, func() {
				if a, err := w.answer(); err != nil || a.status != 400 || !a.closes {
					t.Errorf("%v %v", a, err)
				}
			})
			c.expectClosed(0)
		})
	}
}

// Request smuggling with an upgrade that a proxy believes to be accepted. A refusal never has the status 101 and closes the
// connection, and the server does not read the bytes after it as a request.
func TestA25_smuggling(t *testing.T) {
	r := start(t, setup{})
	smuggled := head("POST", polling+"&sid="+r.polling.sid, "Content-Length: 2") + "41"
	for name, request := range map[string]string{
		"no key":            head("GET", websocket, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
		"a short key":       head("GET", websocket, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x"),
		"another version":   head("GET", websocket, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 777", upgradeHeaders[3]),
		"another protocol":  head("GET", websocket, "Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"),
		"an unknown sid":    upgrade(websocket + "&sid=unknown"),
		"a foreign page":    upgrade(websocket, "Origin: https://evil.test"),
		"polling":           upgrade(polling),
		"a wrong transport": upgrade("/socket.io/?EIO=4&transport=x"),
		"a POST":            head("POST", websocket, append([]string{"Content-Length: 0"}, upgradeHeaders...)...),
		"an old client":     upgrade("/socket.io/?EIO=3&transport=websocket"),
	} {
		w := r.dial()
		w.send(request + smuggled)
		a, err := w.answer()
		if err != nil || a.status != 400 || !a.closes {
			t.Errorf("%s: %v %v", name, a, err)
		}
		if second, err := w.answer(); err == nil {
			t.Errorf("%s: a second answer: %v", name, second)
		}
		w.Close()
	}
	// A request with two lengths is refused.
	for _, headers := range [][]string{
		{"Content-Length: 2", "Content-Length: 3"}, {"Content-Length: +2"}, {"Transfer-Encoding: chunked, identity"},
	} {
		w := r.dial()
		w.send(head("POST", polling+"&sid="+r.polling.sid, headers...) + "41")
		if a, err := w.answer(); err != nil || a.status < 400 {
			t.Errorf("%q: %v %v", headers, a, err)
		}
	}
	w := r.upgrades(websocket + "&x=1") // accepted: the following bytes are frames and not a request
	w.frame()
	r.closes(engineio.TransportError, func() {
		w.send(smuggled)
		if got := w.code(); got != 1002 {
			t.Errorf("closed with %d", got)
		}
	})
}

// The bundles are eight names in a table. A path of a request is never used to open a file.
func TestA14_path_traversal(t *testing.T) {
	const secret = "a secret"
	files := fstest.MapFS{}
	for _, name := range []string{
		"secret", "etc/passwd", "socket.io.js", "socket.io.min.js", ".env", "socket.io.js.map", "other.js.map", "sub/socket.io.js",
	} {
		files[name] = &fstest.MapFile{Data: []byte(secret)}
	}
	files["socket.io.js"].Data = []byte("the client")
	r := start(t, setup{
		options: socketio.Options{ClientFiles: files},
		around: func(io *socketio.Server) http.Handler { // a mux would clean the path
			return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { io.ServeHTTP(w, q) })
		},
	})
	for _, path := range []string{
		"/socket.io/../../etc/passwd", "/socket.io/..%2f..%2fetc%2fpasswd", "/socket.io/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/socket.io/secret",
		"/socket.io/.env", "/socket.io/other.js.map", "/socket.io/%00", "/socket.io/secret%00socket.io.js", "/socket.io/socket.io.js%00",
		"/socket.io/socket.io.js/../secret", `/socket.io/..\..\etc\passwd`, "/socket.io/....//etc/passwd", "/socket.io/socket.io.js/",
		"/etc/passwd", "//etc/passwd", "/socket.io/socket.io.js;x", "/socket.io/Socket.IO.js",
	} {
		a := r.request("GET", path, "")
		if a.status == 200 || strings.Contains(a.body, secret) {
			t.Errorf("%s: %v", path, a)
		}
	}
	for _, path := range []string{"/socket.io/socket.io.js", "/socket.io/sub/socket.io.js", "/socket.io/../socket.io.js"} {
		r.request("GET", path, "").is(t, "200 the client") // only the last segment matters
	}
}
