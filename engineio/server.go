package engineio

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/parleyio/parley/internal/ratelog"
	"github.com/parleyio/parley/internal/transport"
)

// Server is an Engine.IO server. It is an http.Handler that may be mounted at any path, and treats every request that it
// receives as one of Engine.IO. All methods may be called from any goroutine.
type Server struct {
	// Immutable after construction.
	opts     Options
	accept   func(*Session) Handler
	origins  *originPolicy
	proxies  proxies
	gate     *gate
	log      *ratelog.Log
	counters counters
	cookie   *sessionCookie   // nil: no cookie
	greeting *transport.Group // Options.InitialPacket; nil: no packet

	polling    bool                  // polling is served
	transports []transport.Transport // the other transports, in the order in which they are offered
	limits     transport.Limits

	// running counts the sessions whose Handler.Close has not returned yet, and the connections that are still being read.
	running sync.WaitGroup

	using       sync.Mutex                     // held while a middleware is added
	middlewares atomic.Pointer[[]http.Handler] // each calls the next by its index

	mu       sync.RWMutex // guards the fields below
	sessions map[string]*Session
	draining bool
}

// New returns a server that calls accept for each new session, on the goroutine of the request, before the session
// receives anything. Accept returns the handler of the session and may already send. Nil options mean the defaults. For an
// invalid option New returns an error that names the field.
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
	s.log = ratelog.New(o.Logger)
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

// remove removes a session and counts down at the gate. A second call has no effect.
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

// Options returns the options of New with the defaults filled in. A limit that is off is the largest number. Slices and
// values behind pointers must not be changed.
func (s *Server) Options() Options { return s.opts }

// AllowsOrigin reports whether the request's origin may open sessions. ServeHTTP refuses other origins. Other handlers of
// the application can use it to apply the same rules.
func (s *Server) AllowsOrigin(r *http.Request) bool { return s.origins.allows(r) || s.origins.asks(r) }

// WriteCORS adds the CORS headers to an answer if the origin of the request is allowed. It is meant for other handlers of
// the application.
func (s *Server) WriteCORS(h http.Header, r *http.Request) {
	if s.AllowsOrigin(r) {
		s.origins.writeHeaders(h, r)
	}
}
