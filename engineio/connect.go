package engineio

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// openConn opens a session on a connection.
func (s *Server) openConn(t transport.Transport, w http.ResponseWriter, r *http.Request, a *admitted) {
	if wrong := t.Check(r); wrong != "" {
		s.refuse(w, r, BadRequest, wrong, "name", "TRANSPORT_HANDSHAKE_ERROR")
		return
	}
	s.customHeaders(w.Header(), r, true) // before the session exists, because the application's function may panic
	session := s.open(w, r, a, 2)
	if session == nil {
		return
	}
	taken := false
	defer func() { // undoes open when the connection cannot be taken over or the http.ResponseWriter panics
		if !taken {
			s.remove(session)
			s.running.Add(-2)
		}
	}()
	c, sid, err := t.Accept(w, r, s.opening(a.revision, a.base64))
	if err != nil {
		s.acceptFailed(t, err)
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

// acceptFailed logs that the connection of a handshake could not be taken over.
func (s *Server) acceptFailed(t transport.Transport, err error) {
	if errors.Is(err, errors.ErrUnsupported) {
		s.logUnreachable(t)
		return
	}
	s.log.Warn("accept "+t.Name(), "handshake of a transport failed", slog.String("transport", t.Name()), slog.Any("err", err))
}

// opening returns the parameters with which a transport accepts a connection.
func (s *Server) opening(revision eio.Revision, base64 bool) transport.Opening {
	return transport.Opening{Revision: revision, Base64: base64, Limits: &s.limits}
}

// greet makes the connection the session's transport and writes the open packet and Options.InitialPacket. It recovers
// panics, because openConn must start the session before it can end it.
func (s *Session) greet(c transport.Conn) error {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link.Store(c.Tie())
	err := c.Greet(s.openPacket(nil))
	if greeting := s.server.greeting; greeting != nil && err == nil {
		err = c.Push(greeting)
	}
	if s.state == closed { // Shutdown has closed it meanwhile
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
	defer func() { // undoes run when Accept fails or panics; the session stays on polling
		if !taken {
			s.running.Done()
		}
	}()
	c, _, err := t.Accept(w, r, s.opening(session.revision, last(r.URL.Query()["b64"]) != ""))
	if err != nil {
		s.acceptFailed(t, err)
		return
	}
	taken = true
	session.probeWith(c)
}

// upgradeLate makes a connection probe the session that it has named itself, and removes the session that was made for it.
func (s *Server) upgradeLate(c transport.Conn, made *Session, sid string) {
	s.remove(made)
	s.running.Done() // for notifyClosed, which is not called
	session := s.session(sid)
	if session == nil || session.revision != made.revision {
		s.counters.refused[SessionUnknown].Add(1)
		c.Drop()
		s.running.Done()
		return
	}
	session.probeWith(c)
}

// probeWith makes an accepted connection probe the session, or closes the connection.
func (s *Session) probeWith(c transport.Conn) {
	c.Tie().Bind(c, (*carried)(s), &s.mu)
	s.beginProbe(c)
	c.Run()
}
