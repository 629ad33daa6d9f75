package engineio

import (
	"errors"
	"net/http"
)

var errHeaders = errors.New("engineio: Options.Headers or InitialHeaders panicked")

// customHeaders calls the application's functions that change the headers of a successful answer. initial is true for the
// first answer of a session.
func (s *Server) customHeaders(h http.Header, r *http.Request, initial bool) {
	if initial && s.opts.InitialHeaders != nil {
		s.opts.InitialHeaders(h, r)
	}
	if s.opts.Headers != nil {
		s.opts.Headers(h, r)
	}
}

// customHeaders does the same for an answer over polling, and sets the cookie. If a function of the application panics, it
// ends the session, because the packets of the answer are lost, and passes the panic on.
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
