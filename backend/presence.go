package backend

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/parleyio/parley/internal/guard"
)

// GoOnline asks to count the client as a connection of a user.
type GoOnline struct{ User string }

// ListUsers asks who is online.
type ListUsers struct{}

// OnlineUsers is who is online.
type OnlineUsers struct {
	Users []string // ids, sorted; never nil, and must not be changed
}

// GoOnline makes the client a connection of the user with this id, and no longer one of another user. It publishes
// [PresenceChanged] where that changes who is online, and returns who is.
func (s *Service) GoOnline(_ context.Context, p Principal, req GoOnline) (OnlineUsers, error) {
	if err := ValidateUser("user", req.User); err != nil {
		return OnlineUsers{}, err
	}
	if err := permit(p, ActionGoOnline, ""); err != nil {
		return OnlineUsers{}, err
	}
	c := p.Client
	previous := c.user
	if previous == nil || *previous != req.User {
		if err := c.conn.SetUser(req.User); err != nil {
			return OnlineUsers{}, err // the connection has ended: Disconnected must not find a user that presence does not know
		}
		c.user = &req.User
	}
	defer c.returned()
	c.hold(&s.presence.mu)
	return OnlineUsers{Users: s.presence.arriveLocked(req.User, previous)}, nil
}

// ListUsers returns who is online.
func (s *Service) ListUsers(_ context.Context, p Principal, _ ListUsers) (OnlineUsers, error) {
	if err := permit(p, ActionListUsers, ""); err != nil {
		return OnlineUsers{}, err
	}
	s.presence.mu.Lock()
	defer s.presence.mu.Unlock()
	return OnlineUsers{Users: s.presence.sorted}, nil
}

// presence knows which users have a connection, or had one until a moment ago.
type presence struct {
	// Immutable after construction.
	grace   time.Duration
	changed func(users []string) // called under mu, so in the order of the changes; it must not block
	log     *slog.Logger

	// mu guards the fields below.
	mu     sync.Mutex
	users  map[string]*attendance
	sorted []string // the keys of users; replaced, never changed
	closed bool
}

// attendance is one user's.
type attendance struct {
	connections int
	leaving     *time.Timer // runs while there is no connection
	departures  int         // tells a timer that is too late to be stopped that it is not the latest
}

func newPresence(grace time.Duration, log *slog.Logger, changed func(users []string)) *presence {
	return &presence{grace: grace, changed: changed, log: log, users: map[string]*attendance{}, sorted: []string{}}
}

// arriveLocked counts a connection as user's that was previous's, or nobody's. It returns who is online.
func (p *presence) arriveLocked(user string, previous *string) []string {
	if previous != nil && *previous == user {
		return p.sorted
	}
	before := p.sorted
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
	p.tellLocked(before)
	return p.sorted
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
		before := p.sorted
		p.removeLocked(user)
		p.tellLocked(before)
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
	before := p.sorted
	p.removeLocked(user)
	p.tellLocked(before)
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
	}
}

func (p *presence) tellLocked(before []string) {
	if !slices.Equal(before, p.sorted) {
		p.changed(p.sorted)
	}
}
