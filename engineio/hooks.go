package engineio

import (
	"errors"
	"net/http"
)

var errHeaders = errors.New("engineio: a function for headers panicked")

// UpgradeHandler is what a Handler may implement to be told that its session has moved to a websocket.
type UpgradeHandler interface {
	// Upgraded is called once, behind the messages that came by polling and before those of the websocket, by the
	// goroutine that calls Message.
	Upgraded()
}

// FlushHandler is what a Handler may implement to be told that what had to wait has been written.
type FlushHandler interface {
	// Drained is called each time that the queue of an open session has become empty: behind messages that the
	// connection did not take at once, or for which a poll had to come. It is called by the goroutine that wrote, may
	// send, and should not block.
	Flushed()
}

// customHeaders lets the application change the headers of a successful answer. initial tells that it is a session's
// first one.
func (s *Server) customHeaders(h http.Header, r *http.Request, initial bool) {
	if initial && s.opts.InitialHeaders != nil {
		s.opts.InitialHeaders(h, r)
	}
	if s.opts.Headers != nil {
		s.opts.Headers(h, r)
	}
}

// customHeaders does the same for an answer over polling, and sets the cookie. A panic of the application's is passed
// on, but not without ending the session: what the answer was to carry is lost.
func (s *Session) customHeaders(h http.Header, r *http.Request) {
	o := &s.server.opts
	if s.server.cookie == nil && o.InitialHeaders == nil && o.Headers == nil {
		return
	}
	returned := false
	defer func() {
		if !returned {
			s.Abort(TransportError, errHeaders)
		}
	}()
	initial := last(r.URL.Query()["sid"]) == ""
	if initial && s.server.cookie != nil {
		h.Add("Set-Cookie", s.server.cookie.text(s.id))
	}
	s.server.customHeaders(h, r, initial)
	returned = true
}

// tellUpgraded tells a handler that wants to know that c has become the transport, on its reading goroutine.
func (s *Session) tellUpgraded(c *wsConn) {
	s.mu.Lock()
	upgraded := s.ws.Load() == c && s.state == open
	s.mu.Unlock()
	if h, ok := s.handler.(UpgradeHandler); ok && upgraded {
		h.Upgraded()
	}
}

// tellFlushed tells a handler that wants to know that the queue is empty.
func (s *Session) tellFlushed() {
	h, ok := s.handler.(FlushHandler)
	if !ok {
		return
	}
	s.mu.Lock()
	packets, _ := s.queuedLocked()
	empty := packets == 0 && s.state == open
	s.mu.Unlock()
	if empty {
		h.Flushed()
	}
}

// Queued returns how much waits to be written to the client, in packets and in bytes. Options.SendQueuePackets and
// SendQueueBytes bound it.
func (s *Session) Queued() (packets, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queuedLocked()
}

func (s *Session) queuedLocked() (packets, bytes int) {
	if c := s.ws.Load(); c != nil {
		return c.out.packets, c.out.bytes
	}
	return s.polling.count, s.polling.bytes
}
