package realtime

import (
	"context"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/parser"
)

// publish is the [backend.Subscriber] that emits to clients what has happened. It returns an error where emitting is all
// that a use case does, and for items, so that the Service can log it; other changes stay made when an event about them
// cannot be emitted.
func (h *Handlers) publish(_ context.Context, e backend.Event) error {
	switch e := e.(type) {
	case backend.MessageSent:
		emit(h, h.room(e.Message.RoomID, e.Sender), NewChatMessage, e.Message)
	case backend.RoomJoined:
		emit(h, h.room(e.Room, e.Connection), UserJoined, roomChange(e.RoomChange))
	case backend.RoomLeft:
		emit(h, h.room(e.Room, ""), UserLeft, roomChange(e.RoomChange))
	case backend.PresenceChanged:
		if e.Listed {
			emit(h, h.io, UsersOnline, e.Users)
		} else {
			emit(h, h.io, PresenceChange, PresenceDelta{e.Joined, e.Left, e.Count, e.Version, e.Epoch})
		}
	case backend.Relayed:
		return event.Emit(h.io, NewMessage, relayed(e))
	case backend.RelayedToRoom:
		return event.Emit(h.room(e.Room, ""), RoomBroadcast, relayedToRoom(e))
	case backend.NotificationSent:
		return event.Emit(h.audience(e.To), Notification, e.Notification)
	case backend.ItemChanged:
		return event.Emit(h.io, DataUpdated, e.Item)
	}
	return nil
}

// room chooses the members of a room but one: the connection that has caused the event, if there is one.
func (h *Handlers) room(room, except string) event.Emitter {
	members := h.io.To(roomName(room))
	if except != "" {
		members = members.Except(except) // a socket's own room is its id
	}
	return members
}

func (h *Handlers) audience(to backend.Audience) event.Emitter {
	switch {
	case to.Room != "":
		return h.io.To(roomName(to.Room))
	case to.User != "":
		return h.io.To(userRoom(to.User))
	}
	return h.io
}

// emit is for events about changes that are made already, and stay made when an event fails.
func emit[T any](h *Handlers, to event.Emitter, name event.Name[T], v T) {
	if err := event.Emit(to, name, v); err != nil {
		h.log.Debug("event was not emitted", "event", string(name), "err", err)
	}
}

// Values that are relayed stay raw: a number keeps all its digits, and binary stays binary.

func relayed(e backend.Relayed) Relayed {
	return Relayed{ID: e.Sender, User: e.User, Message: parser.Raw(e.Message), Timestamp: e.Time}
}

func relayedToRoom(e backend.RelayedToRoom) RelayedToRoom {
	return RelayedToRoom{ID: e.Sender, User: e.User, Room: e.Room, Message: parser.Raw(e.Message), Timestamp: e.Time}
}

func roomChange(e backend.RoomChange) RoomChange {
	return RoomChange{ID: e.Connection, User: e.User, Room: e.Room, Timestamp: e.Time}
}
