package socketio

import "github.com/parleyio/parley/engineio"

// SpoilInbox has the socket's worker meet a fault under the lock when it takes its next event.
func SpoilInbox(s *Socket) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.inbox.queue = append(s.inbox.queue, entry{})
	s.startLocked()
}

// AbortSession ends the socket's connection as one whose session cannot be restored.
func AbortSession(s *Socket, err error) { s.conn.session.Abort(engineio.ForcedClose, err) }

// FaultOfTimer is what a fault in a timer of the socket's connection comes to.
func FaultOfTimer(s *Socket) {
	defer s.conn.guard("a test")
	panic("a fault")
}
