package socketio_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/socketio"
)

var bundleNames = []string{
	"socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js",
	"socket.io.js.map", "socket.io.min.js.map", "socket.io.esm.min.js.map", "socket.io.msgpack.min.js.map",
}

// bundles is a client of version 4.8.4, beside files that nobody may read.
func bundles() fstest.MapFS {
	files := fstest.MapFS{"secret.txt": {Data: []byte("secret")}, "package.json": {Data: []byte("secret")}}
	for _, name := range bundleNames {
		files[name] = &fstest.MapFile{Data: []byte("/*!\n * Socket.IO v4.8.4\n */ // " + name)}
	}
	return files
}

func newServer(t *testing.T, opts *socketio.Options) *socketio.Server {
	t.Helper()
	io, err := socketio.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return io
}

// request serves one request without a network.
func request(h http.Handler, method, target string, header ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestOptions_ClientFiles(t *testing.T) {
	server := newServer(t, &socketio.Options{
		ClientFiles: bundles(), CORS: engineio.CORS{Origins: []string{"https://app.example.com"}},
	})
	for _, name := range bundleNames {
		t.Run(name, func(t *testing.T) {
			r := request(server, "GET", "/socket.io/"+name, "Origin", "https://app.example.com")
			contentType := "application/javascript; charset=utf-8"
			if strings.HasSuffix(name, ".map") {
				contentType = "application/json; charset=utf-8"
			}
			for header, want := range map[string]string{
				"Content-Type": contentType, "Etag": `"4.8.4"`, "Cache-Control": "public, max-age=0",
				"X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "https://app.example.com",
			} {
				if got := r.Header.Get(header); got != want {
					t.Errorf("%s is %q", header, got)
				}
			}
			if got := body(t, r); r.StatusCode != 200 || !strings.HasSuffix(got, "// "+name) {
				t.Errorf("%d %q", r.StatusCode, got)
			}
			if r := request(server, "HEAD", "/socket.io/"+name); r.StatusCode != 200 || body(t, r) != "" {
				t.Errorf("HEAD: %d", r.StatusCode)
			}
			for etag, want := range map[string]int{
				`"4.8.4"`: 304, `W/"4.8.4"`: 304, `"1", W/"4.8.4"`: 304, "*": 304, `"4.8.3"`: 200, "4.8.4": 200,
			} {
				r := request(server, "GET", "/socket.io/"+name, "If-None-Match", etag)
				if got := body(t, r); r.StatusCode != want || want == 304 && got != "" || r.Header.Get("Etag") != `"4.8.4"` {
					t.Errorf("If-None-Match %s: %d %q", etag, r.StatusCode, got)
				}
			}
		})
	}
}

// Whatever else is asked for is Engine.IO, which knows no files.
func TestOptions_ClientFiles_nothing_else(t *testing.T) {
	server := newServer(t, &socketio.Options{ClientFiles: bundles()})
	for _, target := range []string{
		"/socket.io/secret.txt", "/socket.io/package.json", "/socket.io/socket.io.js.map.map", "/socket.io/socket.io.js/",
		"/socket.io/socket.io", "/socket.io/SOCKET.IO.JS", "/socket.io/socket.io.js%00", "/socket.io/socket.io.js%00.map",
		"/socket.io/../secret.txt", "/socket.io/..%2fsecret.txt", "/socket.io/%2e%2e%2fsecret.txt", "/socket.io/..%5csecret.txt",
		"/socket.io/../../etc/passwd", "/socket.io/socket.io.js/../secret.txt", "/socket.io/.map", "/socket.io/", "/",
		"/socket.io/socket.io.slim.js",
	} {
		r := request(server, "GET", target)
		if got := body(t, r); r.StatusCode != 400 || got != `{"code":0,"message":"Transport unknown"}` {
			t.Errorf("%s: %d %q", target, r.StatusCode, got)
		}
	}
	if r := request(server, "POST", "/socket.io/socket.io.js"); r.StatusCode != 400 {
		t.Errorf("POST: %d", r.StatusCode)
	}
	for _, target := range []string{"/a/..%2fsocket.io.js", "/socket.io.js"} { // the name alone counts
		if r := request(server, "GET", target); r.StatusCode != 200 {
			t.Errorf("%s: %d", target, r.StatusCode)
		}
	}
}

func TestOptions_ClientFiles_missing(t *testing.T) {
	few := bundles()
	delete(few, "socket.io.js.map")
	other := fstest.MapFS{"socket.io.js": {Data: []byte("// built by somebody else")}}
	for name, tt := range map[string]struct {
		opts   *socketio.Options
		file   string
		status int
		body   string
	}{
		"no bundles":             {nil, "socket.io.js", 404, "this server was built without the client's bundles\n"},
		"no such bundle":         {&socketio.Options{ClientFiles: few}, "socket.io.js.map", 404, "no such bundle\n"},
		"no bundle at all":       {&socketio.Options{ClientFiles: fstest.MapFS{}}, "socket.io.js", 404, ""},
		"a bundle of no version": {&socketio.Options{ClientFiles: other}, "socket.io.js", 200, "// built by somebody else"},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(newServer(t, tt.opts), "GET", "/socket.io/"+tt.file)
			if got := body(t, r); r.StatusCode != tt.status || tt.body != "" && got != tt.body {
				t.Errorf("%d %q", r.StatusCode, got)
			}
			if etag := r.Header.Get("Etag"); (etag != "") != (r.StatusCode == 200) {
				t.Errorf("ETag %q", etag)
			}
		})
	}
}

func TestServer_mount_points(t *testing.T) {
	server := newServer(t, &socketio.Options{ClientFiles: bundles()})
	for name, tt := range map[string]struct {
		mount func(mux *http.ServeMux)
		path  string
	}{
		"the usual one": {func(mux *http.ServeMux) { mux.Handle("/socket.io/", server) }, "/socket.io/"},
		"another":       {func(mux *http.ServeMux) { mux.Handle("/a/b/", server) }, "/a/b/"},
		"the root":      {func(mux *http.ServeMux) { mux.Handle("/", server) }, "/"},
		"below StripPrefix": {func(mux *http.ServeMux) {
			mux.Handle("/api/", http.StripPrefix("/api", server))
		}, "/api/socket.io/"},
		"StripPrefix of all": {func(mux *http.ServeMux) { mux.Handle("/x/", http.StripPrefix("/x/", server)) }, "/x/"},
		"without a slash": {func(mux *http.ServeMux) {
			mux.Handle("/socket.io", server)
			mux.Handle("/socket.io/", server)
		}, "/socket.io"},
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			tt.mount(mux)
			r := request(mux, "GET", tt.path+"?EIO=4&transport=polling")
			if got := body(t, r); r.StatusCode != 200 || !strings.HasPrefix(got, `0{"sid":"`) {
				t.Errorf("handshake: %d %q", r.StatusCode, got)
			}
			file := strings.TrimSuffix(tt.path, "/") + "/socket.io.min.js"
			if r := request(mux, "GET", file); r.StatusCode != 200 || !strings.Contains(body(t, r), "socket.io.min.js") {
				t.Errorf("%s: %d", file, r.StatusCode)
			}
		})
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
