package websocket

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/internal/buffer"
	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// Name is the value of the query parameter transport.
const Name = "websocket"

// Transport accepts websockets. It implements transport.Transport. Immutable.
type Transport struct {
	Rules   eio.Rules     // the limits for messages of clients
	Deflate *eio.Deflater // compresses messages; nil: no compression
}

// Name implements transport.Transport.
func (*Transport) Name() string { return Name }

// Method implements transport.Transport (RFC 6455, section 4.1).
func (*Transport) Method() string { return http.MethodGet }

// Opens implements transport.Transport.
func (*Transport) Opens(r *http.Request) bool { return IsUpgrade(r) }

// Reachable implements transport.Transport. A websocket takes its connection over from the HTTP server, which has to allow
// that. Over HTTP/2 nothing can be known: clients open a websocket on another connection, over HTTP/1.1.
func (*Transport) Reachable(w http.ResponseWriter, r *http.Request) bool {
	if r.ProtoMajor != 1 {
		return true
	}
	for { // as http.ResponseController does
		switch rw := w.(type) {
		case http.Hijacker:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = rw.Unwrap()
		default:
			return false
		}
	}
}

// IsUpgrade reports whether a request asks to leave HTTP.
func IsUpgrade(r *http.Request) bool {
	return r.Header.Get("Upgrade") != "" && hasToken(r.Header["Connection"], "upgrade")
}

func hasToken(values []string, token string) bool {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// WrongVersion is the result of Check for a version that is not supported.
const WrongVersion = "Missing or invalid Sec-WebSocket-Version header"

// Check implements transport.Transport, with the texts of the reference.
func (*Transport) Check(r *http.Request) string {
	switch {
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		return "Invalid Upgrade header"
	case !r.ProtoAtLeast(1, 1) || r.ProtoMajor > 1:
		return "Invalid HTTP version"
	case !validKey(r.Header.Get("Sec-Websocket-Key")):
		return "Missing or invalid Sec-WebSocket-Key header"
	case r.Header.Get("Sec-Websocket-Version") != "13":
		return WrongVersion
	}
	return ""
}

// validKey reports whether the key is base64 of 16 bytes (RFC 6455, section 4.1).
func validKey(key string) bool {
	if len(key) != 24 || !strings.HasSuffix(key, "==") {
		return false
	}
	data, err := eio.DecodeBase64([]byte(key))
	return err == nil && len(data) == 16
}

// Accept implements transport.Transport.
func (t *Transport) Accept(w http.ResponseWriter, r *http.Request, o transport.Opening) (transport.Conn, string, error) {
	deflate := t.negotiate(w.Header(), r, o.Base64)
	a, err := hijack(w, r, o.Limits.WriteTimeout)
	if err != nil {
		return nil, "", err
	}
	c := &Conn{form: o.Revision.Frames(o.Base64), deflate: deflate}
	c.Limits, c.Prepares = o.Limits, deflate != nil
	direct := c.direct.take(a.conn)
	c.in.init(c, a.conn, &t.Rules, a.early)
	c.out.Init(&c.Link, c, direct)
	c.out.Hold(a.answer)
	return c, "", nil
}

// negotiate answers an offer of permessage-deflate in the headers of the 101. It returns the compressor of the connection,
// or nil. A connection with b64 is not compressed: such clients do not support it.
func (t *Transport) negotiate(h http.Header, r *http.Request, base64 bool) *eio.Deflater {
	if t.Deflate == nil || base64 {
		return nil
	}
	answer := eio.AcceptDeflate(r.Header["Sec-Websocket-Extensions"])
	if answer == "" {
		return nil
	}
	h.Set("Sec-Websocket-Extensions", answer)
	return t.Deflate
}

// acceptance is a connection that has been taken over from the HTTP server. Its answer, 101 and the headers, is held back,
// so that it is sent in one write with the first packet. It bypasses the bufio.Writer that the Hijack method of a wrapper
// returns; a wrapper that has to see the bytes must return a net.Conn of its own.
type acceptance struct {
	http.ResponseWriter
	conn   net.Conn
	early  []byte  // bytes behind the request that the HTTP server has already read
	answer *[]byte // a pooled buffer
}

// hijack takes over the connection of a checked handshake.
func hijack(w http.ResponseWriter, r *http.Request, timeout time.Duration) (*acceptance, error) {
	// The first offered subprotocol is accepted, because browsers close a connection that accepts none of them.
	first := true
	upgrader := ws.HTTPUpgrader{
		Header:   w.Header().Clone(),
		Protocol: func(string) bool { taken := first; first = false; return taken },
	}
	a := &acceptance{ResponseWriter: w, answer: buffer.Take()}
	conn, rw, _, err := upgrader.Upgrade(r, a)
	if rw != nil {
		defer rw.Writer.Reset(conn) // a wrapper that has kept the Writer must not write into the pooled buffer
	}
	if err != nil {
		if conn != nil {
			conn.SetWriteDeadline(time.Now().Add(timeout))
			conn.Write(*a.answer) // the refusal
			conn.Close()
		}
		buffer.Give(a.answer)
		return nil, err
	}
	a.conn, a.early = conn, readAhead(rw.Reader)
	return a, nil
}

// Hijack implements http.Hijacker. Bytes that are written to the result are held back.
func (a *acceptance) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil {
		rw.Writer.Reset((*eio.SliceWriter)(a.answer))
	}
	return conn, rw, err
}

// readAhead copies the bytes behind the request that the HTTP server has already read.
func readAhead(r *bufio.Reader) []byte {
	if r.Buffered() == 0 {
		return nil
	}
	early := make([]byte, r.Buffered())
	n, _ := r.Read(early)
	return early[:n]
}
