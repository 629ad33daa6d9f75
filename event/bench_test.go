package event_test

import (
	"context"
	"testing"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

func BenchmarkMux(b *testing.B) {
	var x event.Mux[string]
	for _, name := range []string{"a", "b", "c", "d", "chat message"} {
		x.On(name, func(context.Context, string, *event.Message) error { return nil })
	}
	b.Run("Handlers", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if len(x.Handlers("chat message")) != 1 {
				b.Fatal("no handler")
			}
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	ctx := context.Background()
	p, err := parser.JSON{}.NewDecoder(parser.Limits{}).Add([]byte(`27["chat message",{"room":"lobby","text":"hello"}]`), false)
	if err != nil {
		b.Fatal(err)
	}
	run := func(b *testing.B, x *event.Mux[string]) {
		b.ReportAllocs()
		for b.Loop() {
			m := (*event.Message)(message.Parse(p, nop{}, nil))
			for _, h := range x.Handlers(m.Name()) {
				if err := h(ctx, "socket", m); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("untyped", func(b *testing.B) {
		var x event.Mux[string]
		x.On("chat message", func(context.Context, string, *event.Message) error { return nil })
		run(b, &x)
	})
	b.Run("relayed", func(b *testing.B) {
		var x event.Mux[string]
		x.On("chat message", func(_ context.Context, _ string, m *event.Message) error {
			_, _, err := payload.MarshalEvent(m.Name(), m.Raws(), nil)
			return err
		})
		run(b, &x)
	})
	b.Run("typed", func(b *testing.B) {
		var x event.Mux[string]
		event.On(&x, MessageSent, func(context.Context, string, ChatMessage) error { return nil })
		run(b, &x)
	})
	b.Run("typed with ack", func(b *testing.B) {
		var x event.Mux[string]
		event.OnWithAck(&x, event.WithAck[ChatMessage, ChatMessage](MessageSent), func(_ context.Context, _ string, m ChatMessage) (ChatMessage, error) { return m, nil })
		run(b, &x)
	})
}

type nop struct{}

func (nop) Acknowledge(uint64, []byte, [][]byte) error { return nil }
