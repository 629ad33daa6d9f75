package leak_test

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/internal/testing/leak"
	"github.com/parleyio/parley/socketio"
)

func TestMain(m *testing.M) {
	runtime.MemProfileRate = 1 // timers are counted exactly
	leak.Main(m)
}

// rig is a Socket.IO server behind net/http.
type rig struct {
	t     *testing.T
	addr  string
	conns leak.Conns
}

func setup(t *testing.T) *rig {
	t.Helper()
	io, err := socketio.New(&socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, addr: l.Addr().String()}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io)
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Handler: mux, ConnState: r.conns.Changed, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := io.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		server.Close()
		<-served
		r.until("all of Parley's goroutines to end", func() bool { return len(leak.Goroutines(leak.Library)) == 0 })
	})
	return r
}

// held is what the process holds, without the connections of net/http and the clients' ends.
type held struct{ goroutines, descriptors, timers int }

func (r *rig) held(clients int) held {
	r.t.Helper()
	open, ok := leak.Descriptors()
	if !ok {
		r.t.Skip("this system does not list descriptors")
	}
	return held{len(leak.WithoutIdleWorkers(leak.Goroutines(leak.Library))), open - r.conns.Open() - clients, int(leak.Live(leak.TimersOf(leak.Library)))}
}

// dial connects and sends a text. The client's end is closed with the test.
func (r *rig) dial(text string) *bufio.Reader {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	if _, err := conn.Write([]byte(text)); err != nil {
		r.t.Fatal(err)
	}
	return bufio.NewReader(conn)
}

// expect reads a line that begins so.
func (r *rig) expect(in *bufio.Reader, prefix string) {
	r.t.Helper()
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, prefix) {
		r.t.Fatalf("read %q, %v; want %q", line, err, prefix)
	}
}

// until waits for a state that nothing announces.
func (r *rig) until(what string, is func() bool) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("waited for %s:\n%s", what, leak.Text(leak.Goroutines(func(string) bool { return true })))
		}
	}
}

// TestHeld compares two moments of a server, with something in between that Parley holds or that net/http does.
func TestHeld(t *testing.T) {
	const request = " HTTP/1.1\r\nHost: x\r\n"
	t.Run("idle connection of net/http", func(t *testing.T) {
		r := setup(t)
		before := r.held(0)
		in := r.dial("GET /" + request + "\r\n")
		r.expect(in, "HTTP/1.1 200 ")
		if after := r.held(1); after != before || r.conns.Open() != 1 {
			t.Errorf("%+v before, %+v after, %d connections", before, after, r.conns.Open())
		}
	})
	t.Run("goroutine of net/http that waits for a request", func(t *testing.T) {
		r := setup(t)
		before := r.held(0)
		r.dial("GET /socket.io/?EIO=4&transport=polling" + request) // and no more
		serving := func(function string) bool { return function == "net/http.(*conn).serve" }
		r.until("net/http to read", func() bool { return len(leak.Goroutines(serving)) == 1 })
		if after := r.held(1); after != before {
			t.Errorf("%+v before, %+v after", before, after)
		}
	})
	t.Run("session", func(t *testing.T) {
		r := setup(t)
		before := r.held(0)
		in := r.dial("GET /socket.io/?EIO=4&transport=websocket" + request + "Connection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		r.expect(in, "HTTP/1.1 101 ")
		want := before
		want.goroutines++  // its reader
		want.descriptors++ // the duplicate that it reads
		var after held
		r.until("net/http to let go of the connection", func() bool {
			after = r.held(1)
			return after.goroutines == want.goroutines && after.descriptors == want.descriptors
		})
		if after.timers <= before.timers {
			t.Errorf("%d timers before, %d after: the heartbeat's is not counted", before.timers, after.timers)
		}
		found := leak.Text(leak.WithoutIdleWorkers(leak.Goroutines(leak.Library)))
		if !strings.Contains(found, "created by github.com/parleyio/parley/") {
			t.Errorf("the stacks do not say what made the goroutine:\n%s", found)
		}
	})
	t.Run("timer, descriptor and goroutine of a handler", func(t *testing.T) {
		r := setup(t)
		own := func(function string) bool { return strings.HasSuffix(function, "leak_test.leaky") }
		timers := leak.Live(leak.TimersOf(own))
		stop := leaky()
		if got := leak.Live(leak.TimersOf(own)) - timers; got != 1 {
			t.Errorf("%d timers, want 1", got)
		}
		if all := leak.Goroutines(own); len(all) != 1 {
			t.Errorf("%d goroutines, want 1:\n%s", len(all), leak.Text(all))
		}
		stop()
		r.until("the goroutine to end", func() bool { return len(leak.Goroutines(own)) == 0 })
		r.until("the timer to go", func() bool { return leak.Live(leak.TimersOf(own)) == timers })
	})
}

// leaky makes a timer and a goroutine, which stop ends.
func leaky() (stop func()) {
	timer := time.AfterFunc(time.Hour, func() {})
	end := make(chan struct{})
	go func() { <-end }()
	return func() { timer.Stop(); close(end) }
}

func TestWait(t *testing.T) {
	end := make(chan struct{})
	go func() { <-end }()
	if err := leak.Wait(0); err == nil || !strings.Contains(err.Error(), "TestWait") {
		t.Errorf("error = %v, want one that shows the goroutine of this test", err)
	}
	time.AfterFunc(time.Second, func() { close(end) }) // later than goleak alone would wait
	if err := leak.Wait(20 * time.Second); err != nil {
		t.Error(err)
	}
}

func TestLibrary(t *testing.T) {
	const parley = "github.com/parleyio/parley/"
	for function, want := range map[string]bool{
		parley + "engineio.(*Session).beat":          true,
		parley + "internal/memnet.(*Conn).Read":      true,
		parley + "backend/rest.New.func1":            true,
		parley + "engineio_test.setup":               false,
		parley + "conformance/security_test.TestS25": false,
		parley + "internal/testing/leak.Descriptors": false,
		parley + "cmd/parley.main":                   false,
		"net/http.(*conn).serve":                     false,
		"main.main":                                  false,
	} {
		if got := leak.Library(function); got != want {
			t.Errorf("Library(%q) = %t", function, got)
		}
	}
}

func TestGoroutine_IdleWorker(t *testing.T) {
	const worker = "github.com/parleyio/parley/socketio.(*workers).run"
	for name, c := range map[string]struct {
		state     string
		functions []string
		want      bool
	}{
		"idle":            {"select", []string{worker, worker}, true},
		"in a handler":    {"select", []string{"example.handle", worker, worker}, false},
		"waits in a send": {"chan send", []string{worker, worker}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (leak.Goroutine{State: c.state, Functions: c.functions}).IdleWorker(); got != c.want {
				t.Errorf("IdleWorker = %t, want %t", got, c.want)
			}
		})
	}
}
