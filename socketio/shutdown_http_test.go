package socketio_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/parleyio/parley/internal/memnet"
)

// With a websocket, and a poll that is held, a program shuts down at once in both orders.
func TestServer_Shutdown_and_http(t *testing.T) {
	for name, shutdown := range map[string]func(ctx context.Context, n *node, server *http.Server) error{
		"Parley first": func(ctx context.Context, n *node, server *http.Server) error {
			return errors.Join(n.Shutdown(ctx), server.Shutdown(ctx))
		},
		"net/http first, and it starts Parley's": func(ctx context.Context, n *node, server *http.Server) error {
			server.RegisterOnShutdown(func() {
				if err := n.Shutdown(ctx); err != nil {
					t.Error(err)
				}
			})
			return errors.Join(server.Shutdown(ctx), n.Shutdown(ctx))
		},
	} {
		bubble(t, name, func(t *testing.T) {
			l, server := memnet.Listen(), &http.Server{}
			n := serveOn(t, l, l.DialContext, server, nil)
			c := n.join(t)
			p := n.poll(t)
			p.join()
			ended := p.hold()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			began := time.Now()
			if err := shutdown(ctx, n, server); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 100*time.Millisecond {
				t.Errorf("took %v", took)
			}
			c.closed()
			if got := <-ended; got != "1" {
				t.Errorf("the poll got %q", got)
			}
		})
	}
}
