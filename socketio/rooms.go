package socketio

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/parleyio/parley/cluster"
)

// RoomEvent is a change of a room of this node, for the functions of Namespace.ObserveRooms: its Kind, the Room's name, the
// ID of the socket that has joined or left, and how many events were Missed before it because the function was too slow.
// The room of a socket's own id has no events, unless another socket joins a room of that name.
type RoomEvent = cluster.RoomEvent

// The kinds of RoomEvent, which Socket.IO calls create-room, join-room, leave-room and delete-room.
const (
	RoomCreated = cluster.RoomCreated
	RoomJoined  = cluster.RoomJoined
	RoomLeft    = cluster.RoomLeft
	RoomDeleted = cluster.RoomDeleted
)

// Join puts the socket into rooms; those it is in already are ignored. A middleware may call it: the rooms are joined
// when the socket connects. It returns ErrClosed, ErrRoomName or ErrTooManyRooms, and has then joined none of them.
//
// The socket is in the rooms when Join returns. In a cluster whose broker has to subscribe to a room first, Join waits for
// that, at most cluster.Config.JoinTimeout (1 s), so that what other nodes send afterwards arrives.
func (s *Socket) Join(rooms ...string) error {
	if err := s.join(rooms); err != nil {
		return err
	}
	s.nsp.subscribed(s.ctx, rooms)
	return nil
}

// subscribed waits until what other nodes send to rooms arrives here.
func (n *Namespace) subscribed(ctx context.Context, rooms []string) {
	if n.adapter != nil { // while a parent is asked there is none
		n.adapter.Subscribed(ctx, rooms...)
	}
}

// join is Join without waiting.
func (s *Socket) join(rooms []string) error {
	o := &s.nsp.server.opts
	if err := s.nsp.server.checkRooms(rooms); err != nil {
		return err
	}
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.state == disconnected {
		return ErrClosed
	}
	added := distinct(rooms, func(room string) bool { return !s.inRoomLocked(room) })
	if len(added) > o.MaxRooms-s.joined {
		s.nsp.server.counters.tooManyRooms.Add(1)
		return ErrTooManyRooms
	}
	if s.state == connecting {
		s.rooms = append(s.rooms, added...)
	} else if err := s.nsp.adapter.Join(s.id, added...); err != nil {
		return fmt.Errorf("socketio: joining: %w", err)
	}
	s.joined += len(added)
	return nil
}

// checkRooms reports the first name that no room may have.
func (s *Server) checkRooms(rooms []string) error {
	for _, room := range rooms {
		if len(room) > s.opts.MaxRoomName {
			s.counters.longRoomNames.Add(1)
		}
		if room == "" || len(room) > s.opts.MaxRoomName {
			return fmt.Errorf("%w: %d bytes", ErrRoomName, len(room))
		}
	}
	return nil
}

// Leave takes the socket out of rooms; those it is not in are ignored.
func (s *Socket) Leave(rooms ...string) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.state == disconnected {
		return
	}
	left := distinct(rooms, func(room string) bool { return room != s.id && s.inRoomLocked(room) })
	if s.state == connecting {
		s.rooms = slices.DeleteFunc(s.rooms, func(room string) bool { return slices.Contains(left, room) })
	} else {
		s.nsp.adapter.Leave(s.id, left...)
	}
	s.joined -= len(left)
}

// distinct returns those of the rooms that are wanted, each once.
func distinct(rooms []string, wanted func(string) bool) []string {
	var chosen []string
	for _, room := range rooms {
		if wanted(room) {
			chosen = append(chosen, room)
		}
	}
	slices.Sort(chosen)
	return slices.Compact(chosen)
}

// Rooms returns the rooms that the socket has joined, sorted and without its own id. Of a disconnected socket they are
// those of that moment, so that OnDisconnect can use them.
func (s *Socket) Rooms() []string {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.state == connected {
		return s.nsp.adapter.Rooms(s.id)
	}
	return slices.Sorted(slices.Values(s.rooms))
}

// InRoom reports whether the socket is in a room: one of Rooms, or that of its own id.
func (s *Socket) InRoom(room string) bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.inRoomLocked(room)
}

func (s *Socket) inRoomLocked(room string) bool {
	if s.state == connected {
		return s.nsp.adapter.InRoom(s.id, room)
	}
	return room == s.id || slices.Contains(s.rooms, room)
}

// Rooms returns the rooms that sockets of this node have joined, sorted. The id of a socket is among them only if
// another one has joined it. It asks for the rooms of every socket: to follow large namespaces there is ObserveRooms.
func (n *Namespace) Rooms() []string {
	found := map[string]struct{}{}
	for _, m := range n.all().Sockets() {
		for _, room := range n.adapter.Rooms(m.id) {
			found[room] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(found))
}
