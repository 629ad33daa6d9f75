package backend

import "context"

// SendMessage asks to save a chat message and to send it to the room.
type SendMessage struct {
	RoomID string
	Text   string

	// ClientMessageID makes it safe to send the message again: it is saved and sent once. Nil means that every call
	// saves a message.
	ClientMessageID *string
}

// SentMessage is the message as it was saved.
type SentMessage struct {
	Message ChatMessage

	// Created is false when the message had been saved before: then it is the first copy that is returned, and nothing
	// was sent.
	Created bool
}

// SendMessage saves a chat message and then sends it: it publishes [MessageSent], and members of the room other than the
// sender receive it. A message whose ClientMessageID the author has used in the room before is neither saved nor sent
// again. The end of ctx does not end the saving: what a client sent before it went away is sent.
func (s *Service) SendMessage(ctx context.Context, p Principal, req SendMessage) (SentMessage, error) {
	if err := ValidateRoom("roomId", req.RoomID); err != nil {
		return SentMessage{}, err
	}
	if err := permit(p, ActionPublish, req.RoomID); err != nil {
		return SentMessage{}, err
	}
	m := NewMessage{RoomID: req.RoomID, User: p.user(), Text: req.Text, ClientMessageID: req.ClientMessageID}
	if p.Client != nil {
		m.Socket = p.Client.conn.ID()
	}
	if err := m.Validate(); err != nil {
		return SentMessage{}, err
	}
	ctx = context.WithoutCancel(ctx)
	saved, created, err := s.store.SaveMessage(ctx, m)
	if err != nil {
		return SentMessage{}, err
	}
	if created {
		s.publish(ctx, MessageSent{Message: saved, Sender: m.Socket})
	}
	return SentMessage{Message: saved, Created: created}, nil
}
