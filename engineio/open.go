package engineio

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"
	"unique"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// admitted is a request for a new session that the gate has counted. When a session has been registered for it, the end of
// the session counts down; otherwise the end of the request does.
type admitted struct {
	server   *Server
	revision eio.Revision
	base64   bool
	address  netip.Addr // of the client
	network  netip.Addr
	handedOn bool // a session has been registered
}

// admit counts a request for a new session, or answers 503 when a limit is reached. A refusal allocates little.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) *admitted {
	address := s.proxies.client(r)
	network := networkOf(address)
	if err := s.gate.enter(network); err != nil {
		s.counters.overLimit(err)
		s.logOverLimit(err)
		s.unavailable(w, "too many connections", s.gate.retryAfter)
		return nil
	}
	return &admitted{server: s, address: address, network: network}
}

// leave counts down, unless a session has been registered.
func (a *admitted) leave() {
	if !a.handedOn {
		a.server.gate.leave(a.network)
	}
}

// openPolling opens a session on polling.
func (s *Server) openPolling(w http.ResponseWriter, r *http.Request, a *admitted) {
	session := s.open(w, r, a, 1)
	if session == nil {
		return
	}
	defer session.guardAnswer()
	session.takesOrigin = r.Header.Get("Origin") == "" && a.revision.Number() != 3 && !s.isJSONP(r)
	upgrades := s.upgrades(w, r)
	session.start()
	first := []*transport.Group{transport.NewGroup(session.openPacket(upgrades))}
	if s.greeting != nil {
		first = append(first, s.greeting)
	}
	session.writePackets(w, r, first...)
}

// upgrades returns the names of the transports to which a session that polls can be upgraded.
func (s *Server) upgrades(w http.ResponseWriter, r *http.Request) (names []string) {
	if s.opts.NoUpgrades {
		return nil
	}
	for _, t := range s.transports {
		if t.Reachable(w, r) {
			names = append(names, t.Name())
		} else {
			s.logUnreachable(t)
		}
	}
	return names
}

// logUnreachable logs, once, that connections of a transport cannot be opened.
func (s *Server) logUnreachable(t transport.Transport) {
	s.log.Once(slog.LevelError, "unreachable", t.Name(), "a transport cannot work: the http.ResponseWriter does not give its "+
		"connection away", slog.String("transport", t.Name()), slog.String("option", "give the ResponseWriter of middlewares an "+
		"Unwrap or a Hijack method, or remove the transport from Transports"))
}

// open registers a new session that will run n goroutines: the one that calls Handler.Close, and the reader of a
// connection. It returns nil when it has refused the request: the server is shutting down, or GenerateID returned no
// usable id.
func (s *Server) open(w http.ResponseWriter, r *http.Request, a *admitted, n int) *Session {
	id, err := s.newID(r)
	if err != nil {
		s.refuse(w, r, BadRequest, "", "name", "ID_GENERATION_ERROR", "error", err.Error())
		return nil
	}
	session := &Session{id: id, server: s, request: newRequest(r, a.address, time.Now()), revision: a.revision, base64: a.base64}
	if o, ok := parseOrigin(r.Header.Get("Origin")); ok {
		session.origin = unique.Make(o) // which keeps no reference to the headers
	}
	switch err := s.register(session, n); err {
	case nil:
		a.handedOn = true
		return session
	case errDraining:
		s.unavailable(w, shuttingDown, "1")
	default:
		s.refuse(w, r, BadRequest, "", "name", "ID_GENERATION_ERROR", "error", err.Error())
	}
	return nil
}

var errDraining = errors.New("engineio: shutting down")

// register adds a session to the server.
func (s *Server) register(session *Session, n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.draining:
		return errDraining
	case s.sessions[session.id] != nil:
		return errIDTaken
	}
	s.running.Add(n)
	s.sessions[session.id] = session
	return nil
}

// run counts one more goroutine for which Shutdown waits. It returns false when Shutdown has begun.
func (s *Server) run() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.draining {
		s.running.Add(1)
	}
	return !s.draining
}

// start starts the heartbeat of a registered session and calls the application's accept function.
func (s *Session) start() {
	s.server.counters.opened.Add(1)
	s.startHeartbeat()
	s.acceptHandler()
}

// openPacket returns the first packet of a session: the handshake.
func (s *Session) openPacket(upgrades []string) eio.Packet {
	o := &s.server.opts
	return eio.Packet{Type: eio.TypeOpen, Data: eio.Handshake{
		SID: s.id, Upgrades: upgrades, PingInterval: o.PingInterval, PingTimeout: o.PingTimeout, MaxPayload: o.MaxPayload,
	}.Encode()}
}

// acceptHandler calls the application's accept function, which may already send, or close the session.
func (s *Session) acceptHandler() {
	var handler Handler = noHandler{}
	func() {
		defer s.guard()
		made := s.server.accept(s)
		if h, ok := made.(transport.Controlled); ok {
			h.SetControl((*controlled)(s))
		}
		handler = made
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler, s.accepted = handler, true
	s.inline, _ = handler.(transport.InlineHandler)
	if s.state == closed {
		go s.notifyClosed()
	}
}

// noHandler is the handler of a session whose accept function panicked.
type noHandler struct{}

func (noHandler) Message([]byte, bool) {}
func (noHandler) Close(Reason, error)  {}
