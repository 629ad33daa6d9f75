package backend

import (
	"cmp"
	"context"
	"slices"
)

// GoOnline asks to count the client as a connection of a user.
type GoOnline struct{ User string }

// OnlineUsers is who is online, as far as an answer says it.
type OnlineUsers struct {
	// Listed reports whether Users is the answer. It is false where the list is too long to be sent with each change: then
	// Count and Version are, and [Service.ListUsers] has the users.
	Listed bool

	// Users are the ids, sorted. They must not be changed.
	Users []string

	// Count is the number of users that the change of this Version has left online.
	Count int

	PresenceVersion
}

// PresenceVersion names a state of presence.
type PresenceVersion struct {
	// Version grows by one with each [PresenceChanged].
	Version uint64

	// Epoch is of one run of the Service: versions of different epochs cannot be compared.
	Epoch string
}

// GoOnline makes the client a connection of the user with this id, and no longer one of another user. [PresenceChanged]
// follows where that changes who is online: at once, or at the end of [Options].PresenceInterval. The answer may know of
// changes that are still to be published.
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
	s.presence.arriveLocked(req.User, previous)
	return s.presence.onlineLocked(), nil
}

// ListUsers asks for a page of who is online.
type ListUsers struct {
	// After is the Next of the page before. Empty means from the first user on.
	After string

	// Limit is the largest number of users, 1 to [MaxPresenceLimit]. Nil means [DefaultPresenceLimit].
	Limit *int
}

// UserPage is a part of the sorted list of who is online.
type UserPage struct {
	Users []string // ids, sorted; never nil, and must not be changed

	// Version is the state that the page is of. A list whose pages have different versions has to be read again from the
	// first page on, except by a client that applies every [PresenceChanged] that it receives in between.
	PresenceVersion

	// Next is the After of the next page. Nil means that there is none.
	Next *string
}

// ListUsers returns a page of who is online, as it was last published.
func (s *Service) ListUsers(_ context.Context, p Principal, req ListUsers) (UserPage, error) {
	if req.After != "" {
		if err := ValidateUser("after", req.After); err != nil {
			return UserPage{}, err
		}
	}
	limit, err := presenceLimit(req.Limit)
	if err != nil {
		return UserPage{}, err
	}
	if err := permit(p, ActionListUsers, ""); err != nil {
		return UserPage{}, err
	}
	if c := p.Client; c != nil {
		defer c.returned()
		c.hold(&s.presence.mu)
	} else {
		s.presence.mu.Lock()
		defer s.presence.mu.Unlock()
	}
	page := UserPage{PresenceVersion: s.presence.version}
	page.Users, page.Next = pageOf(s.presence.published, req.After, limit, func(user string) string { return user })
	return page, nil
}

// presenceLimit is the size of a page of users or of members.
func presenceLimit(limit *int) (int, error) {
	switch {
	case limit == nil:
		return DefaultPresenceLimit, nil
	case *limit < 1 || *limit > MaxPresenceLimit:
		return 0, Invalid("limit", "must be 1 to %d", MaxPresenceLimit)
	}
	return *limit, nil
}

// pageOf returns the page of a sorted list that begins behind after, and the key that the next page begins behind.
func pageOf[T any](list []T, after string, limit int, key func(T) string) (page []T, next *string) {
	at, found := slices.BinarySearchFunc(list, after, func(v T, after string) int { return cmp.Compare(key(v), after) })
	if found {
		at++
	}
	page = list[at:]
	if len(page) > limit {
		page = page[:limit]
		next = new(key(page[limit-1]))
	}
	return page, next
}
