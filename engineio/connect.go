package engineio

import (
	"net/http"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

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

// upgrade opens a connection for a session that is on polling.
func (s *Server) upgrade(t transport.Transport, w http.ResponseWriter, r *http.Request, session *Session) {
	if wrong := t.Check(r); wrong != "" {
		s.refuse(w, r, BadRequest, wrong, "name", "TRANSPORT_HANDSHAKE_ERROR")
		return
	}
	s.customHeaders(w.Header(), r, false)
	if !s.run() {
		s.unavailable(w, shuttingDown, "1")
		return
	}
	taken := false
	defer func() { // as in openConn; the session goes on over polling
		if !taken {
			s.running.Done()
		}
	}()
	c, _, err := t.Accept(w, r, s.opening(session.revision, last(r.URL.Query()["b64"]) != ""))
	if err != nil {
		s.opts.Logger.Debug("handshake of a transport failed", "transport", t.Name(), "err", err)
		return
	}
	taken = true
	session.probeWith(c)
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

// probeWith lets a connection that has been accepted probe the session, or closes it.
func (s *Session) probeWith(c transport.Conn) {
	c.Tie().Bind(c, (*carried)(s), &s.mu)
	s.beginProbe(c)
	c.Run()
}
