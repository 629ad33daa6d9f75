package web_test

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/parleyio/parley/backend/web"
)

func get(t *testing.T, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	web.Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestHandler_page(t *testing.T) {
	root := get(t, "/")
	if root.StatusCode != http.StatusOK {
		t.Fatalf("GET / answered %d", root.StatusCode)
	}
	if got := root.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("Content-Type is %q", got)
	}
	text := body(t, root)
	if body(t, get(t, "/test-socketio.html")) != text {
		t.Error("/test-socketio.html is not the page of /")
	}
	if !strings.Contains(text, "npm --prefix backend/web run build") {
		t.Error("the page does not say how to build the client bundles")
	}
}

// Every local file that the page, its scripts and its styles refer to must be served.
func TestHandler_references(t *testing.T) {
	seen := map[string]bool{}
	var visit func(target string, reference *regexp.Regexp)
	inPage := regexp.MustCompile(`(?:src|href)="(assets/[^"#]+)"`)
	inFile := regexp.MustCompile(`(?:from|import) "\./([^"]+)"`)
	visit = func(target string, reference *regexp.Regexp) {
		if seen[target] {
			return
		}
		seen[target] = true
		response := get(t, target)
		if response.StatusCode != http.StatusOK {
			t.Errorf("GET %s answered %d", target, response.StatusCode)
			return
		}
		if response.Header.Get("Content-Type") == "" {
			t.Errorf("%s has no Content-Type", target)
		}
		for _, match := range reference.FindAllStringSubmatch(body(t, response), -1) {
			visit("/assets/"+strings.TrimPrefix(match[1], "assets/"), inFile)
		}
	}
	visit("/", inPage)
	if len(seen) < 5 {
		t.Errorf("found only %d files: the page should consist of several", len(seen))
	}
}

func TestHandler_revalidation(t *testing.T) {
	first := get(t, "/assets/app.js")
	etag := first.Header.Get("ETag")
	if etag == "" || first.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("ETag %q, Cache-Control %q", etag, first.Header.Get("Cache-Control"))
	}
	if got := get(t, "/assets/app.js", "If-None-Match", etag).StatusCode; got != http.StatusNotModified {
		t.Errorf("the same ETag answered %d", got)
	}
	if got := get(t, "/assets/app.js", "If-None-Match", `"other"`).StatusCode; got != http.StatusOK {
		t.Errorf("another ETag answered %d", got)
	}
}

func TestHandler_unknown(t *testing.T) {
	for _, target := range []string{"/assets/", "/assets/index.html", "/assets/../web.go", "/index.html", "/page/app.js", "/nothing"} {
		if got := get(t, target).StatusCode; got != http.StatusNotFound {
			t.Errorf("GET %s answered %d", target, got)
		}
	}
	w := httptest.NewRecorder()
	web.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST / answered %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestHandler_policy(t *testing.T) {
	const fixed = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
	const rest = "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for _, c := range []struct{ host, connect string }{
		{"localhost:3000", "'self' ws://localhost:3000 wss://localhost:3000"},
		{"chat.example.org", "'self' ws://chat.example.org wss://chat.example.org"},
		{"[::1]:3000", "'self'"},
		{"a.example; script-src *", "'self'"},
		{"a.example\r\nX: y", "'self'"},
		{"", "'self'"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = c.host
		w := httptest.NewRecorder()
		web.Handler().ServeHTTP(w, r)
		if got := w.Header().Get("Content-Security-Policy"); got != fixed+c.connect+rest {
			t.Errorf("host %q: policy %q", c.host, got)
		}
		if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("X-Content-Type-Options is %q", got)
		}
	}
}

// The policy forbids inline code, so the page must not rely on any.
func TestHandler_noInlineCode(t *testing.T) {
	text := body(t, get(t, "/"))
	for _, script := range regexp.MustCompile(`<script[^>]*>`).FindAllString(text, -1) {
		if !strings.Contains(script, " src=") {
			t.Errorf("inline script %s", script)
		}
	}
	for _, inline := range []string{"<style", " style=", " onclick=", " onload=", "javascript:"} {
		if strings.Contains(text, inline) {
			t.Errorf("the page contains %q", inline)
		}
	}
}

func TestClientFiles(t *testing.T) {
	files := web.ClientFiles()
	if files == nil {
		t.Skip("built without the client bundles: npm --prefix backend/web ci && npm --prefix backend/web run build")
	}
	for _, name := range []string{"socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"} {
		for _, name := range []string{name, name + ".map"} {
			if info, err := fs.Stat(files, name); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
