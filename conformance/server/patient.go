package main

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"sync"
	"time"
)

// The suites count on luck in two places, which fails them on a busy machine whatever the server does. The wrappers here
// take its part.

// patience is how long a server waits for a suite, or for itself.
const patience = 50 * time.Millisecond

// orderly holds the polls of a session back that is being upgraded. The suites write the upgrade packet to the websocket
// and poll at once, over another connection, and count on the server to see the two in this order.
func orderly(h http.Handler) http.Handler {
	var upgrading sync.Map // by session id; a run has a few dozen
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sid := r.URL.Query().Get("sid")
		if r.Header.Get("Upgrade") != "" {
			upgrading.Store(sid, true)
		} else if _, ok := upgrading.Load(sid); ok && r.Method == http.MethodGet {
			time.Sleep(patience)
		}
		h.ServeHTTP(w, r)
	})
}

// patient lets a handler say nothing on a websocket for a moment. The suite of Engine.IO v3 has a case that waits for
// the websocket to open and only then begins to listen: an open packet that arrives together with the answer to the
// handshake is lost to it. (The suite of v4 keeps what comes early.)
func patient(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(patientWriter{w}, r) })
}

type patientWriter struct{ http.ResponseWriter }

// Unwrap is for http.ResponseController.
func (w patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack implements http.Hijacker. The engine does not look behind a connection that it does not know.
func (w patientWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		conn = &pausing{Conn: conn}
	}
	return conn, rw, err
}

// pausing pauses behind the answer to the handshake, which is what it writes first.
type pausing struct {
	net.Conn
	answered bool
}

func (p *pausing) Write(b []byte) (int, error) {
	end := bytes.Index(b, []byte("\r\n\r\n")) + 4
	if p.answered || end < 4 {
		return p.Conn.Write(b)
	}
	p.answered = true
	n, err := p.Conn.Write(b[:end])
	if err != nil {
		return n, err
	}
	time.Sleep(patience)
	m, err := p.Conn.Write(b[end:])
	return n + m, err
}
