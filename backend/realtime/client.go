package realtime

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/parleyio/parley/socketio"
)

// The data of a socket. The user can be read at any time, the client only by the socket's own handlers.
var (
	userData   = socketio.NewData[string]("user")
	clientData = socketio.NewData[*client]("client")
)

// client is what the handlers of one socket know of it. They run one after another and need no lock for it.
type client struct {
	rooms map[string]bool // joined by the client's wish, also after the socket has been taken out of them
	held  sync.Locker     // see hold
}

func clientOf(socket *socketio.Socket) *client {
	c, ok := clientData.Value(socket)
	if !ok {
		c = &client{rooms: map[string]bool{}}
		clientData.Set(socket, c)
	}
	return c
}

// userOf returns the socket's user id, or nil.
func userOf(socket *socketio.Socket) *string {
	if user, ok := userData.Value(socket); ok {
		return &user
	}
	return nil
}

// hold locks l until the handler's answer has been put into the send queue. So whatever another handler emits about what l
// guards comes behind the answer, and the client can apply it to what it has been answered.
func (c *client) hold(l sync.Locker) {
	l.Lock()
	c.held = l
}

// release ends hold.
func (c *client) release() {
	if c.held != nil {
		c.held.Unlock()
		c.held = nil
	}
}

// disconnected runs once, behind every other handler of the socket.
func (s *Service) disconnected(_ context.Context, socket *socketio.Socket, _ socketio.Reason) {
	c := clientOf(socket)
	for _, room := range slices.Sorted(maps.Keys(c.rooms)) {
		s.hasLeft(socket, c, room)
	}
	if user := userOf(socket); user != nil {
		s.presence.depart(*user)
	}
}
