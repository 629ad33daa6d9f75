package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/rest"
	"github.com/parleyio/parley/backend/store"
	"github.com/parleyio/parley/internal/testing/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// server is an API on a real store, with a subscriber that remembers.
type server struct {
	*rest.API
	store     backend.Store
	published *recorder
}

func setup(t *testing.T, change ...func(*rest.Options)) *server {
	t.Helper()
	s, err := store.Open(t.Context(), ":memory:", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return setupOn(t, s, change...)
}

// setupOn is setup with a store of its own.
func setupOn(t *testing.T, s backend.Store, change ...func(*rest.Options)) *server {
	t.Helper()
	opts := &rest.Options{Logger: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(opts)
	}
	service, err := backend.NewService(backend.Options{Store: s, Logger: opts.Logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	published := &recorder{store: s}
	service.Subscribe(published.receive)
	opts.Service = service
	api, err := rest.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return &server{API: api, store: s, published: published}
}

// do sends one request as a program would: with a content type where there is a body, and headers in pairs.
func (s *server) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, reader)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// recorder is a Subscriber. It looks into the store at each event, to see what came first.
type recorder struct {
	store backend.Store
	err   error

	mu     sync.Mutex
	events []published // mu guards it
}

type published struct {
	notification backend.Notification
	to           backend.Audience
	item         backend.Item
	stored       bool // the item was in the store by then
}

func (r *recorder) receive(ctx context.Context, e backend.Event) error {
	var p published
	switch e := e.(type) {
	case backend.NotificationSent:
		p = published{notification: e.Notification, to: e.To}
	case backend.ItemChanged:
		stored, err := r.store.Item(ctx, e.Item.Key)
		p = published{item: e.Item, stored: err == nil && string(stored.Value) == string(e.Item.Value)}
	default:
		panic(e)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, p)
	return r.err
}

func (r *recorder) all() []published {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events
}

// brokenStore fails every call, with a text that no client may see.
type brokenStore struct{ backend.Store }

var errDisk = errors.New("disk on /srv/secret is gone")

func (brokenStore) PutItem(context.Context, backend.NewItem) (backend.Item, error) {
	return backend.Item{}, errDisk
}
func (brokenStore) Item(context.Context, string) (backend.Item, error) {
	return backend.Item{}, errDisk
}
func (brokenStore) Items(context.Context, string, int) (backend.ItemPage, error) { panic(errDisk) }
func (brokenStore) Ping(context.Context) error                                   { return errDisk }
func (brokenStore) Messages(context.Context, string, string, int) (backend.Page, error) {
	return backend.Page{}, errDisk
}

// wantProblem checks that an answer is a problem of that status and returns it.
func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int) rest.Problem {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status = %d, want %d; body %s", w.Code, status, w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type = %q, want application/problem+json", got)
	}
	var p rest.Problem
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatalf("problem does not decode: %v", err)
	}
	if p.Status != status || p.Title != http.StatusText(status) || p.Code == "" {
		t.Errorf("problem = %+v, want status %d with its title and a code", p, status)
	}
	return p
}

// wantJSON checks that an answer is JSON of that status and decodes it strictly.
func wantJSON(t *testing.T, w *httptest.ResponseRecorder, status int, dst any) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status = %d, want %d; body %s", w.Code, status, w.Body)
	}
	if mediaType, _, _ := mime.ParseMediaType(w.Header().Get("Content-Type")); mediaType != "application/json" {
		t.Errorf("Content-Type = %q, want application/json", mediaType)
	}
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(dst); err != nil {
		t.Fatalf("answer does not decode: %v", err)
	}
}

func TestNew_needs_a_service(t *testing.T) {
	for name, opts := range map[string]*rest.Options{
		"nil":  nil,
		"none": {},
	} {
		if _, err := rest.New(opts); err == nil {
			t.Errorf("%s: New returned no error", name)
		}
	}
}

func TestAPI_headers(t *testing.T) {
	s := setup(t)
	for _, target := range []string{"/healthz", "/api/data", "/api/nowhere", "/docs", "/openapi.json"} {
		h := s.do("GET", target, "").Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers = %v, want nosniff and no-referrer", target, h)
		}
		if policy := h.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy = %q", target, policy)
		}
	}
}

func TestAPI_unknown_routes_and_methods(t *testing.T) {
	s := setup(t)
	for _, c := range []struct {
		method, target string
		status         int
		allow          string
	}{
		{"GET", "/api/", 404, ""},
		{"GET", "/api/nothing", 404, ""},
		{"POST", "/api/rooms/a", 404, ""},
		{"GET", "/api/rooms//messages", 404, ""},
		{"POST", "/api//data", 404, ""},
		{"GET", "/api/data/./k", 404, ""},
		{"GET", "/api/data/..", 404, ""},
		{"GET", "/docs/%2e%2e%2f%2e%2e%2fetc%2fpasswd%00", 404, ""},
		{"PUT", "/api/data", 405, "GET, HEAD, OPTIONS, POST"},
		{"POST", "/api/data/key", 405, "GET, HEAD, OPTIONS"},
		{"GET", "/api/notifications", 405, "OPTIONS, POST"},
		{"POST", "/notify", 405, "GET, HEAD, OPTIONS"},
		{"DELETE", "/api/rooms/a/messages", 405, "GET, HEAD, OPTIONS"},
		{"POST", "/openapi.json", 405, "GET, HEAD, OPTIONS"},
	} {
		w := s.do(c.method, c.target, "")
		wantProblem(t, w, c.status)
		if got := w.Header().Get("Allow"); got != c.allow {
			t.Errorf("%s %s: Allow = %q, want %q", c.method, c.target, got, c.allow)
		}
	}
	if w := s.do("OPTIONS", "/api/data", ""); w.Code != 204 || w.Header().Get("Allow") == "" {
		t.Errorf("OPTIONS = %d %v, want 204 with Allow", w.Code, w.Header())
	}
}

func TestAPI_failures_tell_nothing(t *testing.T) {
	var log strings.Builder
	s := setupOn(t, brokenStore{}, func(o *rest.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	for _, w := range []*httptest.ResponseRecorder{
		s.do("POST", "/api/data", `{"key":"k","value":1}`),
		s.do("GET", "/api/data/k", ""),
		s.do("GET", "/api/rooms/r/messages", ""),
		s.do("GET", "/api/data", ""), // panics
	} {
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("the answer tells the cause: %s", w.Body)
		}
		if p := wantProblem(t, w, 500); p.Code != backend.CodeInternal {
			t.Errorf("code = %q, want internal", p.Code)
		}
	}
	if got := strings.Count(log.String(), errDisk.Error()); got < 4 {
		t.Errorf("the log names the cause %d times, want at least 4:\n%s", got, log.String())
	}
	if len(s.published.all()) != 0 {
		t.Errorf("published %v although nothing was stored", s.published.all())
	}
}

func TestAPI_health(t *testing.T) {
	draining := false
	s := setup(t, func(o *rest.Options) { o.Draining = func() bool { return draining } })
	var health rest.Health
	wantJSON(t, s.do("GET", "/healthz", ""), 200, &health)
	wantJSON(t, s.do("GET", "/readyz", ""), 200, &health)

	draining = true
	wantJSON(t, s.do("GET", "/healthz", ""), 200, &health)
	if p := wantProblem(t, s.do("GET", "/readyz", ""), 503); !strings.Contains(p.Detail, "shutting down") {
		t.Errorf("detail = %q", p.Detail)
	}

	s = setupOn(t, brokenStore{})
	if p := wantProblem(t, s.do("GET", "/readyz", ""), 503); !strings.Contains(p.Detail, "database") {
		t.Errorf("detail = %q", p.Detail)
	}
}
