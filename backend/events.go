package backend

import (
	"strconv"
	"time"
)

// Event is something that has happened: one of the structs of this file. A [Subscriber] tells them apart by a type switch
// and ignores those that it does not know. Events are values; what they point to must not be changed.
type Event interface {
	// EventID is the same whenever the event is delivered, and of no other event, so that a subscriber can drop
	// repeats. Empty means that nothing keeps the event: it is delivered at most once.
	EventID() string
}

// MessageSent follows the saving of a chat message, once for each message that was saved.
type MessageSent struct {
	Message ChatMessage

	// Sender is the connection that has sent the message and has it already. Empty means that none has.
	Sender string
}

// EventID is the id of the message.
func (e MessageSent) EventID() string { return e.Message.ID }

// NotificationSent carries a notification to its audience.
type NotificationSent struct {
	Notification Notification
	To           Audience
}

// EventID is the id of the notification, if it has one.
func (e NotificationSent) EventID() string { return e.Notification.ID }

// ItemChanged follows the saving of an item.
type ItemChanged struct{ Item Item }

// EventID is made of the item's key and time: the time grows with every change of the item.
func (e ItemChanged) EventID() string {
	return e.Item.Key + "@" + strconv.FormatInt(e.Item.UpdatedAt.UnixMilli(), 10)
}

// PresenceChanged follows the changes of who is online, those of an interval together.
type PresenceChanged struct {
	// Users are all who are online now. Clients should be sent them if Listed is set, and otherwise Joined and Left.
	Users  []string
	Listed bool

	// Joined and Left are what has changed since the version before. Left may name users whom no version has had.
	Joined, Left []string

	// Count is the number of Users.
	Count int

	PresenceVersion
}

// EventID is made of the epoch and the version.
func (e PresenceChanged) EventID() string { return e.Epoch + "@" + strconv.FormatUint(e.Version, 10) }

// RoomChange is who has joined or left a room, and when.
type RoomChange struct {
	Connection string  // id of the connection
	User       *string // its user id, or nil
	Room       string
	Time       time.Time
}

// RoomJoined means that a connection has become a member of a room.
type RoomJoined struct{ RoomChange }

// EventID is empty.
func (RoomJoined) EventID() string { return "" }

// RoomLeft means that a connection is no longer a member of a room.
type RoomLeft struct{ RoomChange }

// EventID is empty.
func (RoomLeft) EventID() string { return "" }

// Relayed is a value that a client sends to all clients. It is not stored.
type Relayed struct {
	Sender  string  // id of the connection
	User    *string // its user id, or nil
	Message Value
	Time    time.Time
}

// EventID is empty.
func (Relayed) EventID() string { return "" }

// RelayedToRoom is a value that a member sends to a room. It is not stored.
type RelayedToRoom struct {
	Room string
	Relayed
}

// Value is any JSON value, as it came: the backend does not look inside. Binary parts stand beside the JSON text, which
// refers to them in the way of the Socket.IO protocol.
type Value struct {
	JSON        []byte
	Attachments [][]byte
}
