package engineio_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/engineio"
)

// TestUnixSocket serves a listener that is not TCP: polling, and a websocket that takes the direct write.
func TestUnixSocket(t *testing.T) {
	address := filepath.Join(t.TempDir(), "parley.sock")
	l, err := net.Listen("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	dial := func() (net.Conn, error) { return net.Dial("unix", address) }
	r := start(t, &network{name: "unix", listener: l, dial: dial, patience: 10 * time.Second}, setup{message: echoes})
	c, p := r.poll()
	c.posts("4hello")
	p.wants("hello")
	c.gets("4hello")
	probe := c.probe()
	probe.says("2probe")
	probe.hears("3probe")
	probe.says("5", "4moved")
	probe.hears("4moved")
	socket, _ := r.websocket()
	socket.says("4hi")
	socket.hears("4hi")
}

// seqpacket is a network that keeps apart what is written apart.
func seqpacket(t testing.TB) *network {
	address := filepath.Join(t.TempDir(), "parley.sock")
	l, err := net.Listen("unixpacket", address)
	if err != nil {
		t.Skipf("this platform has no unixpacket: %v", err)
	}
	dial := func() (net.Conn, error) { return net.Dial("unixpacket", address) }
	return &network{name: "unixpacket", listener: l, dial: dial, patience: 10 * time.Second}
}

// quietEcho sends back what it receives.
type quietEcho struct{ session *engineio.Session }

func (e quietEcho) Message(data []byte, binary bool) {
	_ = e.session.Send(engineio.Message{Data: data, Binary: binary}) // to a session that may have ended
}

func (quietEcho) Close(engineio.Reason, error) {}

// TestHTTP2 polls over HTTP/2. Websockets come to the same server over HTTP/1.1, as browsers do it.
func TestHTTP2(t *testing.T) {
	engine, err := engineio.New(func(s *engineio.Session) engineio.Handler { return quietEcho{s} }, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(engine)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	defer engine.Shutdown(t.Context())

	request := func(method, query, body string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/engine.io/"+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		data, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != 200 || response.ProtoMajor != 2 {
			t.Fatalf("%s %s: %s %d %q, %v", method, query, response.Proto, response.StatusCode, data, err)
		}
		return string(data)
	}
	query := "?EIO=4&transport=polling"
	query += "&sid=" + parseOpen(t, request("GET", query, "")).SID
	held := make(chan string)
	go func() { held <- request("GET", query, "") }()
	if got := request("POST", query, "4hello"); got != "ok" {
		t.Errorf("POST: %q", got)
	}
	if got := <-held; got != "4hello" {
		t.Errorf("poll: %q", got)
	}
	if got := request("POST", query, "1"); got != "ok" {
		t.Errorf("POST: %q", got)
	}

	secure, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{
		InsecureSkipVerify: true, NextProtos: []string{"http/1.1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer secure.Close()
	io.WriteString(secure, websocketRequest("?EIO=4&transport=websocket"))
	response, err := http.ReadResponse(bufio.NewReader(secure), nil)
	if err != nil || response.StatusCode != 101 {
		t.Errorf("websocket: %v, %v", response, err)
	}
}
