package fasthttpio_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"

	"github.com/parleyio/parley/fasthttpio"
	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/internal/testing/leak"
)

func TestMain(m *testing.M) {
	(&fasthttp.Response{}).Write(bufio.NewWriter(io.Discard)) // starts fasthttp's clock, outside of tests with one of their own
	leak.Main(m, goleak.IgnoreCurrent())                      // it never ends
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// short is longer than what must happen before it takes on a busy machine, mostly.
const short = 100 * time.Millisecond

// rig is a fasthttp server with a handler.
type rig struct {
	t    *testing.T
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	http *http.Client
	log  *lockedBuffer
}

type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

// network starts servers on one kind of network.
type network func(t *testing.T, h http.HandlerFunc, settings ...func(*fasthttp.Server)) *rig

// eachNetwork runs a test over TCP, over TLS, and in memory with a clock of its own.
func eachNetwork(t *testing.T, test func(t *testing.T, start network)) {
	t.Run("tcp", func(t *testing.T) { test(t, start) })
	t.Run("tls", func(t *testing.T) { test(t, startTLS) })
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, startMemory) })
	})
}

// start serves a handler over TCP, and stops when the test ends. Before it may change the server, and comes before the
// handler if it is not nil.
func start(t *testing.T, h http.HandlerFunc, settings ...func(*fasthttp.Server)) *rig {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, h, l, func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	}, settings...)
}

// startTLS is start over TLS.
func startTLS(t *testing.T, h http.HandlerFunc, settings ...func(*fasthttp.Server)) *rig {
	t.Helper()
	lender := httptest.NewUnstartedServer(nil) // of a certificate, and of a client that trusts it
	lender.StartTLS()
	lender.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", lender.TLS)
	if err != nil {
		t.Fatal(err)
	}
	trusting := lender.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	trusting.ServerName = "example.com"
	return serve(t, h, l, func(ctx context.Context, _, _ string) (net.Conn, error) {
		dialer := &tls.Dialer{Config: trusting}
		return dialer.DialContext(ctx, "tcp", l.Addr().String())
	}, settings...)
}

// startMemory is start on a network in memory, for a test that has a clock of its own.
func startMemory(t *testing.T, h http.HandlerFunc, settings ...func(*fasthttp.Server)) *rig {
	t.Helper()
	t.Cleanup(func() { time.Sleep(time.Minute) }) // a goroutine of fasthttp sleeps before it ends
	l := memnet.Listen()
	return serve(t, h, l, l.DialContext, settings...)
}

func serve(t *testing.T, h http.HandlerFunc, l net.Listener, dial func(ctx context.Context, network, addr string) (net.Conn, error),
	settings ...func(*fasthttp.Server)) *rig {
	t.Helper()
	r := &rig{t: t, dial: dial, log: &lockedBuffer{}}
	server := &fasthttp.Server{StreamRequestBody: true, Logger: quiet{}}
	server.Handler = fasthttpio.Handler(h, &fasthttpio.Options{Logger: slog.New(slog.NewTextHandler(r.log, nil))})
	for _, set := range settings {
		set(server)
	}
	served := make(chan error)
	go func() { served <- server.Serve(l) }()
	transport := &http.Transport{DialContext: dial}
	r.http = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.ShutdownWithContext(ctx); err != nil {
			t.Errorf("shutdown: %v, %d connections are open", err, server.GetOpenConnectionsCount())
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return r
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

// logs waits for a line of the log.
func (r *rig) logs(text string) {
	r.t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(r.log.String(), text); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("the log has no %q: %s", text, r.log)
		}
	}
}

// conn opens a connection that is closed when the test ends.
func (r *rig) conn() *conn {
	r.t.Helper()
	c, err := r.dial(r.t.Context(), "tcp", "parley.test:80")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return &conn{Conn: c, t: r.t, in: bufio.NewReader(c)}
}

// conn is a client's end of a connection.
type conn struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

// say writes text.
func (c *conn) say(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.Conn, format, args...); err != nil {
		c.t.Error(err)
	}
}

// get asks for a path.
func (c *conn) get(path string) {
	c.t.Helper()
	c.say("GET %s HTTP/1.1\r\nHost: parley.test\r\n\r\n", path)
}

// answer reads an answer's head.
func (c *conn) answer() *http.Response {
	c.t.Helper()
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	return response
}

// answers reads an answer, which must be this.
func (c *conn) answers(status int, body string) *http.Response {
	c.t.Helper()
	response := c.answer()
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status || string(got) != body {
		c.t.Fatalf("answered with %d %.100q, %v; want %d %.100q", response.StatusCode, got, err, status, body)
	}
	return response
}

// ends checks that the server closes the connection, and sends nothing before.
func (c *conn) ends() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.in); len(rest) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
		c.t.Errorf("behind the end: %.100q, %v", rest, err)
	}
}

// receive takes what comes from a channel.
func receive[T any](t *testing.T, what string, from <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(patience):
		t.Fatalf("no %s", what)
	}
	return value
}
