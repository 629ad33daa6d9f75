package engineio

import "net/http"

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

// HoldsBuffer reports whether the reader of the session's websocket has a buffer. It looks without a lock.
func HoldsBuffer(s *Session) bool {
	return s.ws.Load().in.buf != nil || s.ws.Load().in.message != nil || s.ws.Load().in.inflated != nil || len(s.ws.Load().out.chunks) > 0
}

// ServeLate serves a request as if it had been checked before something happened to its session.
func ServeLate(s *Session, w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		s.servePost(w, r)
	} else {
		s.servePoll(w, r)
	}
}

// CountDirectWrites counts the writes that the session's websocket makes without a flusher, from now on. The result is
// the number so far.
func CountDirectWrites(s *Session) func() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counting := &countingWriter{directWriter: s.ws.Load().out.direct}
	s.ws.Load().out.direct = counting
	return func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return counting.writes
	}
}
