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

// Unused encoders. Each holds a megabyte. BestSpeed needs less than half the time of the default level, and its output is
// only a little larger. The content coding "deflate" means the format of zlib.
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
	e.Reset(io.Discard) // it must not keep a reference to the buffer that it has written to
	if coding == "gzip" {
		gzipWriters.Put(e)
	} else {
		zlibWriters.Put(e)
	}
}

// encodeBody compresses a polling body and sets the headers for it. It returns nil when the client does not accept a
// compressed body or compression does not make it smaller; otherwise a pooled buffer, for which the caller calls
// buffer.Give.
func encodeBody(h http.Header, r *http.Request, body []byte) *[]byte {
	coding := coding.Accepted(r, "gzip", "deflate")
	if coding == "" {
		return nil
	}
	own := buffer.Take()
	out := eio.SliceWriter((*own)[:0])
	e := takeEncoder(coding)
	e.Reset(&out)
	e.Write(body) // neither call can fail: they write to memory
	e.Close()
	giveEncoder(coding, e)
	*own = out
	if len(out) >= len(body) {
		buffer.Give(own)
		return nil
	}
	h.Set("Content-Encoding", coding)
	if r.ProtoMajor == 1 {
		h.Set("Transfer-Encoding", "chunked") // as the reference does; net/http would set Content-Length for a short body
	}
	return own
}
