package fasthttpio

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// wholeAnswer is up to how many bytes an answer is kept until the handler returns. A larger one is written as it comes.
const wholeAnswer = 64 << 10

// response is the http.ResponseWriter of a request. It belongs to the goroutine of the handler.
type response struct {
	x      *exchange
	head   bool // the request's method is HEAD
	header http.Header
	status int // 0: not set yet
	sent   http.Header
	body   []byte
	stream *stream // nil: the answer has not begun
	taken  bool    // the connection is hijacked
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	if w.status != 0 || w.taken || status < 200 {
		return // informational answers are not sent
	}
	if status > 999 {
		panic(fmt.Sprintf("fasthttpio: invalid status %d", status))
	}
	w.status = status
	w.sent = maps.Clone(w.header) // what is set later does not count
	for name, values := range w.sent {
		w.sent[name] = slices.Clone(values)
	}
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	switch {
	case w.taken:
		return 0, http.ErrHijacked
	case w.status == http.StatusNoContent || w.status == http.StatusNotModified:
		return 0, http.ErrBodyNotAllowed
	case w.head:
		return len(p), nil
	case w.stream == nil && len(w.body)+len(p) <= wholeAnswer:
		w.body = append(w.body, p...)
		return len(p), nil
	case w.stream == nil:
		w.begin(false)
	}
	return w.stream.write(p)
}

// FlushError writes what there is of the answer. From then on each Write goes to the client at once.
func (w *response) FlushError() error {
	w.WriteHeader(http.StatusOK)
	if w.taken {
		return http.ErrHijacked
	}
	if w.stream == nil {
		w.begin(true)
	}
	return nil
}

// Flush implements http.Flusher.
func (w *response) Flush() { w.FlushError() }

// begin has fasthttp write the answer while the handler goes on. In chunks each piece is written at once.
func (w *response) begin(chunks bool) {
	if chunks {
		w.sent.Del("Content-Length")
	}
	w.stream = newStream(w.body, w.x)
	w.x.decide(outcome{status: w.status, header: w.sent, body: w.body, stream: w.stream})
	w.body = nil
}

// SetReadDeadline bounds reading of the request's body; http.ResponseController calls it.
func (w *response) SetReadDeadline(t time.Time) error { return w.x.setReadDeadline(t) }

// SetWriteDeadline bounds writing of the answer; http.ResponseController calls it.
func (w *response) SetWriteDeadline(t time.Time) error { return w.x.setWriteDeadline(t) }

// Hijack implements http.Hijacker.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.taken {
		return nil, nil, http.ErrHijacked
	}
	switch {
	case w.status != 0:
		return nil, nil, errAnswered
	case !w.x.upgrade:
		return nil, nil, errNoUpgrade
	}
	w.taken = true
	return w.x.hijack()
}

// end ends the answer, after a panic if fault is not nil.
func (w *response) end(fault any) {
	switch {
	case w.stream != nil && fault != nil:
		w.stream.end(http.ErrAbortHandler)
	case w.stream != nil:
		w.stream.end(io.EOF)
	case fault == http.ErrAbortHandler:
		w.x.decide(outcome{aborts: true})
	case fault != nil:
		w.x.decide(outcome{status: http.StatusInternalServerError, header: http.Header{"Connection": {"close"}}})
	default:
		w.WriteHeader(http.StatusOK)
		w.x.decide(outcome{status: w.status, header: w.sent, body: w.body})
	}
}

// write gives the answer to fasthttp.
func (o *outcome) write(ctx *fasthttp.RequestCtx) {
	to := &ctx.Response
	to.SetStatusCode(o.status)
	to.Header.SetNoDefaultContentType(true)
	if _, decided := o.header["Content-Type"]; !decided && len(o.body) > 0 {
		to.Header.SetContentType(http.DetectContentType(o.body))
	}
	length := -1
	for name, values := range o.header {
		for _, value := range values {
			switch name {
			case "Content-Length":
				if n, err := strconv.Atoi(value); err == nil && n >= 0 {
					length = n
				}
			case "Transfer-Encoding": // fasthttp chooses it
			case "Connection":
				if strings.EqualFold(value, "close") {
					to.SetConnectionClose()
				}
			default:
				to.Header.Add(name, value)
			}
		}
	}
	switch {
	case o.stream != nil:
		to.SetBodyStream(o.stream, length)
	case ctx.IsHead() && length >= 0:
		to.SkipBody = true
		to.Header.SetContentLength(length)
	default:
		to.SetBodyRaw(o.body)
	}
}
