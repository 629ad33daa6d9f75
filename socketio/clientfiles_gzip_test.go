package socketio_test

import (
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/socketio"
)

func TestOptions_ClientFiles_compressed(t *testing.T) {
	files := bundles()
	files["socket.io.js"].Data = append(files["socket.io.js"].Data, strings.Repeat(" and more", 5000)...)
	whole := string(files["socket.io.js"].Data)
	server := newServer(t, &socketio.Options{ClientFiles: files, CORS: engineio.CORS{Origins: []string{"https://app.example.com"}}})
	for accepted, want := range map[string]bool{
		"": false, "gzip": true, "gzip, deflate, br": true, "br": false, "deflate": false, "gzip;q=0": false, "*": true,
	} {
		for range 2 { // from the cache, too
			r := request(server, "GET", "/socket.io/socket.io.js", "Accept-Encoding", accepted, "Origin", "https://app.example.com")
			got := body(t, r)
			if compressed := r.Header.Get("Content-Encoding") == "gzip"; compressed != want {
				t.Errorf("%q: compressed %v", accepted, compressed)
			} else if compressed {
				z, err := gzip.NewReader(strings.NewReader(got))
				if err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(z)
				if err != nil || len(got) > len(data)/10 {
					t.Errorf("%v, %d bytes of %d", err, len(got), len(data))
				}
				got = string(data)
			}
			if got != whole || r.StatusCode != 200 {
				t.Errorf("%q: %d, %d bytes", accepted, r.StatusCode, len(got))
			}
			if vary := strings.Join(r.Header.Values("Vary"), ", "); vary != "Origin, Accept-Encoding" || r.Header.Get("Etag") != `"4.8.4"` {
				t.Errorf("%q: Vary %q, ETag %q", accepted, vary, r.Header.Get("Etag"))
			}
		}
	}
	r := request(server, "GET", "/socket.io/socket.io.js", "Accept-Encoding", "gzip", "If-None-Match", `"4.8.4"`)
	if got := body(t, r); r.StatusCode != 304 || got != "" || r.Header.Get("Content-Encoding") != "" || r.Header.Get("Vary") == "" {
		t.Errorf("%d %q %v", r.StatusCode, got, r.Header)
	}
	r = request(server, "GET", "/socket.io/socket.io.js", "Accept-Encoding", "gzip", "Range", "bytes=0-9")
	if got := body(t, r); r.StatusCode != 206 || got != whole[:10] || r.Header.Get("Content-Encoding") != "" {
		t.Errorf("range: %d %q", r.StatusCode, got)
	}
	r = request(server, "HEAD", "/socket.io/socket.io.js", "Accept-Encoding", "gzip")
	if got := body(t, r); r.StatusCode != 200 || got != "" || r.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("HEAD: %d %q %v", r.StatusCode, got, r.Header)
	}
}
