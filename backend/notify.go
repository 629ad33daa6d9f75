package backend

import "context"

// Notify asks to send a notification.
type Notify struct {
	Type    string
	Message string

	// Room and User say whom it is for; at most one may be set. Both nil mean every client. A name that is set and
	// empty is an error, so that it does not reach everybody.
	Room *string
	User *string

	// WithoutID sends a notification that nobody needs to refer to.
	WithoutID bool
}

// Notify sends a notification to the clients that are connected now: it publishes [NotificationSent]. Nothing is stored.
func (s *Service) Notify(ctx context.Context, p Principal, req Notify) (Notification, error) {
	n, err := NewNotification(req.Type, req.Message)
	if err != nil {
		return Notification{}, err
	}
	if req.WithoutID {
		n.ID = ""
	}
	to, err := audience(req.Room, req.User)
	if err != nil {
		return Notification{}, err
	}
	if err := permit(p, ActionNotify, to.Room); err != nil {
		return Notification{}, err
	}
	if err := s.events.Publish(ctx, NotificationSent{Notification: n, To: to}); err != nil {
		return Notification{}, err
	}
	return n, nil
}

// audience tells an empty name from none.
func audience(room, user *string) (to Audience, err error) {
	if room != nil {
		if err := ValidateRoom("room", *room); err != nil {
			return to, err
		}
		to.Room = *room
	}
	if user != nil {
		if err := ValidateUser("user", *user); err != nil {
			return to, err
		}
		to.User = *user
	}
	return to, to.Validate()
}
