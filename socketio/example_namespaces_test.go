package socketio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// talk lets a client send packets, each after the answer to the one before, and prints the answers without their ids.
func talk(io *socketio.Server, packets ...string) {
	ann, _, stop := visitors(io, io)
	defer stop()
	for _, p := range packets {
		ann.send(p)
		fmt.Println(regexp.MustCompile(`"sid":"[^"]*"`).ReplaceAllString(ann.receive(), `"sid":"…"`))
	}
}

// Each customer has a namespace of its own, which is made when somebody comes.
func ExampleServer_OfPattern() {
	io, err := socketio.New(&socketio.Options{CleanupEmptyChildNamespaces: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	customers := io.OfPattern(regexp.MustCompile(`^/customer-\d+$`))
	customers.Use(func(_ context.Context, s *socketio.Socket) error {
		var auth struct{ Customer string }
		if err := s.Handshake().ScanAuth(&auth); err != nil {
			return err
		}
		if s.Namespace().Name() != "/customer-"+auth.Customer {
			return &event.Error{Code: event.Forbidden, Message: "not your namespace"}
		}
		fmt.Println("open:", len(customers.Children()))
		return nil
	})
	talk(io,
		`40/customer-7,{"customer":"8"}`,
		`40/customer-x,{"customer":"x"}`,
		`40/customer-7,{"customer":"7"}`,
	)
	// Output:
	// 44/customer-7,{"message":"not your namespace","data":{"code":"forbidden"}}
	// 44/customer-x,{"message":"Invalid namespace"}
	// open: 1
	// 40/customer-7,{"sid":"…"}
}

// A function can look at the client's auth payload, and may take its time.
func ExampleServer_OfFunc() {
	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	documents := map[string]bool{"/document/1": true} // a database
	open := io.OfFunc(func(_ context.Context, name string, _ json.RawMessage) (bool, error) {
		return strings.HasPrefix(name, "/document/") && documents[name], nil
	})
	open.On("save", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		return m.Ack("saved " + s.Namespace().Name())
	})
	open.On("closing", func(context.Context, *socketio.Socket, *event.Message) error {
		return open.Except("guests").Emit("save your work") // in every open document
	})
	talk(io, "40/document/2,", "40/document/1,", `42/document/1,0["save"]`, `42/document/1,["closing"]`)
	// Output:
	// 44/document/2,{"message":"Invalid namespace"}
	// 40/document/1,{"sid":"…"}
	// 43/document/1,0["saved /document/1"]
	// 42/document/1,["save your work"]
}

func ExampleServer_OnNamespace() {
	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.OnNamespace(func(n *socketio.Namespace) { fmt.Println("made", n.Name()) })
	io.OfPattern(regexp.MustCompile(`^/room-`))
	io.Of("chat")
	io.Of("/room-1") // a child
	for _, n := range io.Namespaces() {
		fmt.Println(n.Name())
	}
	fmt.Println(io.RemoveNamespace("/chat"), io.RemoveNamespace("/chat"))
	// Output:
	// made /chat
	// made /room-1
	// /
	// /chat
	// /room-1
	// true false
}

// A middleware for events is asked before the handlers.
func ExampleSocket_Use() {
	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		sent := 0
		s.Use(func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
			if sent++; sent > 2 {
				return &event.Error{Code: event.RateLimited, Message: "not so fast"}
			}
			return nil
		})
		return nil
	})
	io.On("ping", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack("pong") })
	talk(io, `40`, `420["ping"]`, `421["ping"]`, `422["ping"]`)
	// Output:
	// 40{"sid":"…"}
	// 430["pong"]
	// 431["pong"]
	// 432[{"error":{"code":"rate_limited","message":"not so fast"}}]
}

// A log of all events, in and out.
func ExampleNamespace_OnAny() {
	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.OnAny(func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
		fmt.Println("in: ", m.Name(), m.Len())
		return nil
	})
	io.OnAnyOutgoing(func(_ *socketio.Socket, m *event.Message) { fmt.Println("out:", m.Name(), m.Len()) })
	io.On("echo", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		return s.Emit("echo", m.Raws()...)
	})
	talk(io, `40`, `42["echo",1,2]`)
	// Output:
	// 40{"sid":"…"}
	// in:  echo 2
	// out: echo 2
	// 42["echo",1,2]
}
