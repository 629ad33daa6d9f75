package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/app"
	"github.com/parleyio/parley/internal/testing/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// client keeps no connection open and follows no redirect: Socket.IO clients do not.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// running is an App that serves.
type running struct {
	*app.App
	url  string
	stop func() error // ends Run and returns its result
}

// start runs an App on a free port and, unless the settings name one, a database of its own. It stops with the test.
func start(t *testing.T, s *app.Settings) *running {
	t.Helper()
	if s.Database == "" {
		s.Database = filepath.Join(t.TempDir(), "parley.db")
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	s.Listen = "127.0.0.1:0"
	a, err := app.New(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	r := &running{App: a, url: "http://" + a.Addr().String()}
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = r.stop() })
	return r
}

// do sends a request, with headers in pairs, and returns the answer with its body read.
func (r *running) do(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

func (r *running) host() string { return strings.TrimPrefix(r.url, "http://") }

// handshake opens a polling session and returns its path.
func (r *running) handshake(t *testing.T) (session string) {
	t.Helper()
	_, text := r.do(t, "GET", "/socket.io/?EIO=4&transport=polling", "")
	var open struct{ SID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(text, "0")), &open); err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	return "/socket.io/?EIO=4&transport=polling&sid=" + open.SID
}

// connect returns the path of a polling session that has joined the namespace "/".
func (r *running) connect(t *testing.T) (session string) {
	t.Helper()
	session = r.handshake(t)
	r.do(t, "POST", session, "40")
	if _, text := r.do(t, "GET", session, ""); !strings.HasPrefix(text, `40{"sid":`) {
		t.Fatalf("joining: %q", text)
	}
	return session
}

// ask sends an event with the acknowledgement 7 and returns its answer, past what comes in between.
func (r *running) ask(t *testing.T, session, event string) string {
	t.Helper()
	r.do(t, "POST", session, "427"+event)
	for {
		response, text := r.do(t, "GET", session, "")
		if response.StatusCode != 200 {
			t.Fatalf("polling: status %d, %q", response.StatusCode, text)
		}
		for packet := range strings.SplitSeq(text, "\x1e") {
			if answer, ok := strings.CutPrefix(packet, "437"); ok {
				return answer
			}
		}
	}
}

func TestApp_has_everything_at_its_place(t *testing.T) {
	r := start(t, &app.Settings{})
	for _, c := range []struct {
		method, path string
		status       int
		contentType  string
	}{
		{"GET", "/", 200, "text/html"},
		{"GET", "/test-socketio.html", 200, "text/html"},
		{"GET", "/no-such-page", 404, "text/plain"},
		{"GET", "/docs", 200, "text/html"},
		{"GET", "/docs/docs.js", 200, "text/javascript"},
		{"GET", "/openapi.json", 200, "application/json"},
		{"GET", "/healthz", 200, "application/json"},
		{"GET", "/readyz", 200, "application/json"},
		{"GET", "/notify", 200, "application/json"},
		{"POST", "/notify", 405, "application/problem+json"},
		{"GET", "/api/data", 200, "application/json"},
		{"GET", "/api/nothing", 404, "application/problem+json"},
		{"GET", "/api/rooms//messages", 404, "application/problem+json"},
		{"GET", "/api/../notify", 404, "application/problem+json"},
		{"GET", "/api/data/a%2F%2Fb", 404, "application/problem+json"},
		{"POST", "/api/data", 415, "application/problem+json"},
		{"GET", "/socket.io/?EIO=4&transport=nothing", 400, "application/json"},
		{"GET", "/socket.io?EIO=4&transport=nothing", 400, "application/json"},
	} {
		response, _ := r.do(t, c.method, c.path, "")
		if got := response.Header.Get("Content-Type"); response.StatusCode != c.status || !strings.HasPrefix(got, c.contentType) {
			t.Errorf("%s %s = %d %s, want %d %s", c.method, c.path, response.StatusCode, got, c.status, c.contentType)
		}
	}
	for _, path := range []string{"/socket.io/", "/socket.io"} {
		if response, text := r.do(t, "GET", path+"?EIO=4&transport=polling", ""); response.StatusCode != 200 || !strings.HasPrefix(text, "0{") {
			t.Errorf("%s: status %d, %q", path, response.StatusCode, text)
		}
	}
}

func TestApp_bounds_headers(t *testing.T) {
	const maxHeaderBytes = 32 << 10
	r := start(t, &app.Settings{})
	for size, status := range map[int]int{maxHeaderBytes / 2: 200, 2 * maxHeaderBytes: 431} {
		if response, _ := r.do(t, "GET", "/healthz", "", "Cookie", strings.Repeat("c", size)); response.StatusCode != status {
			t.Errorf("%d bytes of headers: status %d, want %d", size, response.StatusCode, status)
		}
	}
}

// A second subscriber sees every event, and a message that comes again, by whatever way, is announced once.
func TestApp_announces_each_message_once(t *testing.T) {
	r := start(t, &app.Settings{PresenceGrace: -1})
	var (
		mu   sync.Mutex
		sent []backend.MessageSent
		all  int
	)
	r.Service().Subscribe(func(_ context.Context, e backend.Event) error {
		mu.Lock()
		defer mu.Unlock()
		all++
		if e, ok := e.(backend.MessageSent); ok {
			sent = append(sent, e)
		}
		return nil
	})
	sender, listener := r.connect(t), r.connect(t)
	for _, session := range []string{sender, listener} {
		r.ask(t, session, `["join-room","r"]`)
	}
	r.ask(t, sender, `["user-online","ann"]`)
	const message = `["chat-message",{"roomId":"r","text":"hello","clientMessageId":"c1"}]`
	first := r.ask(t, sender, message)
	if again := r.ask(t, sender, message); again != first || !strings.Contains(first, `"text":"hello"`) {
		t.Errorf("first %s, then %s", first, again)
	}
	byHTTP, err := r.Service().SendMessage(t.Context(), backend.Principal{User: "ann"},
		backend.SendMessage{RoomID: "r", Text: "hello", ClientMessageID: new("c1")})
	if err != nil || byHTTP.Created {
		t.Errorf("%+v, %v, want the first copy", byHTTP, err)
	}
	r.do(t, "POST", "/api/notifications", `{"type":"info","message":"last","room":"r"}`, "Content-Type", "application/json")
	heard := ""
	for !strings.Contains(heard, `"notification"`) {
		_, text := r.do(t, "GET", listener, "")
		heard += text
	}
	if n := strings.Count(heard, `"new-chat-message"`); n != 1 {
		t.Errorf("the other member has got the message %d times: %s", n, heard)
	}
	if _, page := r.do(t, "GET", "/api/rooms/r/messages", ""); strings.Count(page, `"id"`) != 1 {
		t.Errorf("history %s", page)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(sent) != 1 || sent[0].EventID() != byHTTP.Message.ID {
		t.Errorf("events %+v, want one with id %s", sent, byHTTP.Message.ID)
	}
	if all != 5 { // two joined, one came online, one message, one notification
		t.Errorf("%d events, want 5", all)
	}
}

// A program with a server of its own mounts the handler.
func TestApp_Handler(t *testing.T) {
	a, err := app.New(t.Context(), &app.Settings{Database: ":memory:", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if a.Addr() != nil {
		t.Errorf("listens on %v", a.Addr())
	}
	if err := a.Run(t.Context()); err == nil {
		t.Error("Run: no error without an address")
	}
	server := httptest.NewServer(a.Handler())
	defer server.Close()
	r := &running{App: a, url: server.URL}
	if response, text := r.do(t, "GET", "/readyz", ""); response.StatusCode != 200 {
		t.Errorf("/readyz: %d, %s", response.StatusCode, text)
	}
	session := r.connect(t)
	for range 2 { // the second changes nothing
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if response, _ := r.do(t, "GET", session, ""); response.StatusCode == 200 {
		t.Error("a session outlives Close")
	}
	if response, _ := r.do(t, "GET", "/readyz", ""); response.StatusCode != 503 {
		t.Errorf("/readyz: %d after Close, want 503", response.StatusCode)
	}
}

func TestApp_Run(t *testing.T) {
	database := filepath.Join(t.TempDir(), "parley.db")
	r := start(t, &app.Settings{Database: database})
	if response, text := r.do(t, "POST", "/api/data", `{"key":"k","value":1}`, "Content-Type", "application/json"); response.StatusCode != 200 {
		t.Fatalf("%d %s", response.StatusCode, text)
	}
	if err := r.stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
	if files, _ := filepath.Glob(database + "-*"); len(files) != 0 {
		t.Errorf("the database was not flushed: %v are left", files)
	}
	r = start(t, &app.Settings{Database: database})
	if _, text := r.do(t, "GET", "/api/data/k", ""); !strings.Contains(text, `"value":1`) {
		t.Errorf("after the restart: %s", text)
	}
	if err := r.Close(t.Context()); err != nil { // ends Run, too
		t.Error(err)
	}
	if err := r.stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
}

// What keeps an App from being built is a setting with a name, and nothing is left behind.
func TestNew_names_the_setting(t *testing.T) {
	r := start(t, &app.Settings{})
	for setting, s := range map[string]*app.Settings{
		"Database": {Listen: "127.0.0.1:0"},
		"Listen":   {Database: ":memory:", Listen: r.Addr().String(), CORSAnyOrigin: true},
	} {
		var log strings.Builder
		s.Logger = slog.New(slog.NewTextHandler(&log, nil))
		_, err := app.New(t.Context(), s)
		var wrong *app.SettingError
		if !errors.As(err, &wrong) || wrong.Setting != setting || wrong.Err == nil {
			t.Errorf("%v, want a SettingError about %s", err, setting)
		}
		if log.Len() > 0 {
			t.Errorf("%s: logged %s", setting, &log)
		}
	}
	if _, err := app.New(t.Context(), nil); err == nil {
		t.Error("no error without settings")
	}
	if _, err := app.New(t.Context(), &app.Settings{Database: ":memory:", Listen: "127.0.0.1:0", CORSOrigins: []string{"*"}, CORSCredentials: true,
		Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("no error for settings that contradict each other")
	}
}
