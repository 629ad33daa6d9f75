package realtime

import (
	"time"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/parser"
)

// The events from client to server, with what they carry and how they are acknowledged.
const (
	// Message relays any JSON value, binary included, to every client as [NewMessage].
	Message = event.WithAck[parser.Raw, Relayed]("message")

	// JoinRoom makes the sender a member of the room, and the others receive [UserJoined].
	JoinRoom = event.WithAck[string, backend.Joined]("join-room")

	// LeaveRoom ends the membership, and the others receive [UserLeft]; so does a disconnect.
	LeaveRoom = event.WithAck[string, backend.Left]("leave-room")

	// RoomMessage relays any JSON value to the members of a room as [RoomBroadcast].
	RoomMessage = event.WithAck[ToRoom, RelayedToRoom]("room-message")

	// ChatMessage saves a message; then the other members receive [NewChatMessage].
	ChatMessage = event.WithAck[Chat, backend.ChatMessage]("chat-message")

	// ChatHistory reads what has been saved, newest first.
	ChatHistory = event.WithAck[History, backend.Page]("chat-history")

	// UserOnline makes the sender a connection of the user with this id. The answer is the list of users online.
	UserOnline = event.WithAck[string, []string]("user-online")
)

// The events from server to client.
const (
	NewMessage     = event.Name[Relayed]("new-message")                  // to every client
	UserJoined     = event.Name[RoomChange]("user-joined")               // to the other members of the room
	UserLeft       = event.Name[RoomChange]("user-left")                 // to the other members of the room
	RoomBroadcast  = event.Name[RelayedToRoom]("room-broadcast")         // to the members of the room
	NewChatMessage = event.Name[backend.ChatMessage]("new-chat-message") // to the other members of the room
	UsersOnline    = event.Name[[]string]("users-online")                // to every client: user ids, sorted
	Notification   = event.Name[backend.Notification]("notification")    // to its [backend.Audience]
	DataUpdated    = event.Name[backend.Item]("data-updated")            // to every client
	Exception      = event.Name[Failure]("exception")                    // to the sender of what has failed
)

// Relayed is a value that a client has sent to all.
type Relayed struct {
	ID        string     `json:"id"`   // the sender's socket
	User      *string    `json:"user"` // the sender's user id, or null
	Message   parser.Raw `json:"message"`
	Timestamp time.Time  `json:"timestamp"`
}

// ToRoom is a value for the members of a room.
type ToRoom struct {
	Room    string     `json:"room"`
	Message parser.Raw `json:"message"`
}

// RelayedToRoom is a value that a member has sent to a room.
type RelayedToRoom struct {
	ID        string     `json:"id"`   // the sender's socket
	User      *string    `json:"user"` // the sender's user id, or null
	Room      string     `json:"room"`
	Message   parser.Raw `json:"message"`
	Timestamp time.Time  `json:"timestamp"`
}

// RoomChange says who has joined or left a room.
type RoomChange struct {
	ID        string    `json:"id"`   // the socket
	User      *string   `json:"user"` // its user id, or null
	Room      string    `json:"room"`
	Timestamp time.Time `json:"timestamp"`
}

// Chat is a message to be saved.
type Chat struct {
	RoomID string `json:"roomId"`
	Text   string `json:"text"`

	// ClientMessageID makes it safe to send the message again: it is saved once. Nil means that it is not named.
	ClientMessageID *string `json:"clientMessageId,omitempty"`
}

// History asks for a page of a room's messages.
type History struct {
	RoomID string `json:"roomId"`

	// Before is the Next of the page before. Nil means the newest messages.
	Before *string `json:"before,omitempty"`

	// Limit is the largest number of messages, at most [backend.MaxLimit]. Nil means [backend.DefaultLimit].
	Limit *int `json:"limit,omitempty"`
}

// Failure is what went wrong with an event whose sender has not asked for an acknowledgement.
type Failure struct {
	Event   string `json:"event"`
	Code    string `json:"code"`
	Message string `json:"message"`
}
