package realtime

import (
	"cmp"
	"slices"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/socketio"
)

// The Socket.IO rooms of the names that clients use. A socket's own room is its bare id, so no client can join that.
func roomName(room string) string { return "room:" + room }
func userRoom(user string) string { return "user:" + user }

// The data of a socket. The user can be read at any time, the client only by the socket's own handlers.
var (
	userData   = socketio.NewData[string]("user")
	clientData = socketio.NewLocalData[*backend.Client]("client")
)

// client returns what the Service knows of a socket.
func (h *Handlers) client(socket *socketio.Socket) *backend.Client {
	c, ok := clientData.Value(socket)
	if !ok {
		c = backend.NewClient(connection{socket, h.io})
		_ = clientData.Set(socket, c) // local data is any
	}
	return c
}

// connection is a socket as a [backend.Connection].
type connection struct {
	*socketio.Socket
	io *socketio.Server
}

var _ backend.Connection = connection{}

func (c connection) Join(room string) error  { return c.Socket.Join(roomName(room)) }
func (c connection) Leave(room string)       { c.Socket.Leave(roomName(room)) }
func (c connection) InRoom(room string) bool { return c.Socket.InRoom(roomName(room)) }
func (c connection) User() string            { return userOf(c.Socket) }

func (c connection) SetUser(user string) error {
	if err := c.Socket.Join(userRoom(user)); err != nil {
		return err
	}
	if previous := userOf(c.Socket); previous != "" && previous != user {
		c.Socket.Leave(userRoom(previous))
	}
	return userData.Set(c.Socket, user)
}

func (c connection) Members(room string) []backend.Member {
	sockets := c.io.To(roomName(room)).Sockets()
	members := make([]backend.Member, 0, len(sockets))
	for _, socket := range sockets {
		m := backend.Member{ID: socket.ID()}
		if user := userOf(socket); user != "" {
			m.User = &user
		}
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b backend.Member) int { return cmp.Compare(a.ID, b.ID) })
	return members
}

// userOf returns the user whose connection the socket is; empty if it is nobody's.
func userOf(socket *socketio.Socket) string {
	user, _ := userData.Value(socket)
	return user
}
