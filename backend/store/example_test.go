package store_test

import (
	"context"
	"fmt"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/store"
)

func ExampleOpen() {
	ctx := context.Background()
	s, err := store.Open(ctx, ":memory:", nil) // or the path of a file
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	m := backend.NewMessage{RoomID: "lobby", User: new("ann"), Text: "hello", ClientMessageID: new("c1")}
	for range 2 { // as a client does that has not seen the first answer
		_, created, err := s.SaveMessage(ctx, m)
		fmt.Println("created:", created, err)
	}
	page, err := s.Messages(ctx, "lobby", "", 10)
	fmt.Println(len(page.Messages), "message:", page.Messages[0].Text, err)
	// Output:
	// created: true <nil>
	// created: false <nil>
	// 1 message: hello <nil>
}
