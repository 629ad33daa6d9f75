package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"time"
)

//go:embed page
var page embed.FS

// contentTypes are fixed, because the table of the operating system that
// package mime consults may call JavaScript text/plain.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// An asset is one file of the page, ready to be served.
type asset struct {
	contentType string
	etag        string
	data        []byte
}

// Handler serves the test page at / and at /test-socketio.html, and its
// scripts and styles under /assets/. Other paths answer 404, other methods
// than GET and HEAD 405.
//
// Browsers keep the files but ask each time whether they are still the same
// (an ETag of the content), so a new binary is never met by old scripts. The
// Content-Security-Policy allows the page its own files and its own server,
// and nothing else.
func Handler() http.Handler {
	assets := load(page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := assets[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		h.Set("Content-Security-Policy", policy(r.Host))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Type", a.contentType)
		h.Set("ETag", a.etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.data))
	})
}

// load reads the embedded files into a table by URL path.
func load(files fs.FS) map[string]*asset {
	assets := make(map[string]*asset)
	err := fs.WalkDir(files, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		assets["/assets/"+path.Base(name)] = &asset{
			contentType: contentTypes[path.Ext(name)],
			etag:        `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
			data:        data,
		}
		return nil
	})
	if err != nil {
		panic("web: embedded page is unreadable: " + err.Error())
	}
	index := assets["/assets/index.html"]
	delete(assets, "/assets/index.html")
	assets["/"], assets["/test-socketio.html"] = index, index
	return assets
}

// plainHost is a Host header that may stand in a policy as it is.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$`)

// policy returns the Content-Security-Policy for a page reached at host. The
// websocket addresses are named as well, because older browsers do not take
// 'self' to cover them.
func policy(host string) string {
	connect := "'self'"
	if plainHost.MatchString(host) {
		connect += " ws://" + host + " wss://" + host
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src " + connect +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
