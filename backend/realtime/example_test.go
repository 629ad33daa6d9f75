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
	db, err := store.Open(ctx, ":memory:", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	service, err := backend.NewService(backend.Options{Store: db})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer service.Close()
	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	handlers := realtime.New(realtime.Options{IO: io, Service: service})
	defer handlers.Close()
	defer io.Shutdown(ctx)

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io) // and then http.ListenAndServe

	// Clients in the room "lobby" receive "notification".
	n, err := service.Notify(ctx, backend.Principal{Source: backend.Program}, backend.Notify{
		Type: "info", Message: "the kitchen closes at ten", Room: new("lobby"),
	})
	fmt.Println(n.Message, err)
	// Output: the kitchen closes at ten <nil>
}
