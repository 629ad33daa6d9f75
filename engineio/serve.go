package engineio

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
	"github.com/parleyio/parley/internal/websocket"
)

// ServeHTTP serves a request of a client: a handshake, a poll, data, or the opening of a websocket, which stays open after
// the call has returned. It checks the origin first. The other checks and their order are those of engine.io-protocol v4.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.admits(r) {
		option, context := s.originRefusal(r)
		s.refuseFor(w, r, Forbidden, option, "", context...)
		return
	}
	s.origins.writeHeaders(w.Header(), r)
	if r.Method == http.MethodOptions && s.origins.enabled {
		s.origins.writePreflight(w, r)
		return
	}
	step{s, 0}.ServeHTTP(w, r)
}

// Use adds a middleware around every request: handshakes, polls, data and the openings of websockets, on all transports.
// Middlewares run in the order in which they were added, once for each request. They run after the check of the origin and
// after the CORS headers are set, so they never see a preflight or a request of an origin that is not allowed, and before
// all other checks. Headers that they set are sent with the answer, also with the 101 of a websocket.
//
// A middleware that does not call the next handler must answer the request itself; [Server.Reject] writes the answer that
// the reference writes. A middleware that wraps the http.ResponseWriter must give the wrapper an Unwrap method; without it
// the timeouts of the http.Server end polls, and websockets fail. A panic ends the request in the http.Server, as in any
// handler.
//
// Use is meant for the set-up but may be called at any time. It does not affect requests that are being served. It panics
// on a nil middleware. Off removes the middleware for later requests; it may be called several times, and from any goroutine.
func (s *Server) Use(middleware func(next http.Handler) http.Handler) (off func()) {
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
	return func() {
		s.using.Lock()
		defer s.using.Unlock()
		rest := slices.Clone(*s.middlewares.Load())
		rest[n] = step{s, n + 1} // its place stays, because those behind it know theirs
		s.middlewares.Store(&rest)
	}
}

// step is the rest of the chain from an index on: the middlewares, and the server itself after the last one.
type step struct {
	server *Server
	at     int
}

// ServeHTTP implements http.Handler.
func (p step) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if chain := p.server.middlewares.Load(); chain != nil && p.at < len(*chain) {
		(*chain)[p.at].ServeHTTP(w, r)
		return
	}
	p.server.serve(w, r)
}

// serve is ServeHTTP after the check of the origin and the middlewares.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	query, _ := url.ParseQuery(r.URL.RawQuery)
	name := last(query["transport"])
	t, ok := s.transport(name)
	if !ok {
		s.refuse(w, r, TransportUnknown, "", "transport", name)
		return
	}
	if sid := last(query["sid"]); sid != "" {
		s.serveSession(w, r, sid, t, eio.RevisionOf(last(query["EIO"])))
		return
	}
	switch {
	case r.Method != t.method():
		s.refuse(w, r, BadHandshakeMethod, "", "method", r.Method)
		return
	case !t.fits(r):
		s.refuse(w, r, BadRequest, "", "name", "TRANSPORT_HANDSHAKE_ERROR")
		return
	}
	a := s.admit(w, r)
	if a == nil {
		return
	}
	defer a.leave() // also after a panic of the application
	if s.opts.AllowRequest != nil {
		if err := s.opts.AllowRequest(r); err != nil {
			s.refuse(w, r, Forbidden, err.Error(), "message", err.Error())
			return
		}
	}
	a.revision, a.base64 = eio.RevisionOf(last(query["EIO"])), last(query["b64"]) != ""
	if a.revision.Number() == 3 && !s.opts.AllowEIO3 {
		s.refuse(w, r, UnsupportedProtocolVersion, "", "protocol", last(query["EIO"]))
		return
	}
	if t.conns != nil {
		s.openConn(t.conns, w, r, a)
	} else {
		s.openPolling(w, r, a)
	}
}

// served is a transport that clients may use.
type served struct {
	name  Transport
	conns transport.Transport // nil: it is polling
}

// transport returns the transport with a name, if it is served.
func (s *Server) transport(name string) (t served, ok bool) {
	if Transport(name) == Polling {
		return served{name: Polling}, s.polling
	}
	for _, t := range s.transports {
		if t.Name() == name {
			return served{Transport(name), t}, true
		}
	}
	return t, false
}

// method is the HTTP method of the requests that open sessions.
func (t served) method() string {
	if t.conns != nil {
		return t.conns.Method()
	}
	return http.MethodGet
}

// fits reports whether a request has the form that the transport needs. A request of polling must not be an upgrade.
func (t served) fits(r *http.Request) bool {
	if t.conns != nil {
		return t.conns.Opens(r)
	}
	return !websocket.IsUpgrade(r)
}

// serveSession serves a request that belongs to a session.
func (s *Server) serveSession(w http.ResponseWriter, r *http.Request, sid string, t served, revision eio.Revision) {
	session := s.session(sid)
	if session == nil {
		s.refuse(w, r, SessionUnknown, "", "sid", sid)
		return
	}
	session.seeOrigin(r, t)
	switch {
	case !t.fits(r) || t.conns == nil && session.Transport() != Polling:
		s.refuse(w, r, BadRequest, "", "name", "TRANSPORT_MISMATCH",
			"transport", string(t.name), "previousTransport", string(session.Transport()))
	case revision != session.revision:
		s.refuse(w, r, BadRequest, "", "name", "PROTOCOL_MISMATCH",
			"protocol", strconv.Itoa(revision.Number()), "previousProtocol", strconv.Itoa(session.Protocol()))
	case t.conns != nil && r.Method != t.method():
		s.refuse(w, r, BadHandshakeMethod, "", "method", r.Method)
	case t.conns != nil:
		s.upgrade(t.conns, w, r, session)
	case r.Method == http.MethodGet:
		session.servePoll(w, r)
	case r.Method == http.MethodPost:
		session.servePost(w, r)
	default:
		w.WriteHeader(http.StatusInternalServerError)
	}
}
