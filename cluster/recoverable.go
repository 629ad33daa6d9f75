package cluster

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/parleyio/parley/parser"
)

// Recoverable is the in-memory adapter with recovery: it is a [Recoverer], and forgets everything with the process. Its
// Broadcast delivers before it returns.
func Recoverable(limits RecoveryLimits) Factory {
	limits = limits.withDefaults()
	return func(_ string, local Local) (Adapter, error) {
		return &recoverable{
			memory:  memory{local: local, rooms: newIndex()},
			limits:  limits,
			packets: newHistory(limits),
		}, nil
	}
}

// recoverable is the in-memory adapter with a history of packets. Appending to the history and putting into the members'
// queues is one step under mu, so that the order of offsets is the order of delivery; Deliver does not block.
type recoverable struct {
	memory

	// Immutable after construction.
	limits RecoveryLimits

	// mu guards the fields below, and is held while recoverable packets are delivered. The locks of the room index are
	// taken under it.
	mu       sync.Mutex
	packets  history
	sweeper  *time.Timer // drops old packets when nobody sends new ones; nil while there are none
	sessions absent
	expirer  *time.Timer // runs expire when the first session ends, or at once; made when needed
	ended    []string    // ids that OnExpired has still to be told; at most MaxSessions
	telling  bool        // expire is about it
}

// Broadcast delivers a packet, and keeps it if a client that is away may have it later.
func (a *recoverable) Broadcast(p *parser.Packet, t *Target) error {
	if t == nil {
		t = new(Target)
	}
	if p.Type != parser.Event || p.HasID || t.Volatile {
		return a.memory.Broadcast(p, t)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed.Load() {
		return ErrClosed
	}
	l, ok := a.packets.push(p, t)
	if !ok {
		return a.memory.Broadcast(p, t)
	}
	if err := a.deliverLocked(l); err != nil {
		a.packets.pop()
		return err
	}
	a.packets.trim(l.time)
	if a.sweeper == nil {
		a.sweeper = time.AfterFunc(a.packets.age(), a.sweep)
	}
	return nil
}

func (a *recoverable) deliverLocked(l *logged) error {
	s := a.rooms.snapshot(l.target)
	defer a.rooms.release(s)
	if len(s.members) == 0 {
		return nil
	}
	if err := a.local.Deliver(&l.packet, s.members, l.target); err != nil {
		return err
	}
	for _, m := range s.members {
		if f, ok := m.(Follower); ok {
			f.Received(a.packets.last)
		}
	}
	return nil
}

// sweep drops the packets that are too old. Broadcast does so too: sweep is for when there is none.
func (a *recoverable) sweep() {
	defer guardCall("dropping old packets")
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed.Load() {
		return
	}
	now := time.Now()
	a.packets.trim(now)
	if len(a.packets.kept) == 0 {
		a.sweeper = nil
		return
	}
	// Not for each packet when its time comes, but for those of a while.
	a.sweeper.Reset(a.packets.kept[0].time.Add(a.packets.age()).Sub(now) + a.packets.age()/8)
}

// Enter implements Recoverer.
func (a *recoverable) Enter(m Member) Ordinal {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.memory.Add(m)
	return a.packets.last
}

// Suspend implements Recoverer.
func (a *recoverable) Suspend(s *Leftover) {
	a.mu.Lock()
	defer a.mu.Unlock()
	// A join at the same time either is in the list or fails.
	m, rooms := a.rooms.remove(s.ID)
	if m == nil || a.closed.Load() {
		return
	}
	slices.Sort(rooms)
	s.Rooms, s.Received = rooms, 0
	if f, ok := m.(Follower); ok {
		s.Received = f.LastReceived()
	}
	a.sessions.add(s, a.packets.last, time.Now().Add(a.limits.MaxDisconnection))
	for a.sessions.len() > a.limits.MaxSessions {
		a.endLocked(a.sessions.take(a.sessions.first().session.PID).session)
	}
	a.armLocked()
}

// armLocked sees to it that expire runs when there is something for it to do.
func (a *recoverable) armLocked() {
	if a.telling { // it will do so at its end
		return
	}
	var wait time.Duration
	if len(a.ended) == 0 {
		first := a.sessions.first()
		if first == nil {
			return // an armed timer finds nothing to do
		}
		wait = time.Until(first.expires)
	}
	if a.expirer == nil {
		a.expirer = time.AfterFunc(wait, a.expire)
	} else {
		a.expirer.Reset(wait)
	}
}

// endLocked notes that a session has ended unrestored. If OnExpired is too slow the latest are not told.
func (a *recoverable) endLocked(s *Leftover) {
	if a.limits.OnExpired != nil && len(a.ended) < a.limits.MaxSessions {
		a.ended = append(a.ended, s.ID)
	}
}

// expire ends the sessions whose time has come, and tells of all that have ended. It runs on the timer's goroutine.
func (a *recoverable) expire() {
	defer guardCall("ending sessions")
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.telling {
		return
	}
	for !a.closed.Load() {
		now := time.Now()
		for first := a.sessions.first(); first != nil && !now.Before(first.expires); first = a.sessions.first() {
			a.endLocked(a.sessions.take(first.session.PID).session)
		}
		if len(a.ended) == 0 {
			a.armLocked()
			return
		}
		ids := a.ended
		a.ended, a.telling = nil, true
		a.tell(ids)
		a.telling = false
	}
}

// tell calls OnExpired without the lock, which its caller holds.
func (a *recoverable) tell(ids []string) {
	a.mu.Unlock()
	defer a.mu.Lock()
	for _, id := range ids {
		a.expired(id)
	}
}

func (a *recoverable) expired(id string) {
	defer guardCall("OnExpired")
	a.limits.OnExpired(id)
}

// Take implements Recoverer.
func (a *recoverable) Take(_ context.Context, pid, offset string) (*Leftover, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	away := a.sessions.take(pid)
	if away == nil {
		return nil, ErrUnknownSession
	}
	s := away.session
	if !time.Now().Before(away.expires) { // expire has not run yet
		return nil, a.lostLocked(s, ErrUnknownSession)
	}
	has := s.Joined
	if offset != "" {
		at, ok := a.packets.position(offset)
		if !ok || at > away.until {
			return nil, a.lostLocked(s, ErrUnknownOffset)
		}
		// Clients keep the offset of an earlier session until they get another; what came before this session is not
		// part of it.
		has = max(has, at)
	}
	// A client that has the last packet that was meant for it has missed nothing before it left, however long ago that
	// packet was. Any other needs all packets behind its offset.
	s.From = away.until
	if has < s.Received {
		s.From = has
	}
	if _, ok := a.packets.behind(s.From); !ok {
		return nil, a.lostLocked(s, ErrUnknownOffset)
	}
	return s, nil
}

// lostLocked ends a session that was taken out, and returns the reason.
func (a *recoverable) lostLocked(s *Leftover, reason error) error {
	a.endLocked(s)
	a.armLocked()
	return reason
}

// Close implements Adapter: nothing can be recovered any more.
func (a *recoverable) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, timer := range []*time.Timer{a.sweeper, a.expirer} {
		if timer != nil {
			timer.Stop()
		}
	}
	a.packets.kept, a.packets.bytes = nil, 0
	a.sessions, a.ended = absent{}, nil
	return a.memory.Close()
}
