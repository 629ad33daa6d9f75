package engineio

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
	"github.com/parleyio/parley/internal/websocket"
)

// Server is an Engine.IO server. It is an http.Handler for any mount point: whatever is below it is Engine.IO. All
// methods may be called from any goroutine.
type Server struct {
	// Immutable after construction.
	opts     Options
	accept   func(*Session) Handler
	origins  *originPolicy
	proxies  proxies
	gate     *gate
	counters counters
	cookie   *sessionCookie   // nil: there is none
	greeting *transport.Group // Options.InitialPacket; nil: there is none

	polling    bool                  // clients may poll
	transports []transport.Transport // others that they may use, in the order in which they are offered
	limits     transport.Limits

	// running counts the sessions whose handler has not been told of the end yet, and the readers of connections.
	running sync.WaitGroup

	using       sync.Mutex                     // held while a middleware is added
	middlewares atomic.Pointer[[]http.Handler] // each knows the next by its place

	mu       sync.RWMutex // guards the fields below
	sessions map[string]*Session
	draining bool
}

// New returns a server that calls accept for each session that is opened, on the goroutine of the request, before
// anything is received. Accept returns the session's handler and may already send. A contradiction in the options is an
// error that names the field.
func New(accept func(*Session) Handler, opts *Options) (*Server, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	origins, err := newOriginPolicy(o.CORS, o.TrustedProxies)
	if err != nil {
		return nil, err
	}
	if o.CORS.AllowAnyOrigin {
		o.Logger.Warn("any origin may connect: AllowAnyOrigin is meant for development")
	}
	s := &Server{opts: o, accept: accept, origins: origins, proxies: o.TrustedProxies, sessions: map[string]*Session{}}
	s.gate = newGate(&s.opts)
	s.limits = o.limits()
	s.polling = slices.Contains(o.Transports, Polling)
	if s.transports, err = o.transports(); err != nil {
		return nil, err
	}
	if s.cookie, err = newSessionCookie(o.Cookie); err != nil {
		return nil, err
	}
	if o.InitialPacket != nil {
		s.greeting = &Prepare(*o.InitialPacket).group
	}
	return s, nil
}

// ServeHTTP serves a request of a client: a handshake, a poll, data, or the opening of a websocket, which outlives the
// call. The checks and their order are those of engine.io-protocol v4; the origin comes before all of them.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.AllowsOrigin(r) {
		s.refuse(w, r, Forbidden, "", "name", "INVALID_ORIGIN")
		return
	}
	s.origins.writeHeaders(w.Header(), r)
	if r.Method == http.MethodOptions && s.origins.enabled {
		s.origins.writePreflight(w, r)
		return
	}
	step{s, 0}.ServeHTTP(w, r)
}

// serve is ServeHTTP behind the check of the origin and the middlewares.
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
	defer a.leave() // after a panic of the application's too
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

// served is a transport that clients may ask for.
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

// method is that of the requests that open sessions.
func (t served) method() string {
	if t.conns != nil {
		return t.conns.Method()
	}
	return http.MethodGet
}

// fits reports whether a request is of the form that the transport's requests have.
func (t served) fits(r *http.Request) bool {
	if t.conns != nil {
		return t.conns.Opens(r)
	}
	return !websocket.IsUpgrade(r)
}

// last returns the value that counts of a query parameter: the last, as in the reference.
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// serveSession serves a request that belongs to a session.
func (s *Server) serveSession(w http.ResponseWriter, r *http.Request, sid string, t served, revision eio.Revision) {
	session := s.session(sid)
	if session == nil {
		s.refuse(w, r, SessionUnknown, "", "sid", sid)
		return
	}
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

func (s *Server) session(id string) *Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sessions[id]
}

// remove forgets a session, once, and gives its place back.
func (s *Server) remove(session *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[session.id] == session {
		delete(s.sessions, session.id)
		s.gate.leave(networkOf(session.request.Address))
	}
}

// SessionCount returns the number of open sessions.
func (s *Server) SessionCount() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.sessions)
}

// Options returns the options that hold: those that New was given, with the defaults filled in and the largest number where
// there is no limit. What they point to must not be changed.
func (s *Server) Options() Options { return s.opts }

// AllowsOrigin reports whether the request's origin may use the server. ServeHTTP refuses others; handlers beside it
// that serve the same pages can ask.
func (s *Server) AllowsOrigin(r *http.Request) bool { return s.origins.allows(r) }

// WriteCORS adds the CORS headers of an answer to a request of an allowed origin, for handlers beside this one.
func (s *Server) WriteCORS(h http.Header, r *http.Request) {
	if s.AllowsOrigin(r) {
		s.origins.writeHeaders(h, r)
	}
}
