package backend

import (
	"context"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
)

// Joined is the room as its new member finds it.
type Joined struct {
	Room string `json:"room"`

	// Members are sorted by id, the new one included. They are missing in a room with more than
	// [Options].PresenceListLimit: then the fields below are there, and [Service.ListMembers] has the members.
	Members []Member `json:"members,omitempty"`

	Count   int    `json:"count,omitempty"` // the number of members
	Version uint64 `json:"version,omitempty"`
	Epoch   string `json:"epoch,omitempty"`
}

// ListMembers asks for a page of a room's members.
type ListMembers struct {
	Room string

	// After is the Next of the page before. Empty means from the first member on.
	After string

	// Limit is the largest number of members, 1 to [MaxPresenceLimit]. Nil means [DefaultPresenceLimit].
	Limit *int
}

// MemberPage is a part of a room's members.
type MemberPage struct {
	Members []Member `json:"members"` // sorted by id; never nil

	// Version is the same as that of the page before if nobody has joined or left since. Otherwise the list has to be read
	// again from the first page on, except by a client that applies every [RoomJoined] and [RoomLeft] in between.
	Version uint64 `json:"version"`

	// Epoch is of one run of the Service: versions of different epochs cannot be compared.
	Epoch string `json:"epoch"`

	// Next is the After of the next page. Nil (null on the wire) means that there is none.
	Next *string `json:"next"`
}

// Member is a connection in a room.
type Member struct {
	ID   string  `json:"id"`
	User *string `json:"user"` // its user id, or null
}

// Left confirms the end of a membership.
type Left struct {
	Room string `json:"room"`
}

// JoinRoom asks for membership of a room.
type JoinRoom struct{ Room string }

// LeaveRoom asks to end a membership.
type LeaveRoom struct{ Room string }

// roomLocks let the changes of one room happen one at a time, each together with the publishing of its event.
type roomLocks struct {
	seed  maphash.Seed
	locks [64]roomLock
}

// roomLock is shared by many rooms.
type roomLock struct {
	sync.Mutex
	version uint64 // grows with each change of one of the rooms; the mutex guards it
}

func (l *roomLocks) of(room string) *roomLock {
	return &l.locks[maphash.String(l.seed, room)%uint64(len(l.locks))]
}

// JoinRoom makes the client a member of the room and publishes [RoomJoined]. For a member it changes nothing and publishes
// nothing.
func (s *Service) JoinRoom(ctx context.Context, p Principal, req JoinRoom) (Joined, error) {
	if err := ValidateRoom("room", req.Room); err != nil {
		return Joined{}, err
	}
	if err := permit(p, ActionJoin, req.Room); err != nil {
		return Joined{}, err
	}
	c := p.Client
	defer c.returned()
	lock := s.rooms.of(req.Room)
	c.hold(lock)
	if !c.conn.InRoom(req.Room) {
		if err := c.conn.Join(req.Room); err != nil {
			return Joined{}, err
		}
		c.rooms[req.Room] = true // from here on, its end is published
		lock.version++
		s.publish(ctx, RoomJoined{p.change(req.Room)})
	}
	joined := Joined{Room: req.Room, Members: c.conn.Members(req.Room)}
	if n := len(joined.Members); n > s.presence.listLimit {
		joined.Members, joined.Count, joined.Version, joined.Epoch = nil, n, lock.version, s.presence.version.Epoch
	}
	return joined, nil
}

// ListMembers returns a page of a room's members, to a member.
func (s *Service) ListMembers(_ context.Context, p Principal, req ListMembers) (MemberPage, error) {
	if err := ValidateRoom("room", req.Room); err != nil {
		return MemberPage{}, err
	}
	if err := permit(p, ActionListMembers, req.Room); err != nil {
		return MemberPage{}, err
	}
	limit, err := presenceLimit(req.Limit)
	if err != nil {
		return MemberPage{}, err
	}
	c := p.Client
	defer c.returned()
	lock := s.rooms.of(req.Room)
	c.hold(lock)
	page := MemberPage{Version: lock.version, Epoch: s.presence.version.Epoch}
	page.Members, page.Next = pageOf(c.conn.Members(req.Room), req.After, limit, func(m Member) string { return m.ID })
	return page, nil
}

// LeaveRoom ends the client's membership and publishes [RoomLeft]. For a client that is no member it changes nothing and
// publishes nothing.
func (s *Service) LeaveRoom(ctx context.Context, p Principal, req LeaveRoom) (Left, error) {
	if err := ValidateRoom("room", req.Room); err != nil {
		return Left{}, err
	}
	if err := permit(p, ActionLeave, req.Room); err != nil {
		return Left{}, err
	}
	if c := p.Client; c.rooms[req.Room] || c.in(req.Room) {
		s.leave(ctx, p, req.Room)
	}
	return Left(req), nil
}

// Disconnected ends what the client was part of: its memberships, each with a [RoomLeft], and its share in its user's
// presence. It is called once, after the client's last use case.
func (s *Service) Disconnected(ctx context.Context, c *Client) {
	p := c.Principal()
	for _, room := range slices.Sorted(maps.Keys(c.rooms)) {
		s.leave(ctx, p, room)
	}
	if p.User != "" {
		s.presence.depart(p.User)
	}
}

func (s *Service) leave(ctx context.Context, p Principal, room string) {
	l := s.rooms.of(room)
	l.Lock()
	defer l.Unlock()
	delete(p.Client.rooms, room)
	l.version++
	p.Client.conn.Leave(room)
	s.publish(ctx, RoomLeft{p.change(room)})
}

func (p Principal) change(room string) RoomChange {
	return RoomChange{Connection: p.Client.conn.ID(), User: p.user(), Room: room, Time: Now()}
}
