package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

// This file holds the calls of docs/COMPATIBILITY.md, section "Moving to Parley", so that they compile. A test in
// internal/testing/compat compares the two.

type account struct{ Name string }

var user = socketio.NewData[account]("user")

const (
	hello = event.Name[string]("hello")
	sum   = event.WithAck[event.Args2[int, int], int]("sum")
)

func logIncoming(_ context.Context, s *socketio.Socket, m *event.Message) error {
	fmt.Println("in: ", m.Name())
	return nil
}

func logOutgoing(s *socketio.Socket, m *event.Message) { fmt.Println("out:", m.Name()) }

func sayHello(_ context.Context, s *socketio.Socket, m *event.Message) error {
	var name string
	if err := m.Scan(&name); err != nil {
		return err
	}
	return s.Emit("hello", name)
}

// What a server written for Node registers.
func Example_migrationServer() {
	var httpServer http.Server
	mux := http.NewServeMux()
	io, err := socketio.New(&socketio.Options{PingInterval: 10 * time.Second, CORS: engineio.CORS{Origins: []string{"https://app.example"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux.Handle("/socket.io/", io)
	httpServer.Handler = mux

	io.Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Token string }
		if err := s.Handshake().ScanAuth(&auth); err != nil {
			return err
		}
		if auth.Token != "secret" {
			return &event.Error{Message: "not authorized", Data: map[string]int{"code": 1}}
		}
		return user.Set(s, account{"Ann"})
	})
	io.UseEvent(func(ctx context.Context, s *socketio.Socket, m *event.Message) error { return nil })
	io.Engine().Use(func(next http.Handler) http.Handler { return next })

	io.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
		off := s.On("hello", sayHello)
		defer off()
		event.Once(s).On("ready", sayHello)
		s.OnAny(logIncoming)
		s.OnAnyOutgoing(logOutgoing)
		s.Use(func(ctx context.Context, s *socketio.Socket, m *event.Message) error { return nil })
		s.OnDisconnect(func(ctx context.Context, s *socketio.Socket, reason socketio.Reason) { fmt.Println("left", s.Rooms()) })
		return errors.Join(s.Join("a", "b"), s.Emit("hello", "world"))
	})
	event.On(io, hello, func(ctx context.Context, s *socketio.Socket, name string) error { return nil })
	event.OnWithAck(io, sum, func(ctx context.Context, s *socketio.Socket, v event.Args2[int, int]) (int, error) {
		return v.A + v.B, nil
	})
	io.On("sum as it comes", func(ctx context.Context, s *socketio.Socket, m *event.Message) error {
		var a, b int
		if err := m.Scan(&a, &b); err != nil {
			return err
		}
		return m.Ack(a + b)
	})
	io.OnServerEvent("reload", func(ctx context.Context, m *event.Message) error { return m.Ack("done") })
	io.OnNamespace(func(n *socketio.Namespace) { fmt.Println("made", n.Name()) })

	io.Of("/admin").Use(func(ctx context.Context, s *socketio.Socket) error { return nil })
	io.OfPattern(regexp.MustCompile("^/dynamic-[0-9]+$")).OnConnection(func(ctx context.Context, s *socketio.Socket) error { return nil })
	io.OfFunc(func(ctx context.Context, name string, auth json.RawMessage) (bool, error) {
		return name == "/mine", nil
	})
	stop := io.Of("/").ObserveRooms(func(e socketio.RoomEvent) {})
	stop()

	ann, _, end := visitors(mux, io)
	ann.connectSilently(`{"token":"secret"}`)
	fmt.Println(ann.receive())
	ann.send(`420["sum",1,2]`)
	fmt.Println(ann.receive())
	end()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := io.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	if err := httpServer.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// made /admin
	// out: hello
	// 42["hello","world"]
	// in:  sum
	// 430[3]
	// left [a b]
}

// connectSilently joins "/" and does not look at the answer's id.
func (v visitor) connectSilently(auth string) {
	v.send("40" + auth)
	v.receive()
}

// What such a server calls on the way, with nobody there.
func Example_migrationCalls() {
	io, err := socketio.New(&socketio.Options{
		AllowRequest:      func(r *http.Request) error { return nil },
		OnConnectionError: func(e *engineio.ConnectionError) { fmt.Println(e.Code, e.Message, e.Context) },
		Cookie:            &engineio.Cookie{},
		PerMessageDeflate: &engineio.Deflate{},
		MaxPayload:        1 << 20,
		Recovery:          &socketio.Recovery{MaxDisconnection: 2 * time.Minute, SkipMiddlewares: true},
		ClientFiles:       os.DirFS("node_modules/socket.io/client-dist"),
		Parser:            parser.JSON{},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()

	answers, err := io.EmitWithAcks(ctx, "question", 1)
	var incomplete *socketio.IncompleteError
	fmt.Println(len(answers), errors.As(err, &incomplete))
	sockets, err := io.FetchSockets(ctx)
	fmt.Println(len(sockets), err)
	admin := io.Of("/admin")
	fmt.Println(admin.Name(), len(io.Sockets()), io.Engine().SessionCount(), len(io.In("a").Sockets()), len(io.Namespaces()))

	others, err := io.ServerSideEmitWithAck(ctx, "reload")
	fmt.Println(len(others), err)
	count, err := io.ServerCount(ctx)
	fmt.Println(count, err)
	fmt.Println(errors.Join(
		io.Emit("news", 1),
		io.To("a").To("b").Except("c").Emit("news", 1),
		io.Volatile().Emit("news", 1),
		io.Local().Emit("news", 1),
		io.Compress(false).Emit("news", 1),
		io.Local().Except("a").Emit("news", 1),
		event.Emit(io.To("a"), hello, "world"),
		io.In("a").SocketsJoin("b"),
		io.In("a").SocketsLeave("b"),
		io.In("a").DisconnectSockets(true),
		io.ServerSideEmit("reload"),
		admin.Emit("news", 1),
	))
	fmt.Println(io.RemoveNamespace("/admin"))
	// Output:
	// 0 false
	// 0 <nil>
	// /admin 0 0 0 2
	// 0 <nil>
	// 1 <nil>
	// <nil>
	// true
}

// What a handler does with its socket.
func Example_migrationSocket() {
	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
		fmt.Println(len(s.ID()), s.Namespace().Name(), s.Connected(), s.Recovered(), s.Transport())
		fmt.Println(s.Handshake().Query().Get("EIO"), s.Handshake().Header().Get("Cookie") == "", s.Handshake().Address().IsValid())
		err := user.Set(s, account{"Ann"})
		u, ok := user.Value(s)
		fmt.Println(u.Name, ok)

		err = errors.Join(err, s.Join("a", "b"))
		s.Leave("a")
		fmt.Println(s.Rooms(), s.InRoom("b"), io.Rooms())

		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		answer, asked := s.EmitWithAck(ctx, "question", 1)
		if asked != nil {
			return asked
		}
		three, asked := event.EmitWithAck(ctx, s, sum, event.Args2[int, int]{A: 1, B: 2})
		fmt.Println(answer.Len(), three, asked)

		err = errors.Join(err,
			s.EmitWithAckFunc(ctx, "question", func(answer *event.Message, err error) {
				fmt.Println("called", answer, err)
			}, 1),
			event.EmitWithAckFunc(ctx, s, sum, event.Args2[int, int]{A: 3, B: 4}, func(seven int, err error) {
				fmt.Println("called", seven, err)
			}),
			s.Emit("hello", "world"),
			s.Emit("message", "hello"),
			s.Volatile().Emit("hello", "world"),
			s.Compress(false).Emit("hello", "world"),
			s.Broadcast().Emit("hello", "world"),
			s.Volatile().To("a").Emit("hello", "world"),
			s.Compress(false).Broadcast().Emit("hello", "world"),
			s.To("a").Emit("hello", "world"),
			io.To(s.ID()).Emit("hello", "world"),
		)
		s.Disconnect(true)
		return err
	})

	ann, _, stop := visitors(io, io)
	defer stop()
	ann.connectSilently("")
	fmt.Println(ann.receive())
	ann.send(`430["yes"]`)
	fmt.Println(ann.receive())
	ann.send(`431[3]`)
	for packet := ""; packet != "41"; fmt.Println(packet) {
		packet = ann.receive()
	}
	// Unordered output:
	// 20 / true false websocket
	// 4 true true
	// Ann true
	// [b] true [b]
	// 420["question",1]
	// 421["sum",1,2]
	// 1 3 <nil>
	// 422["question",1]
	// 423["sum",3,4]
	// called <nil> parley: closed
	// called 0 parley: closed
	// 42["hello","world"]
	// 42["message","hello"]
	// 42["hello","world"]
	// 42["hello","world"]
	// 42["hello","world"]
	// 41
}
