package cluster

import (
	"context"
	"errors"
	"time"
)

// claim returns the session with this secret, of which nobody else gets it from then on. A member that still has it is
// ended first, on whatever node.
func (x *sessions) claim(ctx context.Context, pid string) (*Session, error) {
	for range 16 { // it may be written meanwhile, and a member may come back and go again
		x.mu.Lock()
		r := x.byPID[pid]
		_, gone := x.gone[pid]
		switch {
		case r == nil && gone:
			x.mu.Unlock()
			return nil, ErrUnknownSession
		case r == nil:
			x.mu.Unlock()
			return x.claimElsewhere(ctx, pid)
		case r.member != nil:
			m, left := r.member, r.left
			x.mu.Unlock()
			x.stream.adapter.local.Supersede(m)
			if err := settled(ctx, left); err != nil { // another goroutine may be about it
				return nil, err
			}
		case r.claimed:
			x.forgetLocked(r)
			x.mu.Unlock()
		case r.writing != nil:
			writing := r.writing
			x.mu.Unlock()
			if err := settled(ctx, writing); err != nil {
				return nil, err
			}
		case !time.Now().Before(r.expires): // expire has not run yet
			x.endLocked(r)
			x.armLocked()
			x.mu.Unlock()
			return nil, ErrUnknownSession
		default:
			x.forgetLocked(r)
			stored, s := r.stored, *r.latest
			x.mu.Unlock()
			s.Generation = r.generation + 1
			if stored {
				claimed, err := x.stream.log.Claim(ctx, x.stream.adapter.name, pid)
				switch {
				case err == nil && claimed.Generation != s.Generation:
					// Another node has had it meanwhile, and has stored it again: what this node knows is old.
					return x.latest(ctx, claimed), nil
				case err != nil && !errors.Is(err, ErrUnknownSession):
					x.unclaimed(r)
					return nil, err
				case err != nil:
					return nil, err
				}
			}
			return &s, nil
		}
	}
	return nil, ErrUnknownSession
}

// claimElsewhere claims a session that this node does not have.
func (x *sessions) claimElsewhere(ctx context.Context, pid string) (*Session, error) {
	s, err := x.stream.log.Claim(ctx, x.stream.adapter.name, pid)
	if err != nil {
		return nil, err
	}
	return x.latest(ctx, s), nil
}

// latest asks the node that had a claimed session last for its latest state: the client may be back before that node knows
// that it was gone, or before it has stored what has changed. That may be this node, if another connection of the client
// has come back here while the session was being claimed.
func (x *sessions) latest(ctx context.Context, s *Session) *Session {
	e, name, pid := x.stream.engine, x.stream.adapter.name, s.PID
	latest := *s
	if s.Node == e.id {
		if last := x.release(pid); last != nil && last.ID == s.ID {
			latest.Rooms, latest.Data = last.Rooms, last.Data
			latest.Received, latest.Until = last.Received, last.Until
		}
		return &latest
	}
	if e.bus == nil || s.Node == "" || !e.peers.has(s.Node) {
		return s
	}
	r := &request{
		id: newID(), namespace: name, changed: make(chan struct{}, 1),
		waiting: map[string]struct{}{s.Node: {}}, answered: map[string]struct{}{}, counted: -1, left: func(string) {},
	}
	r.receive = func(m *Message) bool {
		if m.Node != s.Node {
			return false
		}
		if last := m.Session; last != nil && last.ID == s.ID && len(r.answered) == 0 {
			latest.Rooms, latest.Data = last.Rooms, last.Data
			latest.Received, latest.Until = last.Received, last.Until
		}
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, e.config.JoinTimeout)
	defer cancel()
	question := &Message{Kind: KindRelease, Namespace: name, To: s.Node, Session: &Session{PID: pid, ID: s.ID}}
	if e.pose(r, question) == nil {
		_ = e.wait(ctx, r, r.completeLocked) // without an answer the log's state counts
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return &latest
}

// release gives up a session that another node has claimed, and returns its latest state, or nil.
func (x *sessions) release(pid string) *Session {
	for range 16 {
		x.mu.Lock()
		r := x.byPID[pid]
		switch {
		case r == nil:
			x.mu.Unlock()
			return nil
		case r.member != nil:
			m, left := r.member, r.left
			x.mu.Unlock()
			x.supersede(m)
			ctx, cancel := context.WithTimeout(x.stream.ctx, x.limits().JoinTimeout)
			err := settled(ctx, left)
			if cancel(); err != nil {
				return nil
			}
		default:
			x.forgetLocked(r)
			s := r.latest
			x.mu.Unlock()
			return s
		}
	}
	return nil
}
