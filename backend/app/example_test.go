package app_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/app"
)

// A whole backend in this process, and a program that talks to it: by HTTP, and directly.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	a, err := app.New(ctx, &app.Settings{
		Database: ":memory:",
		Listen:   "127.0.0.1:0",
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error)
	go func() { ended <- a.Run(ctx) }()

	// What clients are told, the program can be told, too.
	a.Service().Subscribe(func(_ context.Context, e backend.Event) error {
		switch e := e.(type) {
		case backend.ItemChanged:
			fmt.Printf("%s is %s\n", e.Item.Key, e.Item.Value)
		case backend.MessageSent:
			fmt.Printf("in %s: %s\n", e.Message.RoomID, e.Message.Text)
		}
		return nil
	})

	post, err := http.Post("http://"+a.Addr().String()+"/api/data", "application/json",
		strings.NewReader(`{"key": "temperature", "value": 21.5}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	post.Body.Close()

	// Members of the room "kitchen" receive "new-chat-message", and everybody finds it in the room's history.
	_, err = a.Service().SendMessage(ctx, backend.Principal{User: "cook", Source: backend.Program},
		backend.SendMessage{RoomID: "kitchen", Text: "Tea is ready."})
	if err != nil {
		fmt.Println(err)
		return
	}
	history, err := http.Get("http://" + a.Addr().String() + "/api/rooms/kitchen/messages")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer history.Body.Close()
	text, _ := io.ReadAll(history.Body)
	fmt.Println("saved:", strings.Contains(string(text), "Tea is ready."))

	http.DefaultClient.CloseIdleConnections()
	stop()
	fmt.Println("ended:", <-ended)
	// Output:
	// temperature is 21.5
	// in kitchen: Tea is ready.
	// saved: true
	// ended: <nil>
}
