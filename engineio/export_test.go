package engineio

import (
	"net/http"

	"github.com/parleyio/parley/internal/websocket"
)

// HoldsPoll reports whether the session has a poll that waits.
func (s *Server) HoldsPoll(id string) bool {
	session := s.session(id)
	if session == nil {
		return false
	}
	session.mu.Lock()
	defer session.mu.Unlock()
	return session.polling.poll != nil
}

// Posting reports whether a data request of the session is being handled.
func (s *Server) Posting(id string) bool {
	session := s.session(id)
	if session == nil {
		return false
	}
	session.mu.Lock()
	defer session.mu.Unlock()
	return session.polling.posting
}

// HoldsBuffer reports whether the session's websocket has a buffer or a queue. It looks without a lock.
func HoldsBuffer(s *Session) bool { return s.link.Load().Conn.(*websocket.Conn).HoldsBuffer() }

// ServeLate serves a request as if it had been checked before something happened to its session.
func ServeLate(s *Session, w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		s.servePost(w, r)
	} else {
		s.servePoll(w, r)
	}
}
