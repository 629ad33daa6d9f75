package load_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/testing/bench/load"
	"github.com/parleyio/parley/internal/testing/leak"
	"github.com/parleyio/parley/socketio"
)

func TestMain(m *testing.M) { leak.Main(m) }

// serve starts a server with the handlers of the profile "bench" of conformance/server.
func serve(t *testing.T, secure bool) *httptest.Server {
	t.Helper()
	io := handlers(t)
	return start(t, io, secure, io.Shutdown)
}

func handlers(t *testing.T) *socketio.Server {
	t.Helper()
	io, err := socketio.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	io.On("echo", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		return s.Emit("echo", m.Raws()...)
	})
	io.On("bc", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
		return io.Emit("bc", m.Raws()...)
	})
	io.On("ack", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
		return m.Ack(m.Raws()...)
	})
	io.On("join", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		var room string
		return errors.Join(m.Scan(&room), s.Join(room), m.Ack())
	})
	io.On("room", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
		var room string
		return errors.Join(m.Scan(&room), io.To(room).Emit("room", m.Raw(1)))
	})
	return io
}

func start(t *testing.T, h http.Handler, secure bool, shutdown func(context.Context) error) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() {
		if err := shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		s.Close()
	})
	return s
}

// brief is a run that takes a moment.
func brief(url, mode string) load.Config {
	return load.Config{
		URL: url, Mode: mode, Clients: 20, Window: 3, Size: 40, Rooms: 4, Rate: 100, Insecure: true, PID: pid(),
		Duration: 100 * time.Millisecond, Warmup: 10 * time.Millisecond, Settle: 10 * time.Millisecond, Timeout: time.Minute,
	}
}

// pid is this process, which has the server in it, where processes can be read.
func pid() int {
	if runtime.GOOS != "linux" {
		return 0
	}
	return os.Getpid()
}

func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		secure   bool
		portable bool
	}{
		"the system's own network": {}, "goroutines": {portable: true}, "TLS": {secure: true},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, c.secure)
			for _, mode := range load.Modes {
				t.Run(mode, func(t *testing.T) {
					config := brief(server.URL, mode)
					if c.portable {
						load.Portable(&config)
					}
					result, err := load.Run(t.Context(), config)
					if err != nil {
						t.Fatal(err)
					}
					checkResult(t, result)
				})
			}
		})
	}
}

// checkResult checks what does not depend on how fast the machine is.
func checkResult(t *testing.T, r *load.Result) {
	t.Helper()
	if r.Clients != 20 || r.Count == 0 || r.Rate <= 0 || r.Seconds <= 0 || r.Unit == "" || r.Refused+r.Lost > 0 || r.Note != "" {
		t.Errorf("got %+v", r)
	}
	if r.Busy < 0 || r.Busy > 1.01 {
		t.Errorf("the generator is busy for %v of the time", r.Busy)
	}
	if pid() != 0 && r.RSS == 0 {
		t.Error("the server's memory is not read")
	}
	switch r.Mode {
	case "connect", "idle", "storm":
		if r.Count != r.Clients || r.P50 != 0 {
			t.Errorf("got %d connections of %d, p50 %v", r.Count, r.Clients, r.P50)
		}
	default:
		if r.P50 <= 0 || r.P50 > r.P99 || r.P99 > r.P999 || r.Size != 40 {
			t.Errorf("latencies are %v, %v and %v, the size %d", r.P50, r.P99, r.P999, r.Size)
		}
	}
	if r.Mode == "slow" && r.P99Before <= 0 {
		t.Error("there is no latency without slow clients")
	}
	if r.Mode == "rooms" && r.Rooms != 4 {
		t.Errorf("there are %d rooms", r.Rooms)
	}
}

// TestRun_talkative meets a server that says what nobody has asked for, to who connects and after each event.
func TestRun_talkative(t *testing.T) {
	io := handlers(t)
	io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		return errors.Join(s.Emit("welcome", "you"), s.Emit("echo", "unasked"), s.Emit("bc", "000000unasked"))
	})
	var events atomic.Int64
	io.OnAny(func(_ context.Context, s *socketio.Socket, _ *event.Message) error {
		events.Add(1)
		return s.Emit("heard")
	})
	server := start(t, io, false, io.Shutdown)
	for _, mode := range load.Modes {
		t.Run(mode, func(t *testing.T) {
			events.Store(0)
			result, err := load.Run(t.Context(), brief(server.URL, mode))
			if err != nil {
				t.Fatal(err)
			}
			checkResult(t, result)
			if (mode == "echo" || mode == "ack" || mode == "polling") && result.Count > int(events.Load()) {
				t.Errorf("%d answers to %d events", result.Count, events.Load())
			}
		})
	}
}

// TestRun_slow asks the server whether what is sent to the slow clients has to wait.
func TestRun_slow(t *testing.T) {
	io := handlers(t)
	var waits atomic.Bool
	io.OnAny(func(context.Context, *socketio.Socket, *event.Message) error {
		before := io.Stats().Engine.VolatileDropped
		err := io.Volatile().Emit("volatile")
		if io.Stats().Engine.VolatileDropped == before+2 { // a tenth of the clients
			waits.Store(true)
		}
		return err
	})
	if _, err := load.Run(t.Context(), brief(start(t, io, false, io.Shutdown).URL, "slow")); err != nil {
		t.Fatal(err)
	}
	if !waits.Load() {
		t.Error("there was always room for the slow clients")
	}
}

// TestRun_deliveries counts at the server what the generator says that it has measured.
func TestRun_deliveries(t *testing.T) {
	var messages atomic.Int64
	io, err := socketio.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	io.On("bc", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
		messages.Add(1)
		return io.Emit("bc", m.Raws()...)
	})
	config := brief(start(t, io, false, io.Shutdown).URL, "broadcast")
	config.Warmup = time.Nanosecond
	result, err := load.Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	// Those of the beginning and of the end are not measured.
	if most := int(messages.Load()) * config.Clients; result.Count > most || result.Count < most/2-2*config.Window*config.Clients {
		t.Errorf("%d deliveries are measured of %d", result.Count, most)
	}
}

func TestRun_errors(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	elsewhere := start(t, http.NotFoundHandler(), false, func(context.Context) error { return nil })
	refusing, err := socketio.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	refusing.Use(func(context.Context, *socketio.Socket) error { return errors.New("not today") })
	strict := start(t, refusing, false, refusing.Shutdown)
	secure := serve(t, true)
	other, err := socketio.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	deaf := start(t, other, false, other.Shutdown)

	for name, c := range map[string]struct {
		url, mode string
		change    func(*load.Config)
		want      string
	}{
		"no server":               {closed.URL, "echo", nil, "refused"},
		"no server, polling":      {closed.URL, "polling", nil, "refused"},
		"no server, goroutines":   {closed.URL, "echo", load.Portable, "refused"},
		"another server":          {elsewhere.URL, "echo", nil, "got status 404"},
		"another server, polling": {elsewhere.URL, "polling", nil, "got status 404"},
		"a namespace that refuses": {strict.URL, "echo", nil,
			"refuses clients: the server closed the namespace: 44"},
		"a certificate of nobody": {secure.URL, "echo", func(c *load.Config) { c.Insecure, c.Clients = false, 2 }, "certificate"},
		"plain to TLS":            {strings.Replace(secure.URL, "https", "http", 1), "echo", nil, "refuses clients"},
		"no such process":         {closed.URL, "echo", func(c *load.Config) { c.PID = 1 << 30 }, "CPU time"},
		"wrong URL":               {"localhost:3000", "echo", nil, "http://"},
		"no handler":              {deaf.URL, "echo", func(c *load.Config) { c.Timeout = 2 * time.Second }, "no answer"},
		"unknown mode":            {closed.URL, "dance", nil, "unknown mode"},
		"negative":                {closed.URL, "echo", func(c *load.Config) { c.Window = -1 }, "window is negative"},
		"more rooms than clients": {closed.URL, "rooms", func(c *load.Config) { c.Rooms = 21 }, "more rooms"},
		"too few for slow":        {closed.URL, "slow", func(c *load.Config) { c.Clients = 9 }, "at least 10"},
		"too much outstanding":    {closed.URL, "echo", func(c *load.Config) { c.Window = 1_000_001 }, "at most"},
	} {
		t.Run(name, func(t *testing.T) {
			config := brief(c.url, c.mode)
			if c.change != nil {
				c.change(&config)
			}
			result, err := load.Run(t.Context(), config)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, error %v", result, err)
			}
		})
	}
}

// TestRun_silence meets a server that accepts connections and says nothing.
func TestRun_silence(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // the backlog accepts
	for name, c := range map[string]struct {
		url    string
		change func(*load.Config)
	}{
		"own network": {"http://", func(*load.Config) {}}, "goroutines": {"http://", load.Portable}, "TLS": {"https://", func(*load.Config) {}},
	} {
		t.Run(name, func(t *testing.T) {
			config := brief(c.url+listener.Addr().String(), "connect")
			c.change(&config)
			t.Run("cancelled", func(t *testing.T) {
				cause, cancel := context.WithCancel(t.Context())
				config := config
				time.AfterFunc(20*time.Millisecond, cancel)
				if _, err := load.Run(cause, config); !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
			})
			t.Run("too long", func(t *testing.T) {
				config := config
				config.Timeout = 20 * time.Millisecond
				if _, err := load.Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "load: timeout") {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// TestRun_lost loses its server in the middle.
func TestRun_lost(t *testing.T) {
	for name, change := range map[string]func(*load.Config){"own network": func(*load.Config) {}, "goroutines": load.Portable} {
		t.Run(name, func(t *testing.T) {
			io, err := socketio.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			var messages atomic.Int64
			io.On("bc", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
				if messages.Add(1) == 5 {
					s.Disconnect(true)
				}
				return io.Emit("bc", m.Raws()...)
			})
			config := brief(start(t, io, false, io.Shutdown).URL, "broadcast")
			config.Duration = time.Minute
			change(&config)
			if result, err := load.Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "client 0 was lost") {
				t.Errorf("got %+v, error %v", result, err)
			}
		})
	}
}

func TestResult_WriteTable(t *testing.T) {
	r := &load.Result{
		Mode: "slow", Clients: 20, Window: 2, Size: 64, Rooms: 4, Seconds: 2, Count: 1000, Unit: "deliveries", Rate: 500,
		P50: 100, P99: 3000, P999: 4000, P99Before: 2000, ServerCPU: 3.25, ServerBusy: 0.5, RSS: 20e6, RSSPerClient: 5000,
		Busy: 0.96, Starved: 0.02, Refused: 1, Lost: 2, Note: "noted",
	}
	var b bytes.Buffer
	if err := r.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"20 clients, window 2, 64 bytes, 4 rooms", "1000 deliveries in 2.00 s", "500 deliveries/s", "p50 100µs, p99 3ms, p99.9 4ms",
		"2ms (now 1.50x)", "3.25 us each, 50% of a core", "20.0 MB, 5000 bytes", "96% busy, 2% without a core", "fewer clients",
		"1 refused, 2 lost", "noted",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	for _, c := range []struct {
		busy, starved, machine float64
		limited                bool
		want                   string
	}{
		{0.94, 0, 0.94, false, "94% busy"}, {0.5, 0.46, 0.5, true, "something else uses the cores"},
		{0.5, 0, 0.96, true, "used all cores"}, {0.96, 0, 0.96, true, "fewer clients"},
	} {
		r.Busy, r.Starved, r.MachineBusy, b = c.busy, c.starved, c.machine, bytes.Buffer{}
		if err := r.WriteTable(&b); err != nil || !strings.Contains(b.String(), c.want) || r.GeneratorLimited() != c.limited {
			t.Errorf("no %q, or the limit is %v\n%s", c.want, !c.limited, b.String())
		}
	}
}
