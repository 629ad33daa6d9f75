package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parleyio/parley/backend"
)

// Message is a [backend.ChatMessage] with what the document says about it.
type Message struct {
	ID              string    `json:"id" doc:"Sorts by time." example:"01JZ8Q2J7M3V5W9X0C4T6R8P1A"`
	RoomID          string    `json:"roomId" example:"office"`
	User            *string   `json:"user" doc:"Null for an author without a user id." example:"ada"`
	Text            string    `json:"text" doc:"Plain text, as it was written." example:"Good morning!"`
	ClientMessageID *string   `json:"clientMessageId" doc:"The author's own name for the message." example:"m-17"`
	CreatedAt       time.Time `json:"createdAt" example:"2026-03-01T08:00:00.123Z"`
}

// Messages is a page of a room's history.
type Messages struct {
	Messages []Message `json:"messages" nullable:"false" doc:"Newest first."`
	Next     *string   `json:"next" doc:"The before of the next page; null on the last one." example:"01JZ8Q2J7M3V5W9X0C4T6R8P1A"`
}

type (
	messagesInput struct {
		Room   string `path:"room" minLength:"1" maxLength:"128" doc:"The room's name, at most 128 bytes." example:"office"`
		Before string `query:"before" doc:"Only messages older than this one." example:"01JZ8Q2J7M3V5W9X0C4T6R8P1A"`
		Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"How many messages at most."`
	}
	messagesOutput struct{ Body Messages }
)

func (a *API) registerMessages() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-messages",
		Method:      http.MethodGet,
		Path:        "/api/rooms/{room}/messages",
		Summary:     "Read a room's history",
		Description: "A page of the saved messages of a room, newest first. A room that nobody has written to has an empty page.",
		Tags:        []string{tagRooms},
		Errors:      []int{http.StatusBadRequest, http.StatusForbidden},
	}, a.messages)
}

func (a *API) messages(ctx context.Context, in *messagesInput) (*messagesOutput, error) {
	page, err := a.service.History(ctx, principal(ctx), backend.History{RoomID: in.Room, Before: in.Before, Limit: &in.Limit})
	if err != nil {
		return nil, a.fail(ctx, inMessages, err)
	}
	list := make([]Message, len(page.Messages))
	for i, m := range page.Messages {
		list[i] = Message(m)
	}
	return &messagesOutput{Body: Messages{Messages: list, Next: page.Next}}, nil
}

// inMessages knows that the room of a message is the room in the path.
func inMessages(field string) (place, name string) {
	if field == "roomId" {
		return "path", "room"
	}
	return "query", field
}
