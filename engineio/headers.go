package engineio

import (
	"errors"
	"net/http"
)

var errHeaders = errors.New("engineio: a function for headers panicked")

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
