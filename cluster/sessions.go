package cluster

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"slices"
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
	if x.gone == nil {
		x.gone = map[string]struct{}{}
	}
	x.gone[r.pid] = struct{}{}
	x.dropping = append(x.dropping, pendingDrop{r, then})
	x.workLocked()
}

// storeLocked sees to it that a session is stored, after a while.
func (x *sessions) storeLocked(r *record, after time.Duration) {
	if !r.dirty {
		r.dirty = true
		x.dirty = append(x.dirty, r)
	}
	switch {
	case x.working:
	case after == 0:
		x.workLocked()
	case x.timer == nil:
		x.timer = time.AfterFunc(after, func() {
			defer x.stream.engine.guard("storing sessions")
			x.mu.Lock()
			defer x.mu.Unlock()
			x.timer = nil
			x.workLocked()
		})
	}
}

func (x *sessions) workLocked() {
	if !x.working {
		x.working = x.stream.engine.spawn("storing sessions", x.storeAll)
	}
}

// storeAll stores and drops sessions until there is nothing more to do.
func (x *sessions) storeAll() {
	for attempt := 0; ; {
		drops, batch := x.take()
		if drops == nil && batch == nil {
			return
		}
		for _, d := range drops {
			x.dropFromLog(d)
		}
		if len(batch) == 0 {
			continue
		}
		if x.store(batch) {
			attempt = 0
			continue
		}
		if !x.stream.engine.pause(x.stream.engine.ctx, attempt) {
			return
		}
		attempt++
	}
}

// take returns what is to be done. When there is nothing the work is over.
func (x *sessions) take() (drops []pendingDrop, batch []*record) {
	const most = 128
	x.mu.Lock()
	defer x.mu.Unlock()
	drops, x.dropping = x.dropping, nil
	for len(x.dirty) > 0 && len(batch) < most {
		r := x.dirty[0]
		x.dirty[0] = nil
		x.dirty = x.dirty[1:]
		r.dirty = false
		if r.ended || r.claimed {
			continue
		}
		r.writing = make(chan struct{})
		batch = append(batch, r)
	}
	if len(drops) == 0 && len(batch) == 0 {
		x.dirty, x.working = nil, false
	}
	return drops, batch
}

// store writes sessions to the log. It reports false if some of them have to be written again.
func (x *sessions) store(batch []*record) (ok bool) {
	e := x.stream.engine
	var states []*Session
	batch = slices.DeleteFunc(batch, func(r *record) bool {
		s := x.state(r)
		if s == nil {
			x.mu.Lock()
			defer x.mu.Unlock()
			close(r.writing)
			r.writing = nil
			return true
		}
		states = append(states, s)
		return false
	})
	ctx, cancel := context.WithTimeout(e.ctx, e.config.RequestTimeout)
	defer cancel()
	errs := x.keep(ctx, states)
	var first error
	var claimed []Member
	x.mu.Lock()
	for i, r := range batch {
		var err error
		if i < len(errs) {
			err = errs[i]
		}
		close(r.writing)
		r.writing, r.stored = nil, true
		if err == nil {
			select {
			case <-r.first:
			default:
				close(r.first)
			}
		}
		switch {
		case err == nil || r.ended:
		case errors.Is(err, ErrSessionClaimed):
			if r.claimed = true; r.member != nil {
				claimed = append(claimed, r.member)
			}
		default:
			first = err
			if !r.dirty {
				r.dirty = true
				x.dirty = append(x.dirty, r)
			}
		}
	}
	x.mu.Unlock()
	for _, m := range claimed {
		x.supersede(m)
	}
	if first != nil {
		e.log.Warn("storing sessions", slog.String("nsp", x.stream.adapter.name), slog.Any("err", first))
	}
	return first == nil
}

// keep hands sessions to the log. A log that panics is one that fails.
func (x *sessions) keep(ctx context.Context, states []*Session) (errs []error) {
	failed := errors.New("cluster: the log has panicked")
	for range states {
		errs = append(errs, failed)
	}
	defer x.stream.engine.guard("storing sessions")
	errs = x.stream.log.Keep(ctx, states)
	return errs
}

func (x *sessions) supersede(m Member) {
	defer x.stream.engine.guard("ending a superseded socket")
	x.stream.adapter.local.Supersede(m)
}

// state returns a session as it is now, or nil when it has ended.
func (x *sessions) state(r *record) *Session {
	x.mu.Lock()
	r.version++
	m, latest, version := r.member, r.latest, r.version
	x.mu.Unlock()
	if m == nil && latest == nil {
		return nil
	}
	var s Session
	grace := 10 * time.Second // the node that has it ends it on time; the log does so when that node is gone
	if m == nil {
		s = *latest
	} else {
		s = x.stream.snapshot(m)
		s.Data = x.stream.adapter.local.Data(m)
		grace = x.limits().MaxDisconnection / 3 // until it is stored again
	}
	s.Generation, s.Version = r.generation, version
	s.TTL = x.limits().MaxDisconnection + grace
	return &s
}

func (x *sessions) dropFromLog(d pendingDrop) {
	e := x.stream.engine
	if d.then != nil {
		defer d.then()
	}
	defer func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.gone, d.record.pid)
	}()
	defer e.guard("dropping a session")
	ctx, cancel := context.WithTimeout(e.ctx, e.config.JoinTimeout)
	defer cancel()
	if _, err := x.stream.log.Drop(ctx, x.stream.adapter.name, d.record.pid, d.record.generation); err != nil {
		e.log.Warn("dropping a session", slog.String("nsp", x.stream.adapter.name), slog.Any("err", err))
	}
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
