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
	Room    string   `json:"room"`
	Members []Member `json:"members"` // sorted by id, the new one included
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
	locks [64]sync.Mutex
}

func (l *roomLocks) of(room string) *sync.Mutex {
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
	c.hold(s.rooms.of(req.Room))
	if !c.conn.InRoom(req.Room) {
		if err := c.conn.Join(req.Room); err != nil {
			return Joined{}, err
		}
		c.rooms[req.Room] = true // from here on, its end is published
		s.tell(ctx, RoomJoined{p.change(req.Room)})
	}
	return Joined{Room: req.Room, Members: c.conn.Members(req.Room)}, nil
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
	p.Client.conn.Leave(room)
	s.tell(ctx, RoomLeft{p.change(room)})
}

func (p Principal) change(room string) RoomChange {
	return RoomChange{Connection: p.Client.conn.ID(), User: p.user(), Room: room, Time: Now()}
}
