package fasthttpio

import (
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/valyala/fasthttp"
)

// Handler returns a fasthttp.RequestHandler that calls h. Options may be nil. The result may be used by any number of
// goroutines.
//
// The http.ResponseWriter that h gets is an http.Flusher, has deadlines ([http.NewResponseController]), and is an
// http.Hijacker for requests with the header Upgrade. The request's context ends when the client disconnects
// ([ErrDisconnected]), when the answer cannot be written, and when h returns. It has the user values of the
// [fasthttp.RequestCtx], which Fiber calls locals. A panic of h is logged and answered with 500; if the answer has begun,
// the connection is closed. http.ErrAbortHandler closes the connection and is not logged.
func Handler(h http.Handler, opts *Options) fasthttp.RequestHandler {
	s := &server{handler: h}
	if opts != nil {
		s.log = opts.Logger
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	return s.serve
}

// server is a handler with its options.
type server struct {
	handler http.Handler
	log     *slog.Logger
	warning sync.Once
}

// serve answers a request on the goroutine of fasthttp.
func (s *server) serve(ctx *fasthttp.RequestCtx) {
	r, body, err := request(ctx)
	if err != nil {
		ctx.Error(http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
		return
	}
	if body.buffered {
		s.warning.Do(func() {
			s.log.Warn("request bodies are read whole before the handler sees them: set StreamRequestBody of the server")
		})
	}
	x := newExchange(ctx, s.log, r, body)
	r = r.WithContext(x.context(ctx))
	go x.run(s.handler, r)
	x.await()
	switch o := x.outcome; {
	case o.hijacks:
		ctx.HijackSetNoResponse(true)
		ctx.Hijack(x.handOver)
	case o.aborts:
		ctx.HijackSetNoResponse(true)
		ctx.Hijack(func(net.Conn) {}) // fasthttp closes it
	default:
		o.write(ctx)
		if ctx.Response.ConnectionClose() || x.ahead || body.abandoned() {
			ctx.Response.SetConnectionClose()
			ctx.HijackSetNoResponse(true)
			ctx.Hijack(x.answerLast(ctx))
		}
	}
}
