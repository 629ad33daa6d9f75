package engineio

import (
	"errors"
	"net/http"
	"time"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

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

// openConn opens a session on a connection.
func (s *Server) openConn(t transport.Transport, w http.ResponseWriter, r *http.Request, a *arrival) {
	if wrong := t.Check(r); wrong != "" {
		s.refuse(w, r, BadRequest, wrong, "name", "TRANSPORT_HANDSHAKE_ERROR")
		return
	}
	s.customHeaders(w.Header(), r, true) // before there is a session that a panic would leave behind
	session := s.open(w, r, a, 2)
	if session == nil {
		return
	}
	taken := false
	defer func() { // of a connection that cannot be taken over, or whose http.ResponseWriter panics, nothing stays
		if !taken {
			s.remove(session)
			s.running.Add(-2)
		}
	}()
	c, sid, err := t.Accept(w, r, s.opening(a.revision, a.base64))
	if err != nil {
		s.opts.Logger.Debug("handshake of a transport failed", "transport", t.Name(), "err", err)
		return
	}
	taken = true
	if sid != "" {
		s.upgradeLate(c, session, sid)
		return
	}
	c.Tie().Bind(c, (*carried)(session), &session.mu)
	err = session.greet(c)
	session.start()
	if err != nil {
		session.writeFailed(c.Tie(), err)
	}
	c.Run()
}

// opening returns what a connection is accepted with.
func (s *Server) opening(revision eio.Revision, base64 bool) transport.Opening {
	return transport.Opening{Revision: revision, Base64: base64, Limits: &s.limits}
}

// greet makes the connection its session's transport and writes what comes first. It does not panic: what has begun must
// be started before it can end.
func (s *Session) greet(c transport.Conn) error {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link.Store(c.Tie())
	err := c.Greet(s.openPacket(nil))
	if greeting := s.server.greeting; greeting != nil && err == nil {
		err = c.Push(greeting)
	}
	if s.state == closed { // Shutdown was faster
		c.Close(false)
	}
	return err
}

// upgradeLate lets a connection go on with the session that it has named itself, in place of the one that was made for it.
func (s *Server) upgradeLate(c transport.Conn, made *Session, sid string) {
	s.remove(made)
	s.running.Done() // nothing tells a handler of its end
	session := s.session(sid)
	if session == nil || session.revision != made.revision {
		s.counters.refused[SessionUnknown].Add(1)
		c.Drop()
		s.running.Done()
		return
	}
	session.probeWith(c)
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
