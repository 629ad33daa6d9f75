package cluster

import (
	"container/list"
	"sync"
	"time"
)

// sessions is the sessions of a namespace on this node: of the members that are there, and of those that may come back.
//
// Their log is written by one goroutine, so that nobody waits for it: in a log that all nodes have, a session is stored
// when its member enters, when something changes, and again and again while the member is there. In a log of this node it
// is stored when the connection is lost.
type sessions struct {
	stream *stream // immutable after construction

	// mu guards the fields below. It is a leaf.
	mu       sync.Mutex
	closed   bool
	byPID    map[string]*record
	away     list.List           // of *record: those whose clients are away, the one that expires first in front
	dirty    []*record           // to be stored, each once; the record says so
	working  bool                // a goroutine stores them
	timer    *time.Timer         // begins to store what has changed; nil unless it is armed
	expirer  *time.Timer         // runs expire when the first session ends, or at once; made when needed
	ended    []ending            // sessions that end unrestored; at most MaxSessions
	expiring bool                // expire is about it
	dropping []pendingDrop       // to be dropped from the log
	gone     map[string]struct{} // the secrets of those, until it is done
}

// record is what is known of a session.
type record struct {
	// Immutable after construction.
	pid, id    string
	generation uint64

	// sessions.mu guards the fields below.
	member  Member        // nil while its client is away
	left    chan struct{} // closed when member becomes nil; nil if it never was one
	latest  *Session      // while its client is away
	version uint64
	dirty   bool          // in sessions.dirty
	stored  bool          // the log has it, or may have
	first   chan struct{} // closed when it has been stored once
	writing chan struct{} // closed when the write in progress ends; nil while there is none
	claimed bool          // by another node, which may ask for its latest state: nothing is stored any more
	ended   bool          // it is not in byPID any more
	expires time.Time
	place   *list.Element // in away
}

// ending is a session that ends unrestored.
type ending struct {
	id     string
	record *record // still to be dropped from the log; nil if it is out
}

type pendingDrop struct {
	record *record
	then   func()
}

// coalesce is how long changes of a session wait for more.
const coalesce = 25 * time.Millisecond

// add begins a session: that of a member, or one that was claimed and is on its way to a member.
func (x *sessions) add(r *record) *record {
	r.first = make(chan struct{})
	if r.member != nil {
		r.left = make(chan struct{})
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.byPID == nil {
		x.byPID = map[string]*record{}
	}
	x.byPID[r.pid] = r
	if x.stream.shared {
		x.storeLocked(r, 0)
	}
	return r
}

// has reports whether this node has a session, of a member or on its way to one.
func (x *sessions) has(pid string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.byPID[pid] != nil
}

// attach gives a session that was claimed to its member. It reports false if the session is somebody else's meanwhile.
func (x *sessions) attach(r *record, m Member) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r.ended {
		return false
	}
	r.member, r.left, r.latest = m, make(chan struct{}), nil
	if x.stream.shared {
		x.storeLocked(r, 0)
	}
	return true
}

// touch says that a session has changed.
func (x *sessions) touch(m Member) {
	progress := m.Progress()
	if progress == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.byPID[progress.PID]; r != nil && r.member == m {
		x.storeLocked(r, coalesce)
	}
}

// refresh stores all sessions again, so that they do not run out and their positions are recent.
func (x *sessions) refresh() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.byPID {
		if r.member != nil {
			x.storeLocked(r, coalesce)
		}
	}
}

func (e *Engine) refreshSessions() {
	for _, a := range e.all() {
		if a.stream != nil {
			a.stream.sessions.refresh()
		}
	}
}

// suspend keeps the session of a member that is gone.
func (x *sessions) suspend(r *record, s *Session) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r.leaveLocked()
	if r.ended || x.closed && !x.stream.shared {
		return
	}
	r.latest = s
	r.expires = time.Now().Add(x.limits().MaxDisconnection)
	r.place = x.away.PushBack(r)
	if !r.claimed {
		x.storeLocked(r, 0)
	}
	for x.away.Len() > x.limits().MaxSessions {
		x.endLocked(x.away.Front().Value.(*record))
	}
	x.armLocked()
}

func (x *sessions) limits() *Config { return &x.stream.engine.config }

// leaveLocked notes that the member is gone.
func (r *record) leaveLocked() {
	if r.member != nil {
		r.member = nil
		close(r.left)
	}
}

// forgetLocked takes a session out: it is somebody else's, or over.
func (x *sessions) forgetLocked(r *record) {
	r.ended = true
	r.leaveLocked()
	if x.byPID[r.pid] == r {
		delete(x.byPID, r.pid)
	}
	if r.place != nil {
		x.away.Remove(r.place)
		r.place = nil
	}
}

// goneLocked keeps a session that has ended from being claimed here while it is still in the log; out ends that.
func (x *sessions) goneLocked(r *record) {
	if x.gone == nil {
		x.gone = map[string]struct{}{}
	}
	x.gone[r.pid] = struct{}{}
}

func (x *sessions) out(r *record) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.gone, r.pid)
}

// drop ends a session for good. Then, which may be nil, is called when the log does not have it any more.
func (x *sessions) drop(r *record, then func()) {
	x.mu.Lock()
	x.forgetLocked(r)
	if x.closed || !r.stored && r.writing == nil {
		x.mu.Unlock()
		if then != nil {
			then()
		}
		return
	}
	defer x.mu.Unlock()
	x.goneLocked(r)
	x.dropping = append(x.dropping, pendingDrop{r, then})
	x.workLocked()
}

// close ends the keeping. What is to be stored in a log that all nodes have still is.
func (x *sessions) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	for _, t := range []*time.Timer{x.timer, x.expirer} {
		if t != nil {
			t.Stop()
		}
	}
	if x.stream.shared {
		if len(x.dirty) > 0 {
			x.workLocked()
		}
		return
	}
	for _, r := range x.byPID {
		r.ended = true
	}
	x.byPID, x.dirty, x.ended = nil, nil, nil
	x.away.Init()
}
