package backend

import "time"

// ChatMessage is a saved message of a room, as every client sees it.
type ChatMessage struct {
	// ID sorts by time: a greater id is a newer message.
	ID     string `json:"id"`
	RoomID string `json:"roomId"`

	// User is the author's user id. Nil (null on the wire) means that the connection had not named one.
	User *string `json:"user"`

	// Text is what the author wrote, unchanged: a page must show it as text, never as HTML.
	Text string `json:"text"`

	// ClientMessageID is the author's own name for the message. Nil (null on the wire) means none.
	ClientMessageID *string `json:"clientMessageId"`

	// CreatedAt is the server's time of saving in UTC, in milliseconds. After a clock was set back it may disagree with
	// the order of the ids; the ids are right.
	CreatedAt time.Time `json:"createdAt"`
}

// NewMessage is a message that has not been saved yet.
type NewMessage struct {
	RoomID string

	// User is the author's user id. Nil means that the author has none and is known by Socket.
	User *string

	// Socket is the id of the author's socket. Clients never see it again; it may be empty where User is set.
	Socket string

	Text string

	// ClientMessageID makes saving repeatable: a second message of the same author, room and ClientMessageID is not
	// saved. Nil means that every call saves a message.
	ClientMessageID *string
}

// AuthorKey is the author as far as ClientMessageID is concerned: the user, or without one the socket. The two cannot be
// confused, also when a user bears the name of a socket.
func (m *NewMessage) AuthorKey() string {
	if m.User != nil {
		return "user:" + *m.User
	}
	return "socket:" + m.Socket
}

// Validate checks the message against the bounds of this package; its error is an [*Error] of [CodeInvalid].
func (m *NewMessage) Validate() error {
	if err := ValidateRoom("roomId", m.RoomID); err != nil {
		return err
	}
	if m.User != nil {
		if err := ValidateUser("user", *m.User); err != nil {
			return err
		}
	} else if m.Socket == "" {
		return Invalid("user", "must be given where no socket is")
	}
	if m.ClientMessageID != nil {
		if err := validateName("clientMessageId", *m.ClientMessageID, MaxClientMessageIDBytes); err != nil {
			return err
		}
	}
	return ValidateText("text", m.Text)
}

// Page is a part of a room's history.
type Page struct {
	// Messages stand newest first. It is never nil, so that it is an array on the wire.
	Messages []ChatMessage `json:"messages"`

	// Next is the "before" of the next, older page. Nil (null on the wire) means that there is none.
	Next *string `json:"next"`
}
