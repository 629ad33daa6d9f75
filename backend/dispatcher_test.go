package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parleyio/parley/backend"
)

func text(v any) string { return fmt.Sprint(v) }

// Every subscriber receives every event of every use case, in the same order.
func TestService_Subscribe(t *testing.T) {
	f := setup(t, newMemory())
	second := new(events)
	off := f.Subscribe(second.receive)
	a := f.client("a")
	for _, name := range []string{
		"JoinRoom", "SendMessage", "RelayToRoom", "Notify", "Relay", "PutItem", "GoOnline", "LeaveRoom",
	} {
		if err := useCases()[name].call(f, a.Principal()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	f.Disconnected(t.Context(), a)
	var kinds []string
	for _, e := range second.take() {
		kinds = append(kinds, fmt.Sprintf("%T", e))
	}
	want := []string{
		"backend.RoomJoined", "backend.MessageSent", "backend.RelayedToRoom", "backend.NotificationSent", "backend.Relayed",
		"backend.ItemChanged", "backend.PresenceChanged", "backend.RoomLeft", "backend.PresenceChanged",
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("the second subscriber has got %v, want %v", kinds, want)
	}
	if first := f.events.take(); len(first) != len(want) {
		t.Errorf("the first subscriber has got %d events, want %d", len(first), len(want))
	}
	off()
	f.member("b", "r")
	if list := second.take(); len(list) > 0 {
		t.Errorf("after its end: %v", list)
	}
}

// The changes of a room reach subscribers in the order in which they are made: the events, applied, are the list that a
// new member is answered.
func TestService_Subscribe_order(t *testing.T) {
	f := setup(t, newMemory())
	var (
		mu      sync.Mutex
		members = map[string]bool{} // by the events; mu guards it
	)
	f.Subscribe(func(_ context.Context, e backend.Event) error {
		mu.Lock()
		defer mu.Unlock()
		switch e := e.(type) {
		case backend.RoomJoined:
			members[e.Connection] = true
		case backend.RoomLeft:
			delete(members, e.Connection)
		}
		return nil
	})
	var wg sync.WaitGroup
	for i := range 8 {
		c := f.client(fmt.Sprint(i))
		wg.Go(func() {
			for range 100 {
				c.Begin() // nobody changes the room before End
				joined, err := f.JoinRoom(t.Context(), c.Principal(), backend.JoinRoom{Room: "r"})
				mu.Lock()
				told := slices.Sorted(maps.Keys(members))
				mu.Unlock()
				c.End()
				var answered []string
				for _, m := range joined.Members {
					answered = append(answered, m.ID)
				}
				if err != nil || !slices.Equal(answered, told) {
					t.Errorf("client %d is answered %v (%v) when the events say %v", i, answered, err, told)
					return
				}
				if _, err := f.LeaveRoom(t.Context(), c.Principal(), backend.LeaveRoom{Room: "r"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if len(members) > 0 {
		t.Errorf("%v are left in the room", members)
	}
}

// A subscriber that fails or panics keeps no event from the others.
func TestDirect_Publish_failures(t *testing.T) {
	var log bytes.Buffer
	d := backend.NewDirect(slog.New(slog.NewTextHandler(&log, nil)))
	var got []string
	broken := errors.New("broken")
	d.Subscribe(func(context.Context, backend.Event) error { got = append(got, "first"); return broken })
	d.Subscribe(func(context.Context, backend.Event) error { got = append(got, "second"); panic("boom") })
	d.Subscribe(func(context.Context, backend.Event) error { got = append(got, "third"); return nil })
	err := d.Publish(t.Context(), backend.PresenceChanged{})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "panic in a subscriber") {
		t.Errorf("error %v, want both", err)
	}
	if want := []string{"first", "second", "third"}; !slices.Equal(got, want) {
		t.Errorf("called %v, want %v", got, want)
	}
	if line := log.String(); !strings.Contains(line, "boom") || !strings.Contains(line, "PresenceChanged") {
		t.Errorf("logged %q", line)
	}
}

// A subscriber may come and go while events are published.
func TestDirect_Subscribe_concurrent(t *testing.T) {
	d := backend.NewDirect(nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				off := d.Subscribe(func(context.Context, backend.Event) error { return nil })
				_ = d.Publish(t.Context(), backend.PresenceChanged{})
				off()
				off() // once more changes nothing
			}
		})
	}
	wg.Wait()
}
