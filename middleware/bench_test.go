package middleware_test

import (
	"testing"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/middleware"
	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

// all limits every scope, and one event.
var all = &middleware.RateLimitOptions{
	Limits: []middleware.Limit{
		{Per: middleware.PerConnection, Rate: 1e9, Burst: 1e9},
		{Per: middleware.PerConnection, Rate: 1e9, Burst: 1e9, Events: []string{"login", "say"}},
		{Per: middleware.PerUser, Rate: 1e9, Burst: 1e9},
		{Per: middleware.PerIP, Rate: 1e9, Burst: 1e9},
	},
	Identify: func(*socketio.Socket) string { return "ann" },
}

// connected returns a socket and an event of it that the limiter lets through.
func connected(t testing.TB, opts *middleware.RateLimitOptions) (*node, *socketio.Socket, *event.Message) {
	n := serve(t, opts)
	n.join(t, clientAddr, "")
	return n, n.Sockets()[0], (*event.Message)(message.Parse(&parser.Packet{Type: parser.Event, Data: []byte(`["say"]`)}, nil, nil))
}

func TestRateLimiter_Event_allocates_nothing(t *testing.T) {
	n, s, m := connected(t, all)
	if allocs := testing.AllocsPerRun(1000, func() {
		if err := n.RateLimiter.Event(t.Context(), s, m); err != nil {
			t.Error(err)
		}
	}); allocs > 0 {
		t.Errorf("%v allocations for each event that is let through", allocs)
	}
}

func BenchmarkRateLimiter_Event(b *testing.B) {
	for name, opts := range map[string]*middleware.RateLimitOptions{"default": {Limits: all.Limits[:1]}, "all scopes": all} {
		b.Run(name, func(b *testing.B) {
			n, s, m := connected(b, opts)
			b.ReportAllocs()
			for b.Loop() {
				if err := n.RateLimiter.Event(b.Context(), s, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
