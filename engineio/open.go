package engineio

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/parleyio/parley/internal/eio"
)

// openPolling opens a session on polling.
func (s *Server) openPolling(w http.ResponseWriter, r *http.Request, a *arrival) {
	session := s.open(w, r, a, 1)
	if session == nil {
		return
	}
	defer session.guardAnswer()
	var upgrades []string
	if !s.opts.NoUpgrades && slices.Contains(s.opts.Transports, WebSocket) {
		upgrades = append(upgrades, string(WebSocket))
	}
	session.start()
	first := []*Prepared{prepareControl(eio.TypeOpen, string(session.handshake(upgrades)))}
	if s.greeting != nil {
		first = append(first, s.greeting)
	}
	session.writePackets(w, r, first...)
}

// openWebSocket opens a session on a websocket.
func (s *Server) openWebSocket(w http.ResponseWriter, r *http.Request, a *arrival) {
	if wrong := checkUpgrade(r); wrong != "" {
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
	deflate := s.negotiate(w.Header(), r, a.base64)
	accepted, err := acceptWebSocket(w, r, s.opts.WriteTimeout)
	if err != nil {
		s.opts.Logger.Debug("websocket handshake failed", "err", err)
		return
	}
	taken = true
	c := newWSConn(session, accepted, a.base64)
	c.useDeflate(deflate)
	err = c.greet(accepted)
	session.start()
	if err != nil {
		session.writeFailed(c, err)
	}
	go c.read(0)
}

// greet makes the websocket its session's transport and writes what comes first. It does not panic: what has begun must
// be started before it can end.
func (c *wsConn) greet(a *acceptance) error {
	s := c.session
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ws.Store(c)
	err := c.answerLocked(a, eio.Packet{Type: eio.TypeOpen, Data: s.handshake(nil)})
	if greeting := s.server.greeting; greeting != nil && err == nil {
		var flush bool
		flush, err = c.out.writeSharedLocked(c.framesOf(greeting), 1)
		c.startFlusherLocked(flush)
	}
	if s.state == closed { // Shutdown was faster
		c.closeSoonLocked(0)
	}
	return err
}

// upgrade opens a websocket for a session that is on polling.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, session *Session) {
	if wrong := checkUpgrade(r); wrong != "" {
		s.refuse(w, r, BadRequest, wrong, "name", "TRANSPORT_HANDSHAKE_ERROR")
		return
	}
	s.customHeaders(w.Header(), r, false)
	if !s.run() {
		s.unavailable(w, shuttingDown, "1")
		return
	}
	taken := false
	defer func() { // as in openWebSocket; the session goes on over polling
		if !taken {
			s.running.Done()
		}
	}()
	base64 := last(r.URL.Query()["b64"]) != ""
	deflate := s.negotiate(w.Header(), r, base64)
	accepted, err := acceptWebSocket(w, r, s.opts.WriteTimeout)
	if err != nil {
		s.opts.Logger.Debug("websocket handshake failed", "err", err)
		return
	}
	taken = true
	c := newWSConn(session, accepted, base64)
	c.useDeflate(deflate)
	c.probe(accepted)
	go c.read(0)
}

// probe begins the upgrade of the session to this websocket, or ends it. Like greet it does not panic.
func (c *wsConn) probe(a *acceptance) {
	s := c.session
	defer s.guard()
	answered := false
	defer func() {
		if !answered {
			c.drop() // it failed, or there was a fault: the session does not know the connection yet
		}
	}()
	if c.answer(a) != nil {
		return
	}
	answered = true
	if !s.server.opts.NoUpgrades && s.startProbe(c) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.closeSoonLocked(0)
}

// open registers a new session that will run n goroutines: the one that tells its handler of the end, and a websocket's
// reader. It returns nil when it has answered the request itself: the server is shutting down, or there is no id.
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

// handshake returns the data of the open packet.
func (s *Session) handshake(upgrades []string) []byte {
	o := &s.server.opts
	return eio.Handshake{
		SID: s.id, Upgrades: upgrades, PingInterval: o.PingInterval, PingTimeout: o.PingTimeout, MaxPayload: o.MaxPayload,
	}.Encode()
}
