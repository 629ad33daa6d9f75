package engineio

import (
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// arrival is a request for a new session that has been let in. Its place is the session's once there is one; until then
// the end of the request gives it back.
type arrival struct {
	server   *Server
	revision eio.Revision
	base64   bool
	address  netip.Addr // of the client
	network  netip.Addr
	handedOn bool // a session has the place
}

// admit lets a request for a new session in, or answers it. It costs little when it does not.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) *arrival {
	address := s.proxies.client(r)
	network := networkOf(address)
	if err := s.gate.enter(network); err != nil {
		s.counters.turnedAway(err)
		s.unavailable(w, "too many connections", s.gate.retryAfter)
		return nil
	}
	return &arrival{server: s, address: address, network: network}
}

// leave gives the place back, unless a session has it.
func (a *arrival) leave() {
	if !a.handedOn {
		a.server.gate.leave(a.network)
	}
}

// openPolling opens a session on polling.
func (s *Server) openPolling(w http.ResponseWriter, r *http.Request, a *arrival) {
	session := s.open(w, r, a, 1)
	if session == nil {
		return
	}
	defer session.guardAnswer()
	var upgrades []string
	if !s.opts.NoUpgrades {
		for _, t := range s.transports {
			upgrades = append(upgrades, t.Name())
		}
	}
	session.start()
	first := []*transport.Group{transport.NewGroup(session.openPacket(upgrades))}
	if s.greeting != nil {
		first = append(first, s.greeting)
	}
	session.writePackets(w, r, first...)
}

// open registers a new session that will run n goroutines: the one that tells its handler of the end, and a
// connection's reader. It returns nil when it has answered the request itself: the server is shutting down, or there is no id.
func (s *Server) open(w http.ResponseWriter, r *http.Request, a *arrival, n int) *Session {
	id, err := s.newID(r)
	if err != nil {
		s.refuse(w, r, BadRequest, "", "name", "ID_GENERATION_ERROR", "error", err.Error())
		return nil
	}
	session := &Session{id: id, server: s, request: newRequest(r, a.address, time.Now()), revision: a.revision, base64: a.base64}
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

// register makes a session known.
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

// run counts one goroutine more, unless Shutdown already waits for those that there are.
func (s *Server) run() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.draining {
		s.running.Add(1)
	}
	return !s.draining
}

// start brings a registered session to life.
func (s *Session) start() {
	s.server.counters.opened.Add(1)
	s.startHeartbeat()
	s.acceptHandler()
}

// openPacket returns the packet that tells the client of its session.
func (s *Session) openPacket(upgrades []string) eio.Packet {
	o := &s.server.opts
	return eio.Packet{Type: eio.TypeOpen, Data: eio.Handshake{
		SID: s.id, Upgrades: upgrades, PingInterval: o.PingInterval, PingTimeout: o.PingTimeout, MaxPayload: o.MaxPayload,
	}.Encode()}
}

// acceptHandler asks the application for the session's handler. The application may already send, or close the session.
func (s *Session) acceptHandler() {
	var handler Handler = nobody{}
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

// nobody is the handler of a session whose own could not be made.
type nobody struct{}

func (nobody) Message([]byte, bool) {}
func (nobody) Close(Reason, error)  {}
