package backend

import "context"

// Relay asks to send a value to every client.
type Relay struct{ Message Value }

// Relay sends a value of a client to every client, the sender included: it publishes [Relayed]. Nothing is stored.
func (s *Service) Relay(ctx context.Context, p Principal, req Relay) (Relayed, error) {
	if err := permit(p, ActionRelay, ""); err != nil {
		return Relayed{}, err
	}
	e := p.relayed(req.Message)
	return e, s.events.Publish(ctx, e)
}

// RelayToRoom asks to send a value to the members of a room.
type RelayToRoom struct {
	Room    string
	Message Value
}

// RelayToRoom sends a value to the members of a room, the sender included: it publishes [RelayedToRoom]. Nothing is
// stored.
func (s *Service) RelayToRoom(ctx context.Context, p Principal, req RelayToRoom) (RelayedToRoom, error) {
	if err := ValidateRoom("room", req.Room); err != nil {
		return RelayedToRoom{}, err
	}
	if err := permit(p, ActionPublish, req.Room); err != nil {
		return RelayedToRoom{}, err
	}
	if len(req.Message.JSON) == 0 {
		return RelayedToRoom{}, Invalid("message", "is missing")
	}
	e := RelayedToRoom{Room: req.Room, Relayed: p.relayed(req.Message)}
	return e, s.events.Publish(ctx, e)
}

func (p Principal) relayed(message Value) Relayed {
	e := Relayed{User: p.user(), Message: message, Time: Now()}
	if p.Client != nil {
		e.Sender = p.Client.conn.ID()
	}
	return e
}
