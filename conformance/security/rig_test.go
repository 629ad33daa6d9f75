package security_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/testing/leak"
	"github.com/parleyio/parley/socketio"
)

// patience is how long a test waits for something that must happen. It only decides how long a failure takes.
const patience = 20 * time.Second

// pause waits a moment between two checks of a state.
func pause() { <-time.After(5 * time.Millisecond) }

// setup changes what start makes.
type setup struct {
	options socketio.Options
	http    func(*http.Server)                     // changes the HTTP server
	around  func(io *socketio.Server) http.Handler // returns the handler in place of the server
	before  func(*socketio.Server)                 // registers handlers
	kept    int64                                  // bytes of received data that the application may keep
	files   int                                    // descriptors that the application may open
}

// rig is a real server on a TCP port, with two canaries: clients on a websocket and on polling that the server must answer
// during every attack.
type rig struct {
	t    *testing.T
	io   *socketio.Server
	addr string
	held leak.Conns // connections that net/http holds

	websocket, polling *client // the canaries
	turn               int
	base               footprint

	mu    sync.Mutex // guards the fields below
	conns []net.Conn // of attackers
	polls []string   // the ids of attackers' sessions on polling
}

// start runs a server until the test ends. Then the canaries must be answered, and the footprint must be as before.
func start(t *testing.T, s setup) *rig {
	t.Helper()
	r := &rig{t: t}
	if s.options.Logger == nil {
		s.options.Logger = slog.New(slog.DiscardHandler)
	}
	io, err := socketio.New(&s.options)
	if err != nil {
		t.Fatal(err)
	}
	r.io = io
	event.OnWithAck(io, echo, func(_ context.Context, _ *socketio.Socket, n int) (int, error) { return n, nil })
	if s.before != nil {
		s.before(io)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	complaints := &logBuffer{} // of net/http: recovered panics, answers that were begun twice
	server := &http.Server{
		Handler:           io,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ConnState:         r.held.Changed,
		ErrorLog:          log.New(complaints, "", 0),
	}
	if s.around != nil {
		server.Handler = s.around(io)
	}
	if s.http != nil {
		s.http(server)
	}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(l) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		r.closeAttackers()
		r.sessions(0)
		if err := io.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		server.Close()
		serving.Wait()
		if stats := io.Stats(); stats.Panics+stats.Engine.Panics+stats.HandlerPanics != 0 || stats.Engine.Sessions != 0 {
			t.Errorf("there were panics, or sessions are left: %+v", stats)
		}
		if said := complaints.String(); said != "" {
			t.Errorf("net/http logged:\n%s", said)
		}
	})
	r.websocket, r.polling = r.connect(engineio.WebSocket), r.connect(engineio.Polling)
	canaries := r.conns
	r.conns, r.polls = nil, nil
	r.checkCanaries()
	r.base = r.baseline()
	r.base.heap += s.kept
	r.base.descriptors += s.files
	t.Cleanup(func() {
		r.checkCanaries()
		r.closeAttackers()
		r.sessions(2)
		r.settles(r.base)
		r.conns, r.polls = canaries, []string{r.polling.sid}
	})
	return r
}

// echo is the event of the canaries.
const echo = event.WithAck[int, int]("echo")

// checkCanaries checks that the server answers the canaries.
func (r *rig) checkCanaries() {
	r.t.Helper()
	for _, c := range []*client{r.websocket, r.polling} {
		r.turn++
		c.send(fmt.Sprintf(`2%d["echo",%d]`, r.turn, r.turn))
		got, want := c.receive(), fmt.Sprintf(`3%d[%d]`, r.turn, r.turn)
		for strings.HasPrefix(got, "2") { // a broadcast
			got = c.receive()
		}
		if got != want {
			r.t.Errorf("the canary on %s got %.200q, want %q", c.transport, got, want)
		}
	}
}

// closeAttackers closes the attackers' connections. It also ends their sessions on polling, which would otherwise end at
// the ping timeout.
func (r *rig) closeAttackers() {
	r.mu.Lock()
	conns, polls := r.conns, r.polls
	r.conns, r.polls = nil, nil
	r.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
	for _, sid := range polls {
		r.request("POST", polling+"&sid="+sid, "1") // 400 if the session has ended already
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = nil
}

// sessions waits until the server has this number of sessions.
func (r *rig) sessions(want int) {
	r.t.Helper()
	r.until(fmt.Sprintf("%d sessions", want), func() bool { return r.io.Engine().SessionCount() == want })
}

// until waits until a condition is true. Use it where no event reports the state.
func (r *rig) until(what string, is func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); !is(); pause() {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// closes runs an attack and checks that it ends exactly one session, for the given reason.
func (r *rig) closes(reason engineio.Reason, attack func()) {
	r.t.Helper()
	before := r.io.Stats().Engine.Closed
	attack()
	r.until("a session to end by "+string(reason), func() bool {
		return r.io.Stats().Engine.Closed[reason] > before[reason]
	})
	for other, n := range r.io.Stats().Engine.Closed {
		if want := before[other]; other == reason && n != want+1 || other != reason && n != want {
			r.t.Errorf("%d sessions have ended for the reason %q, want %d", n-want, other, map[bool]int{true: 1}[other == reason])
		}
	}
}

// logBuffer keeps what the server logs.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// String returns all of it.
func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// lacks checks that the log does not contain the secrets.
func (l *logBuffer) lacks(t testing.TB, secrets ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, secret := range secrets {
		if at := strings.Index(l.text.String(), secret); at >= 0 {
			t.Errorf("%q was logged: %.300s", secret, l.text.String()[max(at-100, 0):])
		}
	}
}

// eachTransport runs a subtest for each transport.
func eachTransport(t *testing.T, test func(t *testing.T, transport engineio.Transport)) {
	for _, transport := range []engineio.Transport{engineio.WebSocket, engineio.Polling} {
		t.Run(string(transport), func(t *testing.T) { test(t, transport) })
	}
}

// ends runs an attack that ends one session, and returns the reason.
func (r *rig) ends(attack func()) (reason engineio.Reason) {
	r.t.Helper()
	before := r.io.Stats().Engine.Closed
	attack()
	r.until("a session to end", func() bool {
		for got, n := range r.io.Stats().Engine.Closed {
			if n > before[got] {
				reason = got
			}
		}
		return reason != ""
	})
	return reason
}
