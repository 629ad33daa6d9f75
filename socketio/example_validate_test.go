package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// Check payloads with go-playground/validator. The client receives the field and the rule that it breaks.
func ExampleOptions_validatePayload() {
	type post struct {
		Room string `json:"room" validate:"required,max=64"`
		Text string `json:"text" validate:"required,max=1000"`
	}
	validate := validator.New(validator.WithRequiredStructEnabled())
	validate.RegisterTagNameFunc(func(f reflect.StructField) string { // clients know the names in JSON
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return name
	})
	io, err := socketio.New(&socketio.Options{
		UnknownKeys: socketio.RefuseUnknownKeys,
		ValidatePayload: func(payload any) error {
			err := validate.Struct(payload)
			if fields, ok := errors.AsType[validator.ValidationErrors](err); ok {
				return fields[0] // its method Field returns the name
			}
			return err
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	event.OnWithAck(io, event.WithAck[post, string]("post"), func(_ context.Context, _ *socketio.Socket, p post) (string, error) {
		return "posted in " + p.Room, nil
	})

	ann, _, stop := visitors(io, io)
	defer stop()
	ann.connect("")
	for _, payload := range []string{`{"room":"lobby","text":"hello"}`, `{"room":"lobby"}`, `{"room":"lobby","text":"hello","colour":"red"}`} {
		ann.send(`421["post",` + payload + `]`)
		fmt.Println(ann.receive())
	}
	// Output:
	// 431["posted in lobby"]
	// 431[{"error":{"code":"invalid","message":"argument 1, field \"text\": Key: 'post.text' Error:Field validation for 'text' failed on the 'required' tag"}}]
	// 431[{"error":{"code":"invalid","message":"argument 1, field \"colour\": unknown key"}}]
}

// signUp checks itself after it was decoded.
type signUp struct {
	Name string `json:"name"`
	Age  int    `json:"age"`
}

// Validate implements event.Validator.
func (s signUp) Validate() error {
	if s.Age < 18 {
		return event.InvalidField("age", "must be at least 18")
	}
	return nil
}

// A payload type may check its own values.
func ExampleHandshake_ScanAuth() {
	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.Use(func(_ context.Context, s *socketio.Socket) error {
		var who signUp
		return s.Handshake().ScanAuth(&who)
	})
	ann, _, stop := visitors(io, io)
	defer stop()
	ann.send(`40{"name":"Ann","age":17}`)
	fmt.Println(ann.receive())
	// Output: 44{"message":"invalid auth payload: field \"age\": must be at least 18","data":{"code":"invalid"}}
}
