package socketio_test

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/socketio"
)

// deflating opens a session that offers permessage-deflate and joins "/".
func (n *node) deflating(t *testing.T) *client {
	t.Helper()
	conn, err := n.dialer(t.Context(), "tcp", "parley.test:80")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	io.WriteString(conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: parley.test\r\nConnection: Upgrade\r\n"+
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+
		"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.Header.Get("Sec-WebSocket-Extensions") == "" {
		t.Fatal(err, response)
	}
	c := &client{t: t, conn: conn, reader: reader, writing: make(chan struct{}, 1)}
	c.readMessage() // the handshake
	c.send("40")
	c.sid = strings.Split(c.readMessage(), `"`)[3]
	return c
}

// readInflated reads a text message, and whether it came compressed.
func (c *client) readInflated() (text string, compressed bool) {
	c.t.Helper()
	h, err := ws.ReadHeader(c.reader)
	if err != nil {
		c.t.Fatal(err)
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(c.reader, payload); err != nil {
		c.t.Fatal(err)
	}
	if !h.Rsv1() {
		return string(payload), false
	}
	data, err := io.ReadAll(flate.NewReader(strings.NewReader(string(payload) + "\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(data), true
}

func TestCompress(t *testing.T) {
	large := strings.Repeat("hello ", 500)
	packet := `42["news","` + large + `"]`
	for name, tt := range map[string]struct {
		emit func(n *node, s *socketio.Socket) error
		want bool
	}{
		"Server.Emit":            {func(n *node, s *socketio.Socket) error { return n.Emit("news", large) }, true},
		"Server.Compress(true)":  {func(n *node, s *socketio.Socket) error { return n.Compress(true).Emit("news", large) }, true},
		"Server.Compress(false)": {func(n *node, s *socketio.Socket) error { return n.Compress(false).Emit("news", large) }, false},
		"Namespace":              {func(n *node, s *socketio.Socket) error { return n.Of("/").Compress(false).Emit("news", large) }, false},
		"a room":                 {func(n *node, s *socketio.Socket) error { return n.To(s.ID()).Compress(false).Emit("news", large) }, false},
		"the last word":          {func(n *node, s *socketio.Socket) error { return n.Compress(false).Compress(true).Emit("news", large) }, true},
		"volatile": {func(n *node, s *socketio.Socket) error {
			return n.Volatile().Compress(false).Emit("news", large)
		}, false},
		"Socket.Emit":            {func(n *node, s *socketio.Socket) error { return s.Emit("news", large) }, true},
		"Socket.Volatile":        {func(n *node, s *socketio.Socket) error { return s.Volatile().Emit("news", large) }, true},
		"Socket.Compress(true)":  {func(n *node, s *socketio.Socket) error { return s.Compress(true).Emit("news", large) }, true},
		"Socket.Compress(false)": {func(n *node, s *socketio.Socket) error { return s.Compress(false).Emit("news", large) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := serve(t, &socketio.Options{PerMessageDeflate: &engineio.Deflate{}})
				n.OnConnection(func(_ context.Context, s *socketio.Socket) error { return nil })
				c := n.deflating(t)
				synctest.Wait()
				if err := tt.emit(n, n.socket(t, c, "/")); err != nil {
					t.Fatal(err)
				}
				if got, compressed := c.readInflated(); got != packet || compressed != tt.want {
					t.Errorf("websocket: %.60q, compressed %v", got, compressed)
				}
				c.conn.Close()
				synctest.Wait()

				p := n.poll(t)
				id := p.join()
				synctest.Wait()
				if err := tt.emit(n, n.In(id).Sockets()[0]); name == "volatile" || name == "Socket.Volatile" {
					return // nobody polls: it is dropped
				} else if err != nil {
					t.Fatal(err)
				}
				r, err := http.NewRequest(http.MethodGet, p.url, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Accept-Encoding", "gzip") // set by hand, it is not undone by the client
				response, err := p.http.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				var body io.Reader = response.Body
				compressed := response.Header.Get("Content-Encoding") == "gzip"
				if compressed {
					if body, err = gzip.NewReader(body); err != nil {
						t.Fatal(err)
					}
				}
				if got, err := io.ReadAll(body); err != nil || string(got) != packet || compressed != tt.want {
					t.Errorf("polling: %.60q, %v, compressed %v", got, err, compressed)
				}
			})
		})
	}
}

// A closed socket's emitter says so.
func TestSocket_Compress_closed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		c := n.join(t)
		s := n.socket(t, c, "/")
		s.Disconnect(true)
		synctest.Wait()
		if err := s.Compress(false).Emit("news"); err != socketio.ErrClosed {
			t.Errorf("got %v", err)
		}
	})
}

// Middlewares of the engine see every request of clients, but not those of the bundles.
func TestServer_Engine(t *testing.T) {
	server := newServer(t, &socketio.Options{ClientFiles: bundles()})
	server.Engine().Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	for _, tt := range []struct {
		target, token string
		want          int
	}{
		{"/socket.io/?EIO=4&transport=polling", "", 401},
		{"/socket.io/?EIO=4&transport=polling", "x", 200},
		{"/socket.io/?EIO=4&transport=polling&sid=x", "", 401},
		{"/socket.io/socket.io.js", "", 200},
	} {
		if r := request(server, "GET", tt.target, "Authorization", tt.token); r.StatusCode != tt.want {
			t.Errorf("%s with %q: %d, want %d", tt.target, tt.token, r.StatusCode, tt.want)
		}
	}
	if stats := server.Engine().Stats(); server.Engine().SessionCount() != 1 || stats.Opened != 1 {
		t.Errorf("%+v", stats)
	}
	if err := server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}
