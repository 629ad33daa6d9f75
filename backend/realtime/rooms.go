package realtime

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/socketio"
)

// The Socket.IO rooms of the names that clients use. A socket's own room is its bare id, so no client can join that.
func roomName(room string) string { return "room:" + room }
func userRoom(user string) string { return "user:" + user }

// roomLocks let the changes of one room happen one at a time, together with what is told about them.
type roomLocks [64]sync.Mutex

var roomSeed = maphash.MakeSeed()

func (l *roomLocks) of(room string) *sync.Mutex {
	return &l[maphash.String(roomSeed, room)%uint64(len(l))]
}

func (s *Service) joinRoom(_ context.Context, socket *socketio.Socket, room string) (Joined, error) {
	if err := backend.ValidateRoom("room", room); err != nil {
		return Joined{}, err
	}
	c := clientOf(socket)
	c.hold(s.rooms.of(room))
	name := roomName(room)
	if !socket.InRoom(name) {
		if err := socket.Join(name); err != nil {
			return Joined{}, err
		}
		c.rooms[room] = true // from here on, hasLeft will tell of its end
		emit(s, socket.To(name), UserJoined, roomChange(socket, room))
	}
	return Joined{Room: room, Members: s.members(name)}, nil
}

func (s *Service) leaveRoom(_ context.Context, socket *socketio.Socket, room string) (Left, error) {
	if err := backend.ValidateRoom("room", room); err != nil {
		return Left{}, err
	}
	if c := clientOf(socket); c.rooms[room] || inRoom(socket, room) {
		s.hasLeft(socket, c, room)
	}
	return Left{Room: room}, nil
}

// hasLeft ends a membership and tells the others of it.
func (s *Service) hasLeft(socket *socketio.Socket, c *client, room string) {
	l := s.rooms.of(room)
	l.Lock()
	defer l.Unlock()
	delete(c.rooms, room)
	name := roomName(room)
	socket.Leave(name)
	emit(s, s.io.To(name), UserLeft, roomChange(socket, room))
}

func roomChange(socket *socketio.Socket, room string) RoomChange {
	return RoomChange{ID: socket.ID(), User: userOf(socket), Room: room, Timestamp: backend.Now()}
}

// members lists who is in a room, sorted by id.
func (s *Service) members(name string) []Member {
	sockets := s.io.To(name).Sockets()
	members := make([]Member, 0, len(sockets))
	for _, socket := range sockets {
		members = append(members, Member{ID: socket.ID(), User: userOf(socket)})
	}
	slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	return members
}

// member returns an error unless the socket is a member of the room. Field is the room's name on the wire.
func member(socket *socketio.Socket, field, room string) error {
	if err := backend.ValidateRoom(field, room); err != nil {
		return err
	}
	if !inRoom(socket, room) {
		return backend.Forbidden("not a member of the room")
	}
	return nil
}

// inRoom tells membership also while what a socket sent before it disconnected is still being handled: the server then
// knows the rooms of the disconnect, and the client's handlers which of them it has left since.
func inRoom(socket *socketio.Socket, room string) bool {
	return socket.InRoom(roomName(room)) && (socket.Connected() || clientOf(socket).rooms[room])
}
