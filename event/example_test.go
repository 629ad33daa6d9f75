package event_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// user stands for a socket in these examples.
type user string

// The payload types are part of the names: a handler or a payload of another type does not compile.
const (
	MessageSent = event.Name[ChatMessage]("chat message")
	UserFetch   = event.WithAck[int, Profile]("user:fetch")
	Typing      = event.Name[event.None]("typing")
	Moved       = event.Name[event.Args2[float64, float64]]("moved")
)

type ChatMessage struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

type Profile struct {
	Name   string `json:"name"`
	Avatar []byte `json:"avatar,omitempty"`
}

// receive does what a server does when a message arrives.
func receive(io *event.Mux[user], text string) {
	p, err := parser.JSON{}.NewDecoder(parser.Limits{}).Add([]byte(text), false)
	if err != nil {
		fmt.Println(err)
		return
	}
	m := (*event.Message)(message.Parse(p, printer{}, nil))
	for _, h := range io.Handlers(m.Name()) {
		if err := h(context.Background(), "alice", m); err != nil {
			_ = fail(m, err)
		}
	}
}

// printer prints acknowledgements instead of sending them.
type printer struct{}

func (printer) Acknowledge(id uint64, data []byte, _ [][]byte) error {
	fmt.Printf("ack %d: %s\n", id, data)
	return nil
}

// Emit prints an event instead of sending it.
func (printer) Emit(name string, args ...any) error {
	data, attachments, err := payload.MarshalEvent(name, args, nil)
	fmt.Printf("%s and %d attachments\n", data, len(attachments))
	return err
}

func ExampleOn() {
	var io event.Mux[user]
	event.On(&io, MessageSent, func(_ context.Context, s user, m ChatMessage) error {
		fmt.Printf("%s in %s: %s\n", s, m.Room, m.Text)
		return nil
	})
	event.On(&io, Moved, func(_ context.Context, s user, to event.Args2[float64, float64]) error {
		fmt.Println(s, "moved to", to.A, to.B)
		return nil
	})
	receive(&io, `2["chat message",{"room":"lobby","text":"hello"}]`)
	receive(&io, `2["moved",1.5,-2]`)
	receive(&io, `27["chat message",{"room":42}]`)
	// Output:
	// alice in lobby: hello
	// alice moved to 1.5 -2
	// ack 7: [{"error":{"code":"invalid","message":"argument 1, field \"room\": want string, got number"}}]
}

func ExampleOnWithAck() {
	var io event.Mux[user]
	event.OnWithAck(&io, UserFetch, func(_ context.Context, _ user, id int) (Profile, error) {
		switch id {
		case 1:
			return Profile{Name: "Bob"}, nil
		case 2:
			return Profile{}, &event.Error{Code: event.Forbidden, Message: "not yours to see"}
		}
		return Profile{}, errors.New("the database is on fire")
	})
	receive(&io, `20["user:fetch",1]`)
	receive(&io, `21["user:fetch",2]`)
	receive(&io, `22["user:fetch",3]`)
	// Output:
	// ack 0: [{"name":"Bob"}]
	// ack 1: [{"error":{"code":"forbidden","message":"not yours to see"}}]
	// ack 2: [{"error":{"code":"internal","message":"internal"}}]
}

func ExampleEmit() {
	var room printer // io.To("lobby")
	_ = event.Emit(room, MessageSent, ChatMessage{"lobby", "hello"})
	_ = event.Emit(room, Typing, event.None{})
	_ = event.Emit(room, Moved, event.Args2[float64, float64]{A: 1.5, B: -2})
	_ = event.Emit(room, event.Name[Profile]("joined"), Profile{"Bob", []byte("...")})
	// Output:
	// ["chat message",{"room":"lobby","text":"hello"}] and 0 attachments
	// ["typing"] and 0 attachments
	// ["moved",1.5,-2] and 0 attachments
	// ["joined",{"name":"Bob","avatar":{"_placeholder":true,"num":0}}] and 1 attachments
}

// Events without a type have any arguments. A handler may pass them on without decoding them.
func ExampleMessage() {
	var (
		io   event.Mux[user]
		room printer // s.To("lobby")
	)
	io.On("join-room", func(_ context.Context, s user, m *event.Message) error {
		var room string
		if err := m.Scan(&room); err != nil {
			return err
		}
		fmt.Println(s, "joins", room)
		return m.Ack(map[string]any{"room": room, "members": 1})
	})
	io.On("draw", func(_ context.Context, _ user, m *event.Message) error {
		return room.Emit(m.Name(), m.Raws()...)
	})
	receive(&io, `25["join-room","lobby"]`)
	receive(&io, `2["draw",{"from":[0,0],"to":[3,4]},"red"]`)
	receive(&io, `26["join-room"]`)
	// Output:
	// alice joins lobby
	// ack 5: [{"members":1,"room":"lobby"}]
	// ["draw",{"from":[0,0],"to":[3,4]},"red"] and 0 attachments
	// ack 6: [{"error":{"code":"invalid","message":"argument 1 is missing"}}]
}
