package middleware_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/middleware"
	"github.com/parleyio/parley/socketio"
)

// user is set by the middleware that authenticates clients.
var user = socketio.NewData[string]("user")

// Limit every connection to 50 events per second and every address to 200. Every address may try to log in five times per
// minute, over all its connections.
func ExampleRateLimit() {
	io, err := socketio.New(&socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	limiter, err := middleware.RateLimit(&middleware.RateLimitOptions{
		Limits: []middleware.Limit{
			{Per: middleware.PerConnection, Rate: 50, Burst: 100},
			{Per: middleware.PerIP, Rate: 200, Burst: 400},
			{Per: middleware.PerUser, Rate: 100, Burst: 200},
			{Per: middleware.PerIP, Events: []string{"login"}, Rate: 5. / 60, Burst: 5},
		},
		Identify: func(s *socketio.Socket) string {
			name, _ := user.Value(s)
			return name
		},
		DisconnectAfter: 100,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	io.UseEvent(limiter.Event)
	io.On("login", func(context.Context, *socketio.Socket, *event.Message) error {
		return &event.Error{Code: event.Forbidden, Message: "wrong password"}
	})

	server := httptest.NewServer(io)
	defer server.Close()
	defer io.Shutdown(context.Background())
	conn, ahead, _, err := ws.Dial(context.Background(), strings.Replace(server.URL, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	c := newClient(nil, conn, ahead)
	wsutil.WriteClientText(conn, []byte("40"))
	c.next() // the id
	for range 6 {
		wsutil.WriteClientText(conn, []byte(`421["login","guess"]`))
		answer := c.next()
		fmt.Println(answer[:min(len(answer), 76)])
	}
	fmt.Println(limiter.Stats().Exceeded)
	// Output:
	// 431[{"error":{"code":"forbidden","message":"wrong password"}}]
	// 431[{"error":{"code":"forbidden","message":"wrong password"}}]
	// 431[{"error":{"code":"forbidden","message":"wrong password"}}]
	// 431[{"error":{"code":"forbidden","message":"wrong password"}}]
	// 431[{"error":{"code":"forbidden","message":"wrong password"}}]
	// 431[{"error":{"code":"rate_limited","message":"too many events","data":{"ret
	// [0 0 0 1]
}
