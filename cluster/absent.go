package cluster

import (
	"container/list"
	"time"
)

// absent is the sessions of the members that may come back. Its owner's lock guards it.
type absent struct {
	byPID map[string]*absence
	order list.List // of *absence, the one that expires first in front
}

// absence is a session that waits for its client.
type absence struct {
	session *Leftover
	until   Ordinal // the last packet before it was suspended
	expires time.Time
	place   *list.Element
}

func (a *absent) add(s *Leftover, until Ordinal, expires time.Time) {
	if a.byPID == nil {
		a.byPID = make(map[string]*absence)
	}
	a.take(s.PID) // a pid is a secret of one session; should there be two, the latest counts
	away := &absence{session: s, until: until, expires: expires}
	away.place = a.order.PushBack(away)
	a.byPID[s.PID] = away
}

// take removes and returns a session, or nil.
func (a *absent) take(pid string) *absence {
	away := a.byPID[pid]
	if away != nil {
		delete(a.byPID, pid)
		a.order.Remove(away.place)
	}
	return away
}

// first returns the session that expires first, or nil.
func (a *absent) first() *absence {
	if front := a.order.Front(); front != nil {
		return front.Value.(*absence)
	}
	return nil
}

func (a *absent) len() int { return len(a.byPID) }
