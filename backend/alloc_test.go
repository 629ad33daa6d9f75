//go:build !race

package backend_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/parleyio/parley/backend"
)

// TestAllocations asserts what a message costs on its way through the Service. The race detector changes the numbers, so
// this is built without it.
func TestAllocations(t *testing.T) {
	service, err := backend.NewService(backend.Options{Store: newMemory(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	service.Subscribe(func(context.Context, backend.Event) error { return nil })
	service.Subscribe(func(context.Context, backend.Event) error { return nil })
	ctx := t.Context()
	c := backend.NewClient(&conn{hub: &hub{rooms: map[string]map[*conn]bool{}}, id: "a", user: "ann"})
	if _, err := service.JoinRoom(ctx, c.Principal(), backend.JoinRoom{Room: "r"}); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func() error{
		"relay": func() error {
			_, err := service.Relay(ctx, c.Principal(), backend.Relay{Message: value})
			return err
		},
		"relay to a room": func() error {
			_, err := service.RelayToRoom(ctx, c.Principal(), backend.RelayToRoom{Room: "r", Message: value})
			return err
		},
	} {
		if n := testing.AllocsPerRun(100, func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		}); n > 1 {
			t.Errorf("%s: %v allocations, want that of the event", name, n)
		}
	}
}
