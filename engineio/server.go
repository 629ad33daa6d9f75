package engineio

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/parleyio/parley/internal/transport"
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

	// running counts the sessions whose Handler.Close has not returned yet, and the connections that something reads.
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
	s.gate = newGate(o.MaxConnections, o.MaxConnectionsPerIP, o.Admission)
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
