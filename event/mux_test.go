package event_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/parleyio/parley/event"
)

// handler returns a handler that appends its name to log.
func handler(log *[]string, name string) event.Handler[string] {
	return func(_ context.Context, s string, m *event.Message) error {
		*log = append(*log, fmt.Sprintf("%s %s %s", name, s, m.Name()))
		return nil
	}
}

// dispatch runs the handlers of a message, as a server does. It stops at an error.
func dispatch[S any](x *event.Mux[S], s S, m *event.Message) error {
	for _, h := range x.Handlers(m.Name()) {
		if err := h(context.Background(), s, m); err != nil {
			return err
		}
	}
	return nil
}

func TestMux(t *testing.T) {
	var (
		x   event.Mux[string]
		log []string
		e   = arrived(t, nil, `2["e"]`)
	)
	run := func(want ...string) {
		t.Helper()
		log = nil
		if err := dispatch(&x, "socket", e); err != nil || strings.Join(log, ",") != strings.Join(want, ",") {
			t.Errorf("%v, %q, want %q", err, log, want)
		}
	}
	if x.Handlers("e") != nil {
		t.Error("the zero value has handlers")
	}
	run()
	first := x.On("e", handler(&log, "first"))
	second := x.On("e", handler(&log, "second"))
	again := x.On("e", handler(&log, "first"))
	x.On("other", handler(&log, "other"))
	run("first socket e", "second socket e", "first socket e")

	before := x.Handlers("e")
	second()
	run("first socket e", "first socket e")
	second()
	run("first socket e", "first socket e")
	if len(before) != 3 {
		t.Error("a list that was handed out has changed")
	}
	first()
	again()
	run()
	if x.Handlers("e") != nil || len(x.Handlers("other")) != 1 {
		t.Error("removed too little or too much")
	}
	x.On("e", handler(&log, "third"))
	first()
	run("third socket e")
}

func TestMux_Panics(t *testing.T) {
	h := func(context.Context, string, *event.Message) error { return nil }
	for name, on := range map[string]func(x *event.Mux[string]){
		"nil handler":         func(x *event.Mux[string]) { x.On("e", nil) },
		"reserved name":       func(x *event.Mux[string]) { x.On("disconnect", h) },
		"typed nil handler":   func(x *event.Mux[string]) { event.On(x, event.Name[int]("e"), nil) },
		"typed nil with ack":  func(x *event.Mux[string]) { event.OnWithAck(x, event.WithAck[int, int]("e"), nil) },
		"concurrent nil":      func(x *event.Mux[string]) { event.Concurrent(x).On("e", nil) },
		"concurrent reserved": func(x *event.Mux[string]) { event.Concurrent(x).On("connect", h) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "event: ") {
					t.Errorf("got %q", text)
				}
			}()
			on(new(event.Mux[string]))
		})
	}
}

func TestMux_Concurrency(t *testing.T) {
	var (
		x  event.Mux[int]
		wg sync.WaitGroup
	)
	for i := range 8 {
		wg.Go(func() {
			name := fmt.Sprintf("e%d", i%4)
			for range 200 {
				off := x.On(name, func(context.Context, int, *event.Message) error { return nil })
				if len(x.Handlers(name)) == 0 {
					t.Error("a handler that was added is not there")
				}
				off()
			}
		})
	}
	wg.Wait()
	for i := range 4 {
		if h := x.Handlers(fmt.Sprintf("e%d", i)); h != nil {
			t.Errorf("%d handlers left", len(h))
		}
	}
}
