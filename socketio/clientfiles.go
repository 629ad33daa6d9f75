package socketio

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/parleyio/parley/internal/coding"
)

// isClientFile reports whether a name is one of the eight files of the client: four bundles and their maps. Nothing
// else is ever looked up.
func isClientFile(name string) bool {
	switch strings.TrimSuffix(name, ".map") {
	case "socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js":
		return true
	}
	return false
}

// clientFiles serves the client's bundles.
type clientFiles struct {
	// Immutable after construction.
	files fs.FS // nil: there are none
	etag  string

	mu     sync.Mutex        // guards the field below
	zipped map[string][]byte // the bundles that were asked for with gzip; nil for one that cannot be read
}

// banner is the first line of a bundle.
var banner = regexp.MustCompile(`Socket\.IO v([0-9A-Za-z.-]+)`)

// newClientFiles finds the version of the bundles, which is the ETag of all of them.
func newClientFiles(files fs.FS) *clientFiles {
	if files == nil {
		return &clientFiles{}
	}
	bundle, err := fs.ReadFile(files, "socket.io.js")
	if err != nil {
		return &clientFiles{}
	}
	version := banner.FindSubmatch(bundle[:min(len(bundle), 256)])
	if version == nil {
		sum := sha256.Sum256(bundle)
		return &clientFiles{files: files, etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	return &clientFiles{files: files, etag: `"` + string(version[1]) + `"`}
}

// gzipped returns a bundle compressed, which happens once: the bundles do not change. It returns nil when the bundle
// cannot be read.
func (c *clientFiles) gzipped(name string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	zipped, made := c.zipped[name]
	if made {
		return zipped
	}
	if data, err := fs.ReadFile(c.files, name); err == nil {
		var b bytes.Buffer
		w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // a valid level
		w.Write(data)                                         // to memory: neither can fail
		w.Close()
		zipped = b.Bytes()
	}
	if c.zipped == nil {
		c.zipped = map[string][]byte{}
	}
	c.zipped[name] = zipped
	return zipped
}

func (c *clientFiles) serve(w http.ResponseWriter, r *http.Request, name string) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if c.files == nil {
		http.Error(w, "this server was built without the client's bundles", http.StatusNotFound)
		return
	}
	file, err := c.files.Open(name)
	if err != nil {
		http.Error(w, "no such bundle", http.StatusNotFound)
		return
	}
	defer file.Close()
	content, ok := file.(io.ReadSeeker)
	if !ok {
		http.Error(w, "the bundles cannot be read", http.StatusInternalServerError)
		return
	}
	h.Set("Cache-Control", "public, max-age=0")
	h.Set("ETag", c.etag)
	if strings.HasSuffix(name, ".map") {
		h.Set("Content-Type", "application/json; charset=utf-8")
	} else {
		h.Set("Content-Type", "application/javascript; charset=utf-8")
	}
	// There is no encoder for br here, and nobody needs deflate. Ranges are of the bundle itself: they share its ETag.
	h.Add("Vary", "Accept-Encoding")
	if r.Header.Get("Range") == "" && coding.Accepted(r, "gzip") != "" {
		if zipped := c.gzipped(name); zipped != nil {
			h.Set("Content-Encoding", "gzip")
			content = bytes.NewReader(zipped)
		}
	}
	http.ServeContent(w, r, name, time.Time{}, content)
}
