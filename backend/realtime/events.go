package realtime

import (
	"bytes"
	"encoding/json"
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

	// RoomMembers reads the members of a room that are too many for the answer to [JoinRoom].
	RoomMembers = event.WithAck[Members, backend.MemberPage]("room-members")

	// UserOnline makes the sender a connection of the user with this id. The answer is the list of users online or, where
	// that is too long, their number.
	UserOnline = event.WithAck[string, Online]("user-online")

	// PresenceList reads who is online, sorted, as it was last sent to clients. It may come without a payload.
	PresenceList = event.WithAck[Users, UserPage]("presence-list")
)

// The events from server to client.
const (
	NewMessage     = event.Name[Relayed]("new-message")                  // to every client
	UserJoined     = event.Name[RoomChange]("user-joined")               // to the other members of the room
	UserLeft       = event.Name[RoomChange]("user-left")                 // to the other members of the room
	RoomBroadcast  = event.Name[RelayedToRoom]("room-broadcast")         // to the members of the room
	NewChatMessage = event.Name[backend.ChatMessage]("new-chat-message") // to the other members of the room
	UsersOnline    = event.Name[[]string]("users-online")                // to every client: user ids, sorted
	PresenceChange = event.Name[PresenceDelta]("presence-changed")       // to every client, in place of a list that is too long
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

// Members asks for a page of a room's members.
type Members struct {
	Room string `json:"room"`

	// After is the Next of the page before. Nil means from the first member on.
	After *string `json:"after,omitempty"`

	// Limit is the largest number of members, at most [backend.MaxPresenceLimit]. Nil means as many.
	Limit *int `json:"limit,omitempty"`
}

// Users asks for a page of who is online.
type Users struct {
	// After is the Next of the page before. Nil means from the first user on.
	After *string `json:"after,omitempty"`

	// Limit is the largest number of users, at most [backend.MaxPresenceLimit]. Nil means as many.
	Limit *int `json:"limit,omitempty"`
}

// UserPage is a part of who is online.
type UserPage struct {
	Users   []string `json:"users"`
	Version uint64   `json:"version"`
	Epoch   string   `json:"epoch"`
	Next    *string  `json:"next"` // the After of the next page, or null
}

// Online answers [UserOnline]: on the wire it is Users or, where Users is nil, an object with the other fields.
type Online struct {
	Users []string `json:"-"`

	Count   int    `json:"count"`
	Version uint64 `json:"version"`
	Epoch   string `json:"epoch"`
}

// MarshalJSON returns the list or the object.
func (o Online) MarshalJSON() ([]byte, error) {
	if o.Users != nil {
		return json.Marshal(o.Users)
	}
	type object Online
	return json.Marshal(object(o))
}

// UnmarshalJSON reads both forms.
func (o *Online) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte("[")) {
		return json.Unmarshal(text, &o.Users)
	}
	type object Online
	return json.Unmarshal(text, (*object)(o))
}

// PresenceDelta is who has come online and gone offline since the version before.
type PresenceDelta struct {
	Joined  []string `json:"joined"`
	Left    []string `json:"left"`
	Count   int      `json:"count"`   // who is online now
	Version uint64   `json:"version"` // one more than before
	Epoch   string   `json:"epoch"`   // of one run of the server
}

// Failure is what went wrong with an event whose sender has not asked for an acknowledgement.
type Failure struct {
	Event   string `json:"event"`
	Code    string `json:"code"`
	Message string `json:"message"`
}
