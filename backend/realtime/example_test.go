package realtime_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/realtime"
	"github.com/parleyio/parley/backend/store"
	"github.com/parleyio/parley/socketio"
)

func ExampleNew() {
	ctx := context.Background()
	db, err := store.Open(ctx, ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	service := realtime.New(realtime.Options{IO: io, Chat: db})
	defer service.Close()
	defer io.Shutdown(ctx)

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io) // and then http.ListenAndServe

	// Clients in the room "lobby" hear "notification".
	n, err := backend.NewNotification("info", "the kitchen closes at ten")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(service.Notify(n, backend.Audience{Room: "lobby"}))
	// Output: <nil>
}
