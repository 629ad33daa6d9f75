package event_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parleyio/parley/event"
)

func TestOnce(t *testing.T) {
	var (
		x   event.Mux[string]
		log []string
		e   = arrived(t, nil, `2["e"]`)
	)
	event.Once(&x).On("e", handler(&log, "once"))
	off := event.Once(&x).On("e", handler(&log, "removed"))
	x.On("e", handler(&log, "always"))
	event.Once(event.Concurrent(&x)).On("e", handler(&log, "concurrent"))
	event.Concurrent(event.Once(&x)).On("e", handler(&log, "the other way round"))
	off()
	for range 2 {
		if err := dispatch(&x, "socket", e); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"once socket e", "always socket e", "concurrent socket e", "the other way round socket e", "always socket e",
	}
	if !slices.Equal(log, want) {
		t.Errorf("got %q", log)
	}
	if got := len(x.Handlers("e")); got != 1 {
		t.Errorf("%d handlers left", got)
	}
}

func TestOnce_errors(t *testing.T) {
	var x event.Mux[string]
	no := errors.New("no")
	event.On(event.Once(&x), started, func(context.Context, string, event.None) error { return no })
	event.On(event.Once(&x), moved, func(context.Context, string, point) error {
		t.Error("called with what does not decode")
		return nil
	})
	if err := dispatch(&x, "socket", arrived(t, nil, `2["started"]`)); err != no {
		t.Errorf("got %v", err)
	}
	if err := dispatch(&x, "socket", arrived(t, nil, `2["moved"]`)); err == nil {
		t.Error("no error of decoding")
	}
	if x.Handlers("started") != nil || x.Handlers("moved") != nil {
		t.Error("handlers that have failed are left")
	}
}

func TestOnce_Concurrency(t *testing.T) {
	var (
		x   event.Mux[string]
		wg  sync.WaitGroup
		ran atomic.Int64
		e   = arrived(t, nil, `2["e"]`)
	)
	for range 8 {
		wg.Go(func() {
			for range 100 {
				event.Once(&x).On("e", func(context.Context, string, *event.Message) error { ran.Add(1); return nil })
				if err := dispatch(&x, "socket", e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if ran.Load() != 800 || x.Handlers("e") != nil {
		t.Errorf("%d of 800 ran, %d are left", ran.Load(), len(x.Handlers("e")))
	}
}

func ExampleOnce() {
	var io event.Mux[user]
	event.On(event.Once(&io), MessageSent, func(_ context.Context, _ user, m ChatMessage) error {
		fmt.Println("first:", m.Text)
		return nil
	})
	receive(&io, `2["chat message",{"text":"hello"}]`)
	receive(&io, `2["chat message",{"text":"anybody?"}]`)
	// Output: first: hello
}
