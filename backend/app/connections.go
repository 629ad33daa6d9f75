package app

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections knows on which connections an http.Server waits for its client, so that a drain does not wait for clients
// that stall: http.Server.Shutdown waits for a request that never arrives until its deadline, and five seconds for a
// connection to begin. Browsers open some of those in advance.
type connections struct {
	// mu guards the fields below.
	mu    sync.Mutex
	waits map[net.Conn]phase // those on which the server waits
	until time.Time          // when draining: requests must have arrived by then
	quiet bool               // connections that have sent nothing are closed
}

type phase int

const (
	silent    phase = iota // nothing has come
	receiving              // a request's header has come, its body perhaps not
)

// connectionKey is where a request's context has its net.Conn.
type connectionKey struct{}

// watch makes them those of server.
func (c *connections) watch(server *http.Server) {
	server.ConnState = c.track
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, conn)
	}
	handler := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, ok := r.Context().Value(connectionKey{}).(net.Conn); ok {
			if r.Body == nil || r.Body == http.NoBody {
				c.received(conn)
			} else {
				r.Body = &body{r.Body, conn, c}
			}
		}
		handler.ServeHTTP(w, r)
	})
}

// track is the hook for changes of a connection's state.
func (c *connections) track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		if c.quiet {
			_ = conn.Close()
			return
		}
		c.waitLocked(conn, silent)
	case http.StateActive:
		c.waitLocked(conn, receiving)
		c.limitLocked(conn)
	default:
		delete(c.waits, conn)
	}
}

func (c *connections) waitLocked(conn net.Conn, p phase) {
	if c.waits == nil {
		c.waits = map[net.Conn]phase{}
	}
	c.waits[conn] = p
}

// limitLocked bounds the time for what is still to come, if there is a drain.
func (c *connections) limitLocked(conn net.Conn) {
	if !c.until.IsZero() {
		_ = conn.SetReadDeadline(c.until)
	}
}

// limit is called before each read of a body: its handler may have set a later deadline meanwhile.
func (c *connections) limit(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limitLocked(conn)
}

// received ends the wait: from now on it is the client that waits, and as long as it likes.
func (c *connections) received(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.waits[conn]; !ok {
		return
	}
	delete(c.waits, conn)
	if !c.until.IsZero() {
		_ = conn.SetReadDeadline(time.Time{}) // the server would take its passing for the client's end
	}
}

// expect begins a drain: requests must arrive by this time.
func (c *connections) expect(until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = until
	for conn, p := range c.waits {
		if p == receiving {
			c.limitLocked(conn)
		}
	}
}

// closeSilent closes the connections that have sent nothing, and every one that comes later.
func (c *connections) closeSilent() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet = true
	for conn, p := range c.waits {
		if p == silent {
			_ = conn.Close()
		}
	}
}

// body tells when a request has arrived.
type body struct {
	io.ReadCloser
	conn        net.Conn
	connections *connections
}

func (b *body) Read(p []byte) (int, error) {
	b.connections.limit(b.conn)
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.connections.received(b.conn)
	}
	return n, err
}
