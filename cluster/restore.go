package cluster

import (
	"context"
	"encoding/json"
	"slices"
)

// Recovers reports whether the adapter has a log, so that members with a Progress can come back.
func (a *Adapter) Recovers() bool { return a.stream != nil }

// Suspend takes a member out of the namespace and of all its rooms, and keeps its session, so that Restore finds it on any
// node that has the log. It returns the rooms that the member had, sorted. Of a member that is not there, and after Close
// of a log that is not Shared, nothing is kept. Data is what LocalSessions.Data returns for it.
func (a *Adapter) Suspend(m Member, data json.RawMessage) (rooms []string) {
	s := a.stream
	s.mu.Lock()
	// A join at the same time either is in the list or fails.
	there, rooms := a.rooms.remove(m.ID(), m)
	slices.Sort(rooms)
	if there == nil || m.Progress() == nil || m.Progress().record == nil {
		s.mu.Unlock()
		return rooms
	}
	session := s.sessionLocked(m, rooms)
	s.mu.Unlock()
	session.Data = data
	s.sessions.suspend(m.Progress().record, &session)
	return rooms
}

// Restore claims the session with this secret, whose client has received everything up to the offset, and finds what it
// has missed. A session is restored once. A member that still has it is ended first. An empty offset stands for the
// session's beginning. Limit bounds what may be missed, in bytes; zero means no limit.
//
// It returns ErrUnknownSession or ErrUnknownOffset, and in the second case the session is gone; an error of the log; or
// ErrClosed. More than the limit is reported by Enter.
func (a *Adapter) Restore(ctx context.Context, pid, offset string, limit int) (*Return, error) {
	s := a.stream
	if s == nil {
		return nil, ErrUnknownSession
	}
	if a.closed.Load() {
		return nil, ErrClosed
	}
	ctx, cancel := s.engine.deadline(ctx)
	defer cancel()
	session, err := s.sessions.claim(ctx, pid)
	if err != nil {
		return nil, err
	}
	r := &Return{stream: s, session: session, limit: limit, rooms: setOf(session.Rooms)}
	r.rooms[session.ID] = struct{}{}
	if err = r.begin(offset); err == nil {
		err = r.read(ctx)
	}
	if err != nil {
		s.sessions.lost(session.ID)
		return nil, err
	}
	return r, nil
}

// Drop calls then when the session of a member that was removed is out of the log, so that nobody can restore it any more:
// at once unless the log is Shared, and after Config.JoinTimeout at the latest.
func (a *Adapter) Drop(m Member, then func()) {
	if a.stream == nil {
		then()
		return
	}
	a.stream.drop(m, then)
}

// drop ends the session of a member.
func (s *stream) drop(m Member, then func()) {
	progress := m.Progress()
	var r *record
	if progress != nil {
		s.mu.Lock()
		r = progress.record
		s.mu.Unlock()
	}
	switch {
	case r != nil:
		s.sessions.drop(r, then)
	case then != nil:
		then()
	}
}

// enter lets a member in whose session begins now.
func (s *stream) enter(m Member) {
	progress := m.Progress()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replaceLocked(s.adapter.rooms.add(m))
	progress.entered = true
	progress.joined, progress.received = s.end, Position{}
	switch {
	case progress.record != nil:
		s.sessions.touch(m)
	case s.followed && progress.PID != "": // otherwise nobody knows where it began
		progress.record = s.sessions.add(&record{pid: progress.PID, id: m.ID(), member: m})
	}
}

// replaceLocked ends the session of a member that was replaced, if there was one.
func (s *stream) replaceLocked(m Member) {
	if m != nil && m.Progress() != nil && m.Progress().record != nil {
		s.sessions.drop(m.Progress().record, nil)
	}
}

// expect stores the session of a member that is about to enter. It returns what is closed when that is done; nil if there
// is nothing to store.
func (s *stream) expect(ctx context.Context, m Member) <-chan struct{} {
	s.adapter.await(ctx, []<-chan struct{}{s.ready})
	progress := m.Progress()
	if !s.shared || progress == nil || progress.PID == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.followed || progress.record != nil || s.sessions.has(progress.PID) { // a claimed one is stored by CatchUp
		return nil
	}
	progress.joined = s.end
	progress.record = s.sessions.add(&record{pid: progress.PID, id: m.ID(), member: m})
	return progress.record.first
}

// unexpect ends the session of a member that has not entered.
func (s *stream) unexpect(m Member) {
	progress := m.Progress()
	if progress == nil {
		return
	}
	s.mu.Lock()
	r, entered := progress.record, progress.entered
	if !entered {
		progress.record = nil
	}
	s.mu.Unlock()
	if r != nil && !entered {
		s.sessions.drop(r, nil)
	}
}

// snapshot returns the session of a member that is there, without its data.
func (s *stream) snapshot(m Member) Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessionLocked(m, s.adapter.rooms.roomsOf(m.ID()))
}

func (s *stream) sessionLocked(m Member, rooms []string) Session {
	progress := m.Progress()
	return Session{
		Namespace: s.adapter.name, PID: progress.PID, ID: m.ID(), Rooms: rooms, Node: s.engine.id,
		Joined: progress.joined, Received: progress.received, Until: s.end,
	}
}
