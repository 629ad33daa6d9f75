package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// Everybody in a room is asked; the answers that have come are there even if some are missing.
func ExampleBroadcast_EmitWithAcks() {
	const vote = event.WithAck[string, bool]("vote")

	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ann, bob, stop := visitors(io, io)
	defer stop()
	ann.connect("")
	bob.connect("")
	if err := io.SocketsJoin("council"); err != nil {
		fmt.Println(err)
	}

	result := make(chan string)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		votes, err := event.EmitAll(ctx, io.To("council"), vote, "more tea?")
		var incomplete *socketio.IncompleteError
		if errors.As(err, &incomplete) {
			result <- fmt.Sprintln(votes, "without", len(incomplete.Sockets))
			return
		}
		result <- fmt.Sprintln(votes, err)
	}()
	fmt.Println("ann gets", ann.receive())
	fmt.Println("bob gets", bob.receive())
	ann.send("430[true]")
	bob.Close() // and does not vote
	fmt.Print(<-result)
	// Output:
	// ann gets 420["vote","more tea?"]
	// bob gets 420["vote","more tea?"]
	// [true] without 1
}

// The sockets of the whole cluster are described, and can be sent to and moved from here.
func ExampleNamespace_FetchSockets() {
	user := socketio.NewData[string]("user")

	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.Use(func(ctx context.Context, s *socketio.Socket) error {
		if err := user.Set(s, "Ann"); err != nil {
			return err
		}
		return s.Join("lobby")
	})
	ann, _, stop := visitors(io, io)
	defer stop()
	ann.connect("")

	sockets, err := io.FetchSockets(context.Background())
	if err != nil {
		fmt.Println(err) // a node did not answer in time; the sockets of the others are there
	}
	for _, s := range sockets {
		var data struct{ User string }
		if err := s.ScanData(&data); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(data.User, "is in", s.Rooms())
		if err := s.Emit("hello", data.User); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println("ann gets", ann.receive())
	// Output:
	// Ann is in [lobby]
	// ann gets 42["hello","Ann"]
}

// A client that has lost its connection comes back to its rooms and to what it has missed.
func ExampleRecovery() {
	joined, lost := make(chan struct{}), make(chan struct{}, 2)
	io, err := socketio.New(&socketio.Options{Recovery: &socketio.Recovery{
		MaxDisconnection: 5 * time.Minute,
		OnExpired:        func(id string) { fmt.Println("will not come back:", id) },
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	io.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
		if s.Recovered() {
			return nil // it is in its rooms
		}
		defer close(joined)
		return s.Join("lobby")
	})
	io.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { lost <- struct{}{} })

	ann, again, stop := visitors(io, io)
	defer stop()
	ann.send("40")
	reply := ann.receive() // a pid beside the sid: the client's secret
	<-joined
	ann.Close()
	<-lost
	if err := io.To("lobby").Emit("news", "tea is ready"); err != nil {
		fmt.Println(err)
	}

	again.send("40{" + reply[strings.Index(reply, `"pid"`):]) // the official client does so by itself
	missed := again.receive()
	fmt.Println("ann has missed", missed[:strings.LastIndexByte(missed, ',')]+", and an offset]")
	fmt.Println("the same socket:", again.receive() == reply)
	// Output:
	// ann has missed 42["news","tea is ready", and an offset]
	// the same socket: true
}
