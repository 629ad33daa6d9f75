package realtime

import (
	"context"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/socketio"
)

func (s *Service) saveChat(ctx context.Context, socket *socketio.Socket, m Chat) (backend.ChatMessage, error) {
	if err := member(socket, "roomId", m.RoomID); err != nil {
		return backend.ChatMessage{}, err
	}
	// A sender that disconnects meanwhile has sent the message all the same.
	saved, created, err := s.chat.SaveMessage(context.WithoutCancel(ctx), backend.NewMessage{
		RoomID: m.RoomID, User: userOf(socket), Socket: socket.ID(), Text: m.Text, ClientMessageID: m.ClientMessageID,
	})
	if err != nil {
		return backend.ChatMessage{}, err
	}
	if created {
		emit(s, socket.To(roomName(m.RoomID)), NewChatMessage, saved)
	}
	return saved, nil
}

func (s *Service) readChat(ctx context.Context, socket *socketio.Socket, h History) (backend.Page, error) {
	if err := member(socket, "roomId", h.RoomID); err != nil {
		return backend.Page{}, err
	}
	var before string
	if h.Before != nil {
		before = *h.Before
	}
	limit := backend.DefaultLimit
	if h.Limit != nil {
		if limit = *h.Limit; limit == 0 {
			return backend.Page{}, backend.Invalid("limit", "must be 1 to %d", backend.MaxLimit)
		}
	}
	return s.chat.Messages(ctx, h.RoomID, before, limit)
}
