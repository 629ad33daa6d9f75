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

// patience is how long a test waits for what must come. It only decides how long a failure takes.
const patience = 20 * time.Second

// pause is one turn of waiting for a state that nothing announces.
func pause() { <-time.After(5 * time.Millisecond) }

// setup changes what start makes.
type setup struct {
	options socketio.Options
	http    func(*http.Server)                     // changes the HTTP server
	around  func(io *socketio.Server) http.Handler // what serves, instead of the server alone
	before  func(*socketio.Server)                 // registers handlers
	kept    int64                                  // bytes that the application may keep of what it was sent
	files   int                                    // descriptors that the application may open
}

// rig is a real server on a TCP port, with two canaries: clients on a websocket and on polling that are served well
// whatever happens beside them.
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

// start runs a server until the test ends. Then the canaries must be well, and everything back where it was.
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
	complaints := &logbook{} // of net/http: panics that it has recovered, answers that were begun twice
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
		r.hangUp()
		r.sessions(0)
		if err := io.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		server.Close()
		serving.Wait()
		if stats := io.Stats(); stats.Panics+stats.Engine.Panics+stats.HandlerPanics != 0 || stats.Engine.Sessions != 0 {
			t.Errorf("faults or sessions are left: %+v", stats)
		}
		if said := complaints.String(); said != "" {
			t.Errorf("net/http complains:\n%s", said)
		}
	})
	r.websocket, r.polling = r.connect(engineio.WebSocket), r.connect(engineio.Polling)
	canaries := r.conns
	r.conns, r.polls = nil, nil
	r.canariesSing()
	r.base = r.baseline()
	r.base.heap += s.kept
	r.base.descriptors += s.files
	t.Cleanup(func() {
		r.canariesSing()
		r.hangUp()
		r.sessions(2)
		r.settles(r.base)
		r.conns, r.polls = canaries, []string{r.polling.sid}
	})
	return r
}

// echo is what the canaries ask.
const echo = event.WithAck[int, int]("echo")

// canariesSing checks that clients beside the attacker are answered.
func (r *rig) canariesSing() {
	r.t.Helper()
	for _, c := range []*client{r.websocket, r.polling} {
		r.turn++
		c.says(fmt.Sprintf(`2%d["echo",%d]`, r.turn, r.turn))
		got, want := c.hears(), fmt.Sprintf(`3%d[%d]`, r.turn, r.turn)
		for strings.HasPrefix(got, "2") { // an event for everybody
			got = c.hears()
		}
		if got != want {
			r.t.Errorf("the canary on %s got %.200q, want %q", c.transport, got, want)
		}
	}
}

// hangUp ends the attackers' connections, and their sessions on polling, which would otherwise end by their heartbeat.
func (r *rig) hangUp() {
	r.mu.Lock()
	conns, polls := r.conns, r.polls
	r.conns, r.polls = nil, nil
	r.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
	for _, sid := range polls {
		r.request("POST", polling+"&sid="+sid, "1") // 400 if it has ended already
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = nil
}

// sessions waits until the server has so many sessions.
func (r *rig) sessions(want int) {
	r.t.Helper()
	r.until(fmt.Sprintf("%d sessions", want), func() bool { return r.io.Engine().SessionCount() == want })
}

// until waits for a state that nothing announces.
func (r *rig) until(what string, is func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); !is(); pause() {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// closes runs an attack and checks that it costs exactly one session, for the reason given.
func (r *rig) closes(reason engineio.Reason, attack func()) {
	r.t.Helper()
	before := r.io.Stats().Engine.Closed
	attack()
	r.until("a session to end by "+string(reason), func() bool {
		return r.io.Stats().Engine.Closed[reason] > before[reason]
	})
	for other, n := range r.io.Stats().Engine.Closed {
		if want := before[other]; other == reason && n != want+1 || other != reason && n != want {
			r.t.Errorf("%d sessions have ended by %q, want %d", n-want, other, map[bool]int{true: 1}[other == reason])
		}
	}
}

// logbook keeps what the server logs.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// String returns all of it.
func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// lacks checks that something was not logged.
func (l *logbook) lacks(t testing.TB, secrets ...string) {
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

// ends runs an attack that costs one session, and returns the reason.
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
