package engineio

import (
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/parleyio/parley/internal/buffer"
	"github.com/parleyio/parley/internal/eio"
)

// AcceptedEncoding returns which of the content codings, named in order of preference, suits a request best, or "" when
// the answer should not be encoded. It follows the weights of Accept-Encoding (RFC 9110, section 12.5.3); between
// equals the order given decides. A request without that header gets no encoding.
func AcceptedEncoding(r *http.Request, codings ...string) string {
	accepted := r.Header["Accept-Encoding"]
	if len(accepted) == 0 {
		return ""
	}
	best, weight := "", 0.0
	for _, coding := range codings {
		q, named := weightOf(accepted, coding)
		if !named {
			q, _ = weightOf(accepted, "*")
		}
		if q > weight {
			best, weight = coding, q
		}
	}
	if q, _ := weightOf(accepted, "identity"); q > weight {
		return ""
	}
	return best
}

// weightOf returns the weight of a coding, and whether it is named at all. A weight that cannot be read is zero.
func weightOf(accepted []string, coding string) (weight float64, named bool) {
	for _, line := range accepted {
		for part := range strings.SplitSeq(line, ",") {
			name, parameters, _ := strings.Cut(part, ";")
			if !strings.EqualFold(strings.TrimSpace(name), coding) {
				continue
			}
			weight = 1
			for parameter := range strings.SplitSeq(parameters, ";") {
				key, value, _ := strings.Cut(parameter, "=")
				if !strings.EqualFold(strings.TrimSpace(key), "q") {
					continue
				}
				q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
				if weight = 0; err == nil && q >= 0 && q <= 1 {
					weight = q
				}
			}
			return weight, true
		}
	}
	return 0, false
}

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
	coding := AcceptedEncoding(r, "gzip", "deflate")
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
