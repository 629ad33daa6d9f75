package engineio

import (
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"sync"

	"github.com/parleyio/parley/internal/buffer"
	"github.com/parleyio/parley/internal/coding"
	"github.com/parleyio/parley/internal/eio"
)

// encoder is a compressor of HTTP bodies: a gzip.Writer or a zlib.Writer.
type encoder interface {
	io.WriteCloser
	Reset(io.Writer)
}

// The encoders, while no body needs them: a megabyte each. BestSpeed takes less than half the time of the default and
// saves nearly as much. "deflate" means the format of zlib.
var (
	gzipWriters = sync.Pool{New: func() any {
		w, _ := gzip.NewWriterLevel(io.Discard, flate.BestSpeed) // a valid level
		return w
	}}
	zlibWriters = sync.Pool{New: func() any {
		w, _ := zlib.NewWriterLevel(io.Discard, flate.BestSpeed)
		return w
	}}
)

func takeEncoder(coding string) encoder {
	if coding == "gzip" {
		return gzipWriters.Get().(encoder)
	}
	return zlibWriters.Get().(encoder)
}

func giveEncoder(coding string, e encoder) {
	e.Reset(io.Discard) // it must not keep what it has written to
	if coding == "gzip" {
		gzipWriters.Put(e)
	} else {
		zlibWriters.Put(e)
	}
}

// encodeBody compresses a polling body, if the client wants that and it saves anything, and says so in the headers. It
// returns nil when the body is to be sent as it is; otherwise a pooled buffer for buffer.Give.
func encodeBody(h http.Header, r *http.Request, body []byte) *[]byte {
	coding := coding.Accepted(r, "gzip", "deflate")
	if coding == "" {
		return nil
	}
	own := buffer.Take()
	out := eio.SliceWriter((*own)[:0])
	e := takeEncoder(coding)
	e.Reset(&out)
	e.Write(body) // to memory: neither can fail
	e.Close()
	giveEncoder(coding, e)
	*own = out
	if len(out) >= len(body) {
		buffer.Give(own)
		return nil
	}
	h.Set("Content-Encoding", coding)
	if r.ProtoMajor == 1 {
		h.Set("Transfer-Encoding", "chunked") // as the reference; net/http would count a short body
	}
	return own
}
