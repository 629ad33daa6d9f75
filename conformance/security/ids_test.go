package security_test

import (
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// CVE-2017-16031: ids cannot be guessed, and the id of a socket reveals nothing about the id of its session.
func TestS1_weak_ids(t *testing.T) {
	t.Run("a million are different", func(t *testing.T) {
		const n, sample = 1_000_000, 20_000
		seen := make(map[[20]byte]struct{}, n)
		var ones [120]int // how often each bit is set in a sample
		for range n {
			id := engineio.NewID()
			if len(id) != 20 {
				t.Fatalf("id %q", id)
			}
			key := [20]byte([]byte(id))
			if _, twice := seen[key]; twice {
				t.Fatalf("%q came twice", id)
			}
			seen[key] = struct{}{}
			if len(seen) > sample {
				continue
			}
			for i, c := range key {
				value := strings.IndexByte(alphabet, c)
				if value < 0 {
					t.Fatalf("id %q", id)
				}
				for bit := range 6 {
					ones[i*6+bit] += value >> bit & 1
				}
			}
		}
		for bit, set := range ones { // 500 is seven standard deviations
			if set < sample/2-500 || set > sample/2+500 {
				t.Errorf("bit %d is set %d times in %d", bit, set, sample)
			}
		}
	})
	t.Run("of sockets and of sessions", func(t *testing.T) {
		r := start(t, setup{options: socketio.Options{AllowEIO3: true}})
		seen := map[string]bool{}
		for i := range 40 {
			c := r.connect([]engineio.Transport{engineio.WebSocket, engineio.Polling}[i%2])
			for _, id := range []string{c.sid, c.id} {
				if len(id) != 20 || seen[id] {
					t.Errorf("id %q", id)
				}
				seen[id] = true
			}
		}
	})
	t.Run("no weak source", func(t *testing.T) {
		allowed := map[string]string{ // by file: why its random numbers may be guessed
			"engineio/shutdown.go": "the moments at which a shutdown closes sessions",
		}
		for _, dir := range []string{"engineio", "socketio", "cluster", "event", "parser", "backend", "cmd", "middleware", "fasthttpio", "internal"} {
			err := filepath.WalkDir(filepath.Join("../..", dir), func(path string, d fs.DirEntry, err error) error {
				if d.IsDir() && (strings.HasSuffix(path, "test") || strings.HasSuffix(path, "internal/testing")) { // for tests only
					return fs.SkipDir
				}
				if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
					return err
				}
				f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
				if err != nil {
					return err
				}
				for _, i := range f.Imports {
					name := filepath.ToSlash(strings.TrimPrefix(path, "../../"))
					if strings.HasPrefix(i.Path.Value, `"math/rand`) && allowed[name] == "" {
						t.Errorf("%s imports %s: ids and secrets come from crypto/rand", name, i.Path.Value)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// alphabet is URL-safe base64.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// A client cannot take over a session by guessing, choosing, reading or repeating an id.
func TestA4_session_ids(t *testing.T) {
	const unknown = `400 {"code":1,"message":"Session ID unknown"}`
	t.Run("guessed or chosen", func(t *testing.T) {
		r := start(t, setup{})
		for _, sid := range []string{
			strings.Repeat("A", 20), "__proto__", "constructor", "0", "../x", r.polling.id, r.websocket.id, strings.Repeat("x", 4_000),
			r.polling.sid + "x", strings.ToLower(r.polling.sid) + "A",
		} {
			for range 2 { // the first has not created a session with this id
				r.request("GET", polling+"&sid="+sid, "").is(t, unknown)
				r.request("POST", polling+"&sid="+sid, "40").is(t, unknown)
				r.request("GET", websocket+"&sid="+sid, "", upgradeHeaders...).is(t, "400 Session ID unknown")
			}
		}
		c := r.open(engineio.Polling, "Cookie: io=chosen-by-another; sid=chosen-by-another")
		if c.sid == "chosen-by-another" {
			t.Error("the client has chosen its id")
		}
	})
	t.Run("of another transport or revision", func(t *testing.T) {
		r := start(t, setup{options: socketio.Options{AllowEIO3: true}})
		const mismatch = `400 {"code":3,"message":"Bad request"}`
		r.request("GET", polling+"&sid="+r.websocket.sid, "").is(t, mismatch)
		r.request("POST", polling+"&sid="+r.websocket.sid, "40").is(t, mismatch)
		r.request("POST", strings.Replace(polling, "EIO=4", "EIO=3", 1)+"&sid="+r.polling.sid, "2:40").is(t, mismatch)
		w := r.upgrades(websocket + "&sid=" + r.websocket.sid) // it already has a websocket
		w.ends()
	})
	t.Run("not in the log", func(t *testing.T) {
		log := &logBuffer{}
		opts := socketio.Options{
			Logger:   slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Recovery: &socketio.Recovery{},
		}
		r := start(t, setup{options: opts})
		var secrets []string
		for _, end := range []string{`2[`, `4{}`, `2["x"`} {
			for _, transport := range []engineio.Transport{engineio.WebSocket, engineio.Polling} {
				c := r.open(transport)
				c.send("0")
				reply := c.receive()
				secrets = append(secrets, c.sid, pidOf(t, reply))
				c.send(end)
				c.expectClosed(1005)
			}
		}
		r.request("GET", polling+"&sid="+r.websocket.sid, "")
		log.lacks(t, append(secrets, r.websocket.sid, r.polling.sid)...)
	})
	t.Run("the secret of a recovery works once, and not against a middleware", func(t *testing.T) {
		banned := make(chan struct{})
		r := start(t, setup{options: socketio.Options{Recovery: &socketio.Recovery{}}, before: func(io *socketio.Server) {
			io.Use(func(_ context.Context, s *socketio.Socket) error {
				select {
				case <-banned:
					if s.Recovered() {
						return &event.Error{Message: "banned"}
					}
				default:
				}
				return nil
			})
		}})
		// lose connects a client, sends it an event and cuts its connection.
		lose := func() (id, pid string) {
			c := r.open(engineio.WebSocket)
			reply := c.asks(`0`)
			if err := r.io.To(sidOf(t, reply)).Emit("news"); err != nil {
				t.Fatal(err)
			}
			c.receive()
			c.wire.Close()
			r.sessions(2)
			return sidOf(t, reply), pidOf(t, reply)
		}
		returns := func(pid string) (*client, string) {
			c := r.open(engineio.WebSocket)
			return c, c.asks(`0{"pid":"` + pid + `"}`)
		}
		id, pid := lose()
		for _, guess := range []string{"guess", id, "", strings.Repeat("A", 20)} {
			if _, got := returns(guess); sidOf(t, got) == id {
				t.Errorf("%q brings back the socket of another", guess)
			}
		}
		c, reply := returns(pid)
		if sidOf(t, reply) != id {
			t.Fatalf("not recovered: %s", reply)
		}
		members := len(r.io.Sockets())
		c.send("1") // the client closes its session
		r.until("the client to leave", func() bool { return len(r.io.Sockets()) < members })
		if _, got := returns(pid); sidOf(t, got) == id {
			t.Error("the secret works twice")
		}
		r.closeAttackers()
		r.sessions(2)
		_, pid = lose()
		close(banned)
		if _, got := returns(pid); got != `4{"message":"banned"}` {
			t.Errorf("got %s", got)
		}
	})
}

// pidOf returns the secret of a recovery.
func pidOf(t testing.TB, reply string) string {
	t.Helper()
	_, rest, found := strings.Cut(reply, `"pid":"`)
	pid, _, _ := strings.Cut(rest, `"`)
	if !found {
		t.Fatalf("no pid in %s", reply)
	}
	return pid
}

// All transports have the same checks: a client that is refused on one is refused on all.
func TestS23_authorisation_on_every_transport(t *testing.T) {
	t.Run("of the request", func(t *testing.T) {
		r := start(t, setup{options: socketio.Options{AllowRequest: func(q *http.Request) error {
			if q.Header.Get("Authorization") == "nobody" {
				return errors.New("who are you?")
			}
			return nil
		}}})
		r.request("GET", polling, "", "Authorization: nobody").is(t, `403 {"code":4,"message":"who are you?"}`)
		r.request("GET", websocket, "", append([]string{"Authorization: nobody"}, upgradeHeaders...)...).is(t, "400 who are you?")
	})
	t.Run("of a middleware", func(t *testing.T) {
		r := start(t, setup{before: func(io *socketio.Server) {
			io.Engine().Use(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
					if q.Header.Get("Authorization") == "nobody" {
						io.Engine().Reject(w, q, errors.New("who are you?"))
						return
					}
					next.ServeHTTP(w, q)
				})
			})
		}})
		const refused, nobody = `400 {"code":3,"message":"Bad request"}`, "Authorization: nobody"
		c := r.connect(engineio.Polling)
		session := "&sid=" + c.sid
		opened := r.io.Stats().Engine.Opened
		r.request("GET", polling, "", nobody).is(t, refused)
		r.request("GET", polling+session, "", nobody).is(t, refused)
		r.request("POST", polling+session, `421["echo",1]`, nobody).is(t, refused)
		for _, target := range []string{websocket, websocket + session} {
			r.request("GET", target, "", append([]string{nobody}, upgradeHeaders...)...).is(t, "400 Bad request")
		}
		c.send(`22["echo",2]`)
		c.expects(`32[2]`) // and nothing before it
		if n := r.io.Stats().Engine.Opened - opened; n != 0 {
			t.Errorf("%d sessions were opened", n)
		}
	})
	t.Run("of the namespace", func(t *testing.T) {
		r := start(t, setup{before: func(io *socketio.Server) {
			io.Of("/private").Use(func(_ context.Context, s *socketio.Socket) error {
				var auth struct{ Token string }
				if err := s.Handshake().ScanAuth(&auth); err != nil {
					return err
				}
				if auth.Token != "secret" {
					return &event.Error{Message: "forbidden"}
				}
				return nil
			})
		}})
		for _, transport := range []engineio.Transport{engineio.WebSocket, engineio.Polling} {
			c := r.connect(transport)
			for _, auth := range []string{"", `{}`, `{"token":""}`, `{"token":"Secret"}`} {
				c.send("0/private," + auth)
				c.expects(`4/private,{"message":"forbidden"}`)
			}
			c.send(`0/private,{"token":null}`)
			c.expects(`4/private,{"message":"invalid auth payload: field \"Token\": want string, got null","data":{"code":"invalid"}}`)
			for _, auth := range []string{`{"token":1}`, `{"token":{"secret":"secret"}}`, `{"token":["secret"]}`} {
				c.send("0/private," + auth)
				if got := c.receive(); !strings.HasPrefix(got, "4/private,") {
					t.Errorf("%s: got %s", auth, got)
				}
			}
			c.send(`0/private,{"token":"secret"}`)
			if got := c.receive(); !strings.HasPrefix(got, "0/private,") {
				t.Errorf("got %s", got)
			}
			other := r.connect(transport) // an event cannot bypass the middleware
			r.closes(engineio.ForcedClose, func() { other.send(`2/private,["x"]`); other.expectClosed(1005) })
		}
	})
	t.Run("while it is being decided", func(t *testing.T) {
		decide := make(chan struct{})
		r := start(t, setup{before: func(io *socketio.Server) {
			io.Of("/slow").Use(func(ctx context.Context, _ *socketio.Socket) error {
				select {
				case <-decide:
				case <-ctx.Done():
				}
				return nil
			})
			reached := func(context.Context, *socketio.Socket, *event.Message) error { return fmt.Errorf("reached") }
			io.Of("/slow").On("x", func(ctx context.Context, s *socketio.Socket, m *event.Message) error {
				t.Error("an event before the middlewares have decided")
				return reached(ctx, s, m)
			})
		}})
		for _, transport := range []engineio.Transport{engineio.WebSocket, engineio.Polling} {
			c := r.connect(transport)
			r.closes(engineio.ForcedClose, func() { c.send("0/slow,", `2/slow,["x"]`); c.expectClosed(1005) })
		}
		close(decide)
	})
}
