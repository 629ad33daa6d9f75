package backend

import (
	"time"

	"github.com/oklog/ulid/v2"
)

// Notification is a short message of the server to its clients. It is emitted and not stored.
type Notification struct {
	// ID is empty (and absent on the wire) for a notification that nobody needs to refer to.
	ID      string    `json:"id,omitempty"`
	Type    string    `json:"type"`
	Message string    `json:"message"`
	Time    time.Time `json:"timestamp"`
}

// NewNotification returns a notification with an id and the present time. Its error is an [*Error] of [CodeInvalid].
func NewNotification(kind, message string) (Notification, error) {
	n := Notification{ID: ulid.Make().String(), Type: kind, Message: message, Time: Now()}
	return n, n.Validate()
}

// Validate checks the notification against the bounds of this package.
func (n *Notification) Validate() error {
	if err := validateName("type", n.Type, MaxTypeBytes); err != nil {
		return err
	}
	return ValidateText("message", n.Message)
}

// Audience says whom a notification is for. The zero Audience is every client; at most one field may be set.
type Audience struct {
	Room string // the members of this room
	User string // the connections of this user
}

// Validate checks the names, and that at most one is given.
func (a Audience) Validate() error {
	if a.Room != "" && a.User != "" {
		return Invalid("user", "and room exclude each other")
	}
	if a.Room != "" {
		return ValidateRoom("room", a.Room)
	}
	if a.User != "" {
		return ValidateUser("user", a.User)
	}
	return nil
}

// Now is the present time as the backend writes it: UTC, in milliseconds.
func Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
