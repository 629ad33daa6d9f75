package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parleyio/parley/backend"
)

// Notification is a [backend.Notification] with what the document says about it.
type Notification struct {
	ID      string    `json:"id" doc:"Made by the server." example:"01JZ8Q2J7M3V5W9X0C4T6R8P1A"`
	Type    string    `json:"type" minLength:"1" maxLength:"64" doc:"What kind it is; the clients decide what that means." example:"warning"`
	Message string    `json:"message" minLength:"1" maxLength:"4096" doc:"Plain text." example:"The office closes in ten minutes."`
	Time    time.Time `json:"timestamp" example:"2026-03-01T17:50:00.123Z"`
}

// NewNotification is what a client posts.
type NewNotification struct {
	Type    string  `json:"type" minLength:"1" maxLength:"64" doc:"What kind it is; the clients decide what that means." example:"warning"`
	Message string  `json:"message" minLength:"1" maxLength:"4096" doc:"Plain text." example:"The office closes in ten minutes."`
	Room    *string `json:"room,omitempty" nullable:"false" minLength:"1" maxLength:"128" doc:"Only for the members of this room (at most 128 bytes)." example:"office"`
	User    *string `json:"user,omitempty" nullable:"false" minLength:"1" maxLength:"128" doc:"Only for the connections of this user (at most 128 bytes)."`
}

// Success answers where there is nothing else to say.
type Success struct {
	Success bool `json:"success" example:"true"`
}

type (
	notifyOutput       struct{ Body Success }
	notificationInput  struct{ Body NewNotification }
	notificationOutput struct{ Body Notification }
)

func (a *API) registerNotifications() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "notify",
		Method:      http.MethodGet,
		Path:        "/notify",
		Summary:     "Send a test notification",
		Description: "Emits `notification` `{type: \"info\", message: \"New notification\", timestamp}` to every client. A page of another origin may call it only if that origin is allowed.",
		Tags:        []string{tagNotifications},
		Errors:      []int{http.StatusForbidden},
		Middlewares: huma.Middlewares{a.requireSite},
	}, a.notify)

	huma.Register(a.huma, a.posting(huma.Operation{
		OperationID:   "create-notification",
		Path:          "/api/notifications",
		Summary:       "Send a notification",
		Description:   "Emits `notification` to every client, or to the members of `room`, or to the connections of `user`; giving both is an error. It reaches who is connected now and is not stored.",
		Tags:          []string{tagNotifications},
		DefaultStatus: http.StatusAccepted,
	}), a.createNotification)
}

func (a *API) notify(ctx context.Context, _ *struct{}) (*notifyOutput, error) {
	_, err := a.service.Notify(ctx, principal(ctx), backend.Notify{Type: "info", Message: "New notification", WithoutID: true})
	if err != nil {
		return nil, a.fail(ctx, inBody, err)
	}
	return &notifyOutput{Body: Success{Success: true}}, nil
}

func (a *API) createNotification(ctx context.Context, in *notificationInput) (*notificationOutput, error) {
	n, err := a.service.Notify(ctx, principal(ctx), backend.Notify{
		Type: in.Body.Type, Message: in.Body.Message, Room: in.Body.Room, User: in.Body.User,
	})
	if err != nil {
		return nil, a.fail(ctx, inBody, err)
	}
	return &notificationOutput{Body: Notification(n)}, nil
}
