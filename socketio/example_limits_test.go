package socketio_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/socketio"
)

// A server behind a proxy on 10.0.0.0/8 takes two connections from each client's address, and not more than a hundred
// new ones in a second. When it is shut down, it lets go of its clients over ten seconds.
func ExampleOptions_connections() {
	io, err := socketio.New(&socketio.Options{
		MaxConnections:      100_000,
		MaxConnectionsPerIP: 2,
		TrustedProxies:      []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Admission:           engineio.Admission{Rate: 100},
		DrainWindow:         10 * time.Second,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		r := httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport=polling", nil)
		r.RemoteAddr = "10.0.0.1:4711"
		r.Header.Set("X-Forwarded-For", "203.0.113.5")
		w := httptest.NewRecorder()
		io.ServeHTTP(w, r)
		fmt.Printf("%d %q\n", w.Code, w.Header().Get("Retry-After"))
	}
	fmt.Println(io.Stats().Engine.TooManyConnectionsPerIP)
	// Output:
	// 200 ""
	// 200 ""
	// 503 "5"
	// 1
}

// Each user has one connection.
func ExampleOptions_users() {
	type account struct{ Name string }
	key := socketio.NewData[account]("account")
	io, err := socketio.New(&socketio.Options{
		MaxConnectionsPerUser: 1,
		Identify: func(s *socketio.Socket) string {
			a, _ := key.Value(s)
			return a.Name
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	io.Use(func(_ context.Context, s *socketio.Socket) error {
		var a account
		if err := s.Handshake().ScanAuth(&a); err != nil {
			return err
		}
		return key.Set(s, a)
	})
	first, second, stop := visitors(io, io)
	defer stop()
	first.connect(`{"name":"Ann"}`)
	second.send(`40{"name":"Ann"}`)
	fmt.Println(second.receive())
	// Output: 44{"message":"too many connections"}
}

// Of a ship's positions the latest is what matters; a client that does not keep up misses earlier ones.
func ExampleNamespace_SetSlowConsumer() {
	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ships := io.Of("/ships")
	ships.SetSlowConsumer(socketio.SlowConsumerPolicy{DropOldest: []string{"position"}})
	fmt.Println(ships.Emit("position", 53.5, 9.9), ships.Emit("arrived", "Hamburg")) // the second is never dropped
	// Output: <nil> <nil>
}

// A producer sends what a client takes, and goes on when it has been written.
func ExampleNamespace_OnDrain() {
	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	rows := 0
	produce := func(s *socketio.Socket) error {
		for packets, _ := s.Queued(); packets < 100 && rows < 1000; packets, _ = s.Queued() {
			if err := s.Emit("row", rows); err != nil {
				return err
			}
			rows++
		}
		return nil
	}
	io.OnDrain(func(_ context.Context, s *socketio.Socket) {
		_ = produce(s) // the client has gone
	})
	io.OnConnection(func(_ context.Context, s *socketio.Socket) error { return produce(s) })
	ann, _, stop := visitors(io, io)
	defer stop()
	ann.connect("")
	last := ""
	for range 1000 {
		last = ann.receive()
	}
	fmt.Println(last)
	// Output: 42["row",999]
}
