package socketio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// A chat room that everybody is in.
func ExampleServer() {
	const said = event.Name[string]("said")       // an event is a typed constant
	const say = event.WithAck[string, int]("say") // one with a typed acknowledgement

	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
		if err := s.Join("lobby"); err != nil {
			return err
		}
		return event.Emit(s, said, "welcome")
	})
	event.OnWithAck(io, say, func(ctx context.Context, s *socketio.Socket, text string) (int, error) {
		return len(text), event.Emit(io.To("lobby"), said, text)
	})
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io)

	ann, bob, stop := visitors(mux, io)
	defer stop()
	ann.connect("")
	fmt.Println("ann gets", ann.receive())
	bob.connect("")
	fmt.Println("bob gets", bob.receive())
	ann.send(`420["say","hello"]`)
	fmt.Println("ann gets", ann.receive())
	fmt.Println("ann gets", ann.receive())
	fmt.Println("bob gets", bob.receive())
	// Output:
	// ann gets 42["said","welcome"]
	// bob gets 42["said","welcome"]
	// ann gets 42["said","hello"]
	// ann gets 430[5]
	// bob gets 42["said","hello"]
}

// A middleware decides who may connect. An *event.Error is told to the client.
func ExampleNamespace_Use() {
	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.Of("/admin").Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Token string }
		if err := s.Handshake().ScanAuth(&auth); err != nil {
			return err
		}
		if auth.Token != "secret" {
			return &event.Error{Message: "who are you?", Data: map[string]bool{"retry": false}}
		}
		return s.Join("staff")
	})

	ann, _, stop := visitors(io, io)
	defer stop()
	ann.send(`40/admin,{"token":"guess"}`)
	fmt.Println(ann.receive())
	ann.send(`40/admin,{"token":"secret"}`)
	fmt.Println(strings.Contains(ann.receive(), "sid"), len(io.Of("/admin").In("staff").Sockets()))
	// Output:
	// 44/admin,{"message":"who are you?","data":{"retry":false}}
	// true 1
}

// A handler may ask the client and wait for the answer.
func ExampleSocket_EmitWithAck() {
	const whoAreYou = event.WithAck[event.None, string]("who are you")

	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
		name, err := event.EmitWithAck(ctx, s, whoAreYou, event.None{})
		if err != nil {
			return err // the client left, or did not answer within Options.AckTimeout
		}
		return s.Emit("welcome", name)
	})

	ann, _, stop := visitors(io, io)
	defer stop()
	ann.connect("")
	fmt.Println(ann.receive())
	ann.send(`430["Ann"]`)
	fmt.Println(ann.receive())
	// Output:
	// 420["who are you"]
	// 42["welcome","Ann"]
}

// A handler asks a client and does not wait: the client's later events are handled meanwhile.
func ExampleSocket_EmitWithAckFunc() {
	const ready = event.WithAck[event.None, bool]("ready?")

	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.On("start", func(ctx context.Context, s *socketio.Socket, _ *event.Message) error {
		return event.EmitWithAckFunc(ctx, s, ready, event.None{}, func(ok bool, err error) {
			if err == nil && ok {
				err = s.Emit("started")
			}
			if err != nil {
				fmt.Println(err) // the client left, or did not answer within Options.AckTimeout
			}
		})
	})
	io.On("hello", func(_ context.Context, s *socketio.Socket, _ *event.Message) error { return s.Emit("hello") })

	ann, _, stop := visitors(io, io)
	defer stop()
	ann.connect("")
	ann.send(`42["start"]`)
	fmt.Println(ann.receive())
	ann.send(`42["hello"]`)
	fmt.Println(ann.receive())
	ann.send(`430[true]`)
	fmt.Println(ann.receive())
	// Output:
	// 420["ready?"]
	// 42["hello"]
	// 42["started"]
}

// The id of a socket is a room with this socket alone.
func ExampleBroadcast_Except() {
	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ann, bob, stop := visitors(io, io)
	defer stop()
	id := ann.connect("")
	bob.connect("")

	others := io.Except(id) // a value: it may be kept and used by any goroutine
	if err := others.Emit("news", "ann is here"); err != nil {
		fmt.Println(err)
	}
	if err := io.To(id).Emit("news", "you are here"); err != nil {
		fmt.Println(err)
	}
	fmt.Println("ann gets", ann.receive())
	fmt.Println("bob gets", bob.receive())
	// Output:
	// ann gets 42["news","you are here"]
	// bob gets 42["news","ann is here"]
}

// A key gives each socket a value of one type.
func ExampleData() {
	type user struct{ Name string }
	users := socketio.NewData[user]("user") // usually a package variable

	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.Use(func(ctx context.Context, s *socketio.Socket) error {
		var u user
		if err := s.Handshake().ScanAuth(&u); err != nil {
			return err
		}
		return users.Set(s, u)
	})
	io.On("who am I", func(ctx context.Context, s *socketio.Socket, m *event.Message) error {
		u, ok := users.Value(s)
		if !ok {
			return &event.Error{Code: event.Forbidden, Message: "nobody"}
		}
		return m.Ack(u.Name)
	})

	ann, _, stop := visitors(io, io)
	defer stop()
	ann.connect(`{"name":"Ann"}`)
	ann.send(`420["who am I"]`)
	fmt.Println(ann.receive())
	// Output: 430["Ann"]
}

// visitor is a client that speaks the wire format, in place of a browser.
type visitor struct{ net.Conn }

// visitors serves the handler and connects two clients to it.
func visitors(h http.Handler, io *socketio.Server) (ann, bob visitor, stop func()) {
	server := httptest.NewServer(h)
	dial := func() visitor {
		url := strings.Replace(server.URL, "http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
		conn, early, _, err := ws.Dial(context.Background(), url)
		if err != nil {
			panic(err)
		}
		v := visitor{conn}
		if early == nil {
			v.receive() // the handshake; it may also have come with the upgrade's answer
		}
		return v
	}
	ann, bob = dial(), dial()
	return ann, bob, func() {
		ann.Close()
		bob.Close()
		if err := io.Shutdown(context.Background()); err != nil {
			panic(err)
		}
		server.Close()
	}
}

// connect joins "/" and returns the socket's id.
func (v visitor) connect(auth string) string {
	v.send("40" + auth)
	var reply struct{ SID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(v.receive(), "40")), &reply); err != nil {
		panic(err)
	}
	return reply.SID
}

func (v visitor) send(packet string) {
	if err := wsutil.WriteClientText(v, []byte(packet)); err != nil {
		panic(err)
	}
}

func (v visitor) receive() string {
	text, err := wsutil.ReadServerText(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
