package engineio

import "net/http"

// Use adds a middleware around every request: handshakes, polls, data and the openings of websockets, of all
// transports alike. Middlewares run in the order in which they were added, each once for a request, behind the check of
// the origin and the CORS headers, so that they never see a foreign page's request or a preflight, and before all other
// checks. Headers that they set go out with the answer, a websocket's 101 included.
//
// A middleware that does not call the next handler ends the request and has to answer it itself; [Server.Reject] does
// that as the reference does. One that wraps the http.ResponseWriter must give it an Unwrap method, or polls are cut off
// by the server's timeouts and websockets fail. A panic is the http.Server's affair, as in any handler.
//
// Use is meant for the set-up, but may be called at any time; requests that are being served are not affected. It
// panics on a nil middleware.
func (s *Server) Use(middleware func(next http.Handler) http.Handler) {
	if middleware == nil {
		panic("engineio: nil middleware")
	}
	s.using.Lock()
	defer s.using.Unlock()
	var chain []http.Handler
	if before := s.middlewares.Load(); before != nil {
		chain = *before
	}
	n := len(chain)
	chain = append(chain[:n:n], middleware(step{s, n + 1}))
	s.middlewares.Store(&chain)
}

// step is what follows in the chain: the middleware at a place, or the server itself behind the last.
type step struct {
	server *Server
	at     int
}

// ServeHTTP implements http.Handler.
func (l step) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if chain := l.server.middlewares.Load(); chain != nil && l.at < len(*chain) {
		(*chain)[l.at].ServeHTTP(w, r)
		return
	}
	l.server.serve(w, r)
}

// Reject answers a request that a middleware does not let pass: 400 with the code of BadRequest, as bare text when the
// client wants a websocket. The client is not told why. Options.OnConnectionError is, with the context "name"
// MIDDLEWARE_FAILURE and "error", the text of err.
func (s *Server) Reject(w http.ResponseWriter, r *http.Request, err error) {
	s.refuse(w, r, BadRequest, "", "name", "MIDDLEWARE_FAILURE", "error", err.Error())
}
