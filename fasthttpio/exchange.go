package fasthttpio

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/parleyio/parley/internal/guard"
)

// exchange is a request and its answer. Two goroutines work on it: the handler's, and fasthttp's, which owns the connection
// and waits for the handler's outcome.
type exchange struct {
	// Immutable after construction.
	conn     net.Conn
	log      *slog.Logger
	upgrade  bool // the request may be hijacked
	body     *body
	response *response
	cancel   context.CancelCauseFunc

	decided chan struct{} // closed when outcome is set
	outcome outcome       // what fasthttp is to do
	ahead   bool          // the client has sent more; owned by the goroutine of fasthttp

	handed chan handed   // the hijacked connection
	gaveUp chan struct{} // closed when the handler no longer waits for it

	mu sync.Mutex // guards the fields below
	// ctx is where deadlines are set, so that fasthttp removes them afterwards. It is nil once fasthttp may use it for
	// another request.
	ctx      *fasthttp.RequestCtx
	settled  bool      // outcome is set
	watching bool      // the connection is being read, to see its end
	deadline time.Time // of writes
}

// outcome is what a handler decides first: to answer, to take the connection, or to end it.
type outcome struct {
	status  int
	header  http.Header
	body    []byte  // all of it, or what comes before stream
	stream  *stream // nil: there is no more
	hijacks bool
	aborts  bool
}

func newExchange(ctx *fasthttp.RequestCtx, log *slog.Logger, r *http.Request, b *body) *exchange {
	x := &exchange{
		conn: ctx.Conn(), log: log, upgrade: r.Header.Get("Upgrade") != "", body: b, ctx: ctx,
		decided: make(chan struct{}), handed: make(chan handed), gaveUp: make(chan struct{}),
	}
	x.response = &response{x: x, header: http.Header{}, head: r.Method == http.MethodHead}
	return x
}

// values is a context with the user values of a request.
type values struct {
	context.Context
	values map[any]any
}

// Value implements context.Context.
func (v values) Value(key any) any {
	if value, ok := v.values[key]; ok {
		return value
	}
	return v.Context.Value(key)
}

// context returns the context of the request.
func (x *exchange) context(from *fasthttp.RequestCtx) context.Context {
	parent := context.WithValue(context.Background(), http.LocalAddrContextKey, x.conn.LocalAddr())
	all := map[any]any{}
	from.VisitUserValuesAll(func(key, value any) { all[key] = value })
	if len(all) > 0 {
		parent = values{parent, all}
	}
	ctx, cancel := context.WithCancelCause(parent)
	x.cancel = cancel
	return ctx
}

// run runs the handler.
func (x *exchange) run(h http.Handler, r *http.Request) {
	defer x.guard(r)
	h.ServeHTTP(x.response, r)
}

// guard ends the handler's part, also after a panic.
func (x *exchange) guard(r *http.Request) {
	fault := recover()
	if fault != nil && fault != http.ErrAbortHandler {
		guard.Log(x.log, "panic in an HTTP handler", fault, slog.String("method", r.Method), slog.String("path", r.URL.Path))
	}
	x.cancel(context.Canceled)
	x.response.end(fault)
}

// decide tells fasthttp what to do, if nothing has been decided yet.
func (x *exchange) decide(o outcome) {
	x.body.Close()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.settled {
		return
	}
	x.settled, x.outcome = true, o
	if o.stream == nil {
		x.ctx = nil
	}
	if x.watching {
		x.conn.SetReadDeadline(past)
	}
	close(x.decided)
}

// past is a deadline that ends a read at once.
var past = time.Unix(1, 0)

// await waits for the outcome.
func (x *exchange) await() {
	select {
	case <-x.decided:
		return
	case <-x.body.done: // the connection is free
	}
	if !x.upgrade { // what follows it belongs to the handler that takes the connection over
		x.watch()
	}
	<-x.decided
}

// watch reads the connection until the handler has decided, to see whether the client is still there.
func (x *exchange) watch() {
	if !x.startWatch() {
		return
	}
	var one [1]byte
	n, err := x.conn.Read(one[:])
	x.mu.Lock()
	defer x.mu.Unlock()
	x.watching = false
	x.conn.SetReadDeadline(time.Time{})
	switch {
	case n > 0:
		x.ahead = true
	case x.settled && errors.Is(err, os.ErrDeadlineExceeded):
	default:
		x.cancel(ErrDisconnected)
	}
}

func (x *exchange) startWatch() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.settled {
		return false
	}
	x.watching = true
	x.conn.SetReadDeadline(time.Time{}) // that of the server is for requests that are not held
	return true
}

// setReadDeadline bounds reading of the body. It does nothing once the answer has begun.
func (x *exchange) setReadDeadline(t time.Time) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.settled {
		return nil
	}
	return x.ctx.SetReadDeadline(t)
}

// setWriteDeadline bounds writing of the answer. It does nothing when there is nothing more to write.
func (x *exchange) setWriteDeadline(t time.Time) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ctx == nil {
		return nil
	}
	x.deadline = t
	return x.ctx.SetWriteDeadline(t)
}

// release is called when fasthttp has written the answer, or has failed to.
func (x *exchange) release() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ctx = nil
}
