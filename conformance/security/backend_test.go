package security_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/realtime"
	"github.com/parleyio/parley/backend/rest"
	"github.com/parleyio/parley/backend/store"
	"github.com/parleyio/parley/backend/web"
	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// startBackend runs the whole backend as parley serve assembles it, on a new database.
func startBackend(t *testing.T, log *slog.Logger) *rig {
	t.Helper()
	database, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "parley.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	service, err := backend.NewService(backend.Options{Store: database, PresenceGrace: -1, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	var handlers *realtime.Handlers
	t.Cleanup(func() { // after the server has shut down
		handlers.Close()
		service.Close()
		if err := database.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return start(t, setup{
		options: socketio.Options{Logger: log},
		before: func(io *socketio.Server) {
			handlers = realtime.New(realtime.Options{IO: io, Service: service, Logger: log})
		},
		around: func(io *socketio.Server) http.Handler {
			api, err := rest.New(&rest.Options{Service: service, CORS: rest.CORS{Allows: io.AllowsOrigin}, Logger: log})
			if err != nil {
				t.Fatal(err)
			}
			mux := http.NewServeMux()
			mux.Handle("/socket.io/", io)
			for _, pattern := range api.Patterns() {
				mux.Handle(pattern, api)
			}
			mux.Handle("/", web.Handler())
			return mux
		},
		kept:  4 << 20, // the caches of the database
		files: 8,       // the database opens connections to its file when it needs them
	})
}

// asksFor sends an event and returns the value of its acknowledgement. It skips events that arrive before.
func (c *client) asksFor(name string, argument any) string {
	c.t.Helper()
	payload, err := json.Marshal([]any{name, argument})
	if err != nil {
		c.t.Fatal(err)
	}
	c.send("27" + string(payload))
	for {
		if got, ok := strings.CutPrefix(c.receive(), "37["); ok {
			return strings.TrimSuffix(got, "]")
		}
	}
}

// object returns the JSON of an object.
type object map[string]any

// sqlTexts end an SQL statement or have a meaning in it.
var sqlTexts = []string{
	`'; DROP TABLE messages; --`, `" OR 1=1 --`, `%`, `_`, `\`, `'||'`, `1) UNION SELECT * FROM items --`, "a;b", "${x}", "{{x}}", "?1", ":room",
}

// SQL injection, unlimited pages, large messages and repeated messages.
func TestA26_storage(t *testing.T) {
	r := startBackend(t, nil)
	c := r.connect(engineio.WebSocket)
	for i, text := range sqlTexts { // as the name of a room, the text of a message and its client's id
		if got := c.asksFor("join-room", text); !strings.HasPrefix(got, `{"room":`) {
			t.Fatalf("joining %q: %s", text, got)
		}
		for range 2 { // the second request returns the message of the first
			var saved struct{ Text, RoomID, ClientMessageID string }
			got := c.asksFor("chat-message", object{"roomId": text, "text": text, "clientMessageId": text})
			if err := json.Unmarshal([]byte(got), &saved); err != nil || saved.Text != text || saved.RoomID != text {
				t.Errorf("saved %s", got)
			}
		}
		for _, room := range sqlTexts[:i+1] {
			a := r.request("GET", "/api/rooms/"+url.PathEscape(room)+"/messages", "")
			if a.status != 200 || strings.Count(a.body, `"id"`) != 1 {
				t.Errorf("room %q: %v", room, a)
			}
		}
		body, _ := json.Marshal(object{"key": text, "value": text})
		if a := r.request("POST", "/api/data", string(body), "Content-Type: application/json"); a.status != 200 {
			t.Errorf("%q: %v", text, a)
		}
		if a := r.request("GET", "/api/data/"+url.PathEscape(text), ""); a.status != 200 || strings.Count(a.body, `"key"`) != 1 {
			t.Errorf("%q: %v", text, a)
		}
		if got := c.asksFor("chat-history", object{"roomId": text, "before": text}); !strings.Contains(got, `"code":"invalid"`) {
			t.Errorf("history before %q: %s", text, got)
		}
		if a := r.request("GET", "/api/rooms/x/messages?before="+url.QueryEscape(text), ""); a.status != 422 && a.status != 400 {
			t.Errorf("before %q: %v", text, a)
		}
	}
	for _, limit := range []any{0, -1, 101, 1e9, "1", nil} {
		got := c.asksFor("chat-history", object{"roomId": sqlTexts[0], "limit": limit})
		if limit != nil && !strings.Contains(got, `"code":"invalid"`) {
			t.Errorf("limit %v: %.200s", limit, got)
		}
		if a := r.request("GET", fmt.Sprintf("/api/rooms/x/messages?limit=%v", limit), ""); a.status == 200 && limit != "1" {
			t.Errorf("limit %v: %v", limit, a)
		}
	}
	for _, text := range []string{"", strings.Repeat("x", 4_097), strings.Repeat("x", 900_000), "a\x00b"} {
		if got := c.asksFor("chat-message", object{"roomId": sqlTexts[0], "text": text}); !strings.Contains(got, `"code":"invalid"`) {
			t.Errorf("text of %d bytes: %.200s", len(text), got)
		}
	}
	for _, room := range []string{"", strings.Repeat("r", 129), "a\x00b"} {
		if got := c.asksFor("join-room", room); !strings.Contains(got, `"code":"invalid"`) {
			t.Errorf("room of %d bytes: %.200s", len(room), got)
		}
	}
	w := r.dial()
	w.send(head("POST", "/api/data", "Content-Type: application/json", "Content-Length: 100000000") + `{"key":"x","value":"`)
	if a, err := w.answer(); err != nil || a.status != 413 {
		t.Errorf("a large body: %v %v", a, err)
	}
}

// Text is stored and sent as it was written, and no response makes a browser run it.
func TestA27_stored_scripts(t *testing.T) {
	const script = `<img src=x onerror=alert(1)><script>alert(1)</script>`
	r := startBackend(t, nil)
	c, other := r.connect(engineio.WebSocket), r.connect(engineio.Polling)
	for _, m := range []*client{c, other} {
		m.asksFor("join-room", "xss")
	}
	c.asksFor("chat-message", object{"roomId": "xss", "text": script})
	got := other.receive()
	var sent []json.RawMessage
	var message struct{ Text string }
	if json.Unmarshal([]byte(got[1:]), &sent) != nil || len(sent) != 2 || json.Unmarshal(sent[1], &message) != nil || message.Text != script {
		t.Errorf("got %s", got)
	}
	a := r.request("GET", "/api/rooms/xss/messages", "")
	if a.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		t.Errorf("headers %v", a.header)
	}
	for _, target := range []string{"/api/rooms/" + url.PathEscape(script) + "/messages?limit=x", "/api/" + url.PathEscape(script), "/" + url.PathEscape(script)} {
		if a := r.request("GET", target, ""); strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && strings.Contains(a.body, "<script>alert") {
			t.Errorf("%s: %v", target, a)
		}
	}
	policy := r.request("GET", "/", "").header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src") || strings.Contains(policy, "unsafe-inline") || strings.Contains(policy, "unsafe-eval") {
		t.Errorf("policy %q", policy)
	}
}

// Each event checks the membership. The name of a room never leads to a user's private room.
func TestA28_foreign_rooms(t *testing.T) {
	r := startBackend(t, nil)
	member, outsider := r.connect(engineio.WebSocket), r.connect(engineio.WebSocket)
	member.asksFor("join-room", "private")
	member.asksFor("user-online", "bob")
	const forbidden = `"code":"forbidden"`
	attempts := func(when string) {
		t.Helper()
		for name, argument := range map[string]object{
			"room-message": {"room": "private", "message": "x"},
			"chat-message": {"roomId": "private", "text": "x"},
			"chat-history": {"roomId": "private"},
		} {
			if got := outsider.asksFor(name, argument); !strings.Contains(got, forbidden) {
				t.Errorf("%s, %s: %s", name, when, got)
			}
		}
	}
	attempts("never joined")
	for _, room := range []string{member.id, "user:bob", "room:private", "bob", "/private", "PRIVATE", "private "} {
		outsider.asksFor("join-room", room)
	}
	attempts("joined what looks like it")
	outsider.asksFor("join-room", "private")
	outsider.asksFor("leave-room", "private")
	attempts("left")

	member.asksFor("chat-message", object{"roomId": "private", "text": "secret"})
	body := `{"type":"info","message":"secret","user":"bob"}`
	if a := r.request("POST", "/api/notifications", body, "Content-Type: application/json"); a.status != 202 {
		t.Errorf("notification: %v", a)
	}
	if err := r.io.To(member.id).Emit("secret"); err != nil {
		t.Fatal(err)
	}
	outsider.send(`29["nobody"]`, `28["message","the end"]`) // events that were sent before would arrive before this answer
	for {
		m := outsider.receive()
		if strings.Contains(m, "secret") {
			t.Errorf("an outsider got %s", m)
		}
		if strings.HasPrefix(m, "38[") {
			break
		}
	}
}

// A permission ends at once when it is taken away.
func TestA19_stale_authorisation(t *testing.T) {
	r := start(t, setup{options: socketio.Options{Recovery: &socketio.Recovery{}}, before: func(io *socketio.Server) {
		io.OnConnection(func(_ context.Context, s *socketio.Socket) error { return s.Join("admins", "user:bob") })
		io.On("post", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
			if !s.InRoom("admins") {
				return &event.Error{Code: event.Forbidden, Message: "not any more"}
			}
			return m.Ack(true)
		})
	}})
	c, second := r.connect(engineio.WebSocket), r.connect(engineio.Polling)
	for _, m := range []*client{c, second} {
		m.send(`20["post"]`)
		m.expects(`30[true]`)
	}
	if err := r.io.In(c.id).SocketsLeave("admins"); err != nil {
		t.Fatal(err)
	}
	c.send(`20["post"]`)
	c.expects(`30[{"error":{"code":"forbidden","message":"not any more"}}]`)
	if err := r.io.In(c.id, second.id).DisconnectSockets(true); err != nil {
		t.Fatal(err)
	}
	c.expects("1")
	c.expectClosed(1005)
	second.expects("1")
	if m, err := second.tryReceive(); err == nil { // on polling, the answer to a poll reports the end
		t.Errorf("got %q", m)
	}
	r.sessions(2)
}

// The log contains no secret of a client, and a client cannot begin a line in it.
func TestA29_log(t *testing.T) {
	log := &logBuffer{}
	r := startBackend(t, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	secrets := []string{"Authorization: Bearer s3cret-1", "Cookie: session=s3cret-2"}
	const forged = "x\nlevel=ERROR msg=forged"
	for _, transport := range []engineio.Transport{engineio.WebSocket, engineio.Polling} {
		for _, end := range []string{`2[`, `4{}`, `2["x` + "\n" + `level=ERROR msg=forged"]`} {
			c := r.open(transport, secrets...)
			c.send(`0{"token":"s3cret-3"}`)
			c.receive()
			c.send(end)
			c.expectClosed(1005)
		}
		c := r.open(transport, secrets...)
		c.send(`0{"token":"s3cret-3"}`)
		c.receive()
		c.asksFor("join-room", forged)
		c.asksFor("chat-message", object{"roomId": forged, "text": forged})
		c.asksFor("user-online", forged)
		c.send(`0/`+`x%0alevel=ERROR,`, `2["x\nlevel=ERROR msg=forged"]`)
	}
	r.request("GET", polling+"&sid=s3cret-4%0alevel=ERROR", "")
	r.request("GET", "/api/rooms/x%0alevel=ERROR%20msg=forged/messages?before=s3cret-5", "")
	log.lacks(t, "s3cret-", "\nlevel=ERROR", "\x1b")
}
