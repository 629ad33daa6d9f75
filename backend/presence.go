package backend

import (
	"crypto/rand"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/parleyio/parley/internal/guard"
)

// presence knows which users have a connection, or had one until a moment ago. The first change is published at once, and
// those of the interval that follows together at its end.
type presence struct {
	presenceOptions // immutable after construction

	// mu guards the fields below.
	mu     sync.Mutex
	users  map[string]*attendance
	sorted []string // the keys of users; replaced, never changed
	closed bool

	published []string // sorted as it was last published
	version   PresenceVersion
	large     bool        // published without the list
	window    *time.Timer // runs while changes wait to be published

	// Between two publications.
	answered bool     // a client has been answered with a list that is not published
	gone     []string // users who have left
}

type presenceOptions struct {
	grace     time.Duration         // negative means none
	interval  time.Duration         // not positive means that each change is published at once
	listLimit int                   // users above which no list is published
	changed   func(PresenceChanged) // called under mu, so in the order of the changes; it must not block
	log       *slog.Logger
}

// attendance is one user's.
type attendance struct {
	connections int
	leaving     *time.Timer // runs while there is no connection
	departures  int         // tells a timer that is too late to be stopped that it is not the latest
}

func newPresence(opts presenceOptions) *presence {
	return &presence{
		presenceOptions: opts, users: map[string]*attendance{}, sorted: []string{}, published: []string{},
		version: PresenceVersion{Epoch: rand.Text()[:8]},
	}
}

// arriveLocked counts a connection as user's that was previous's, or nobody's.
func (p *presence) arriveLocked(user string, previous *string) {
	if previous != nil && *previous == user {
		return
	}
	a := p.users[user]
	if a == nil {
		a = new(attendance)
		p.addLocked(user, a)
	}
	a.connections++
	if a.leaving != nil {
		a.leaving.Stop()
		a.leaving = nil
	}
	if previous != nil {
		// Replaced by choice, not lost: nobody is waited for.
		if old := p.users[*previous]; old != nil {
			if old.connections--; old.connections == 0 {
				p.removeLocked(*previous)
			}
		}
	}
	p.changedLocked()
}

// onlineLocked is who is online, for a client's answer.
func (p *presence) onlineLocked() OnlineUsers {
	if p.large || len(p.sorted) > p.listLimit {
		return OnlineUsers{Count: len(p.published), PresenceVersion: p.version}
	}
	if !slices.Equal(p.sorted, p.published) {
		p.answered = true
	}
	return OnlineUsers{Listed: true, Users: p.sorted, Count: len(p.sorted), PresenceVersion: p.version}
}

// depart takes note that a connection of user is gone.
func (p *presence) depart(user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.users[user]
	if a == nil || p.closed {
		return
	}
	if a.connections--; a.connections > 0 {
		return
	}
	if p.grace < 0 {
		p.removeLocked(user)
		p.changedLocked()
		return
	}
	a.departures++
	departure := a.departures
	a.leaving = time.AfterFunc(p.grace, func() { p.expire(user, a, departure) })
}

// expire removes a user who has not come back since that departure.
func (p *presence) expire(user string, a *attendance, departure int) {
	defer p.guard()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.users[user] != a || a.connections > 0 || a.departures != departure {
		return
	}
	p.removeLocked(user)
	p.changedLocked()
}

// guard keeps a panic on a timer's goroutine from ending the process. Who is online is known all the same: clients learn
// of it with the next change.
func (p *presence) guard() {
	if fault := recover(); fault != nil {
		guard.Log(p.log, "panic in a presence timer", fault)
	}
}

// close stops all timers; nothing changes any more.
func (p *presence) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.window != nil {
		p.window.Stop()
	}
	for _, a := range p.users {
		if a.leaving != nil {
			a.leaving.Stop()
		}
	}
}

func (p *presence) addLocked(user string, a *attendance) {
	p.users[user] = a
	at, _ := slices.BinarySearch(p.sorted, user)
	p.sorted = slices.Insert(slices.Clone(p.sorted), at, user)
}

func (p *presence) removeLocked(user string) {
	delete(p.users, user)
	if at, ok := slices.BinarySearch(p.sorted, user); ok {
		p.sorted = slices.Delete(slices.Clone(p.sorted), at, at+1)
		p.gone = append(p.gone, user)
	}
}

// changedLocked publishes a change, or leaves it to the end of the interval.
func (p *presence) changedLocked() {
	if p.window == nil && p.publishLocked() && p.interval > 0 && !p.closed {
		p.window = time.AfterFunc(p.interval, p.endWindow)
	}
}

func (p *presence) endWindow() {
	defer p.guard()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.window = nil
	if !p.closed {
		p.changedLocked()
	}
}

// publishLocked tells of all changes since it was last called. It reports whether there were any.
func (p *presence) publishLocked() bool {
	if slices.Equal(p.published, p.sorted) && !p.answered {
		p.gone = nil
		return false
	}
	e := PresenceChanged{Users: p.sorted, Count: len(p.sorted)}
	e.Joined, e.Left = differences(p.published, p.sorted)
	if p.answered {
		// A client may have been answered with users who have come and gone since.
		for _, user := range p.gone {
			if p.users[user] == nil {
				e.Left = append(e.Left, user)
			}
		}
		slices.Sort(e.Left)
		e.Left = slices.Compact(e.Left)
	}
	if len(p.sorted) > p.listLimit {
		p.large = true
	} else if len(p.sorted)*10 < p.listLimit*8 {
		p.large = false
	}
	p.published, p.answered, p.gone = p.sorted, false, nil
	p.version.Version++
	e.Listed, e.PresenceVersion = !p.large, p.version
	p.changed(e)
	return true
}

// differences returns what is only in after and what is only in before. All lists are sorted, and none is nil.
func differences(before, after []string) (joined, left []string) {
	joined, left = []string{}, []string{}
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(before) == 0 || len(after) > 0 && after[0] < before[0]:
			joined, after = append(joined, after[0]), after[1:]
		case len(after) == 0 || before[0] < after[0]:
			left, before = append(left, before[0]), before[1:]
		default:
			before, after = before[1:], after[1:]
		}
	}
	return joined, left
}
