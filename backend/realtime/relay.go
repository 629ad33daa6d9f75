package realtime

import (
	"context"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

// Values that are relayed stay raw: a number keeps all its digits, and binary stays binary.

func (s *Service) relay(_ context.Context, socket *socketio.Socket, message parser.Raw) (Relayed, error) {
	relayed := Relayed{ID: socket.ID(), User: userOf(socket), Message: message, Timestamp: backend.Now()}
	return relayed, event.Emit(s.io, NewMessage, relayed)
}

func (s *Service) relayToRoom(_ context.Context, socket *socketio.Socket, to ToRoom) (RelayedToRoom, error) {
	if err := member(socket, "room", to.Room); err != nil {
		return RelayedToRoom{}, err
	}
	if len(to.Message.JSON) == 0 {
		return RelayedToRoom{}, backend.Invalid("message", "is missing")
	}
	relayed := RelayedToRoom{
		ID: socket.ID(), User: userOf(socket), Room: to.Room, Message: to.Message, Timestamp: backend.Now(),
	}
	return relayed, event.Emit(s.io.To(roomName(to.Room)), RoomBroadcast, relayed)
}
