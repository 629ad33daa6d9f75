//go:build !race

package message_test

import (
	"testing"

	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/parser"
)

// TestAllocations asserts the allocations between the bytes of an event and its handlers. The race detector changes the
// numbers, so the test is built without it.
func TestAllocations(t *testing.T) {
	event := []byte(`2/chat,7["chat message",{"room":"lobby","text":"hello"}]`)
	other := []byte(`2/chat,7["another name",{"room":"lobby","text":"hello"}]`)
	binary, content := []byte(`51-["file",{"_placeholder":true,"num":0}]`), make([]byte, 1000)
	for _, c := range []struct {
		name   string
		format parser.Parser
		most   float64
		texts  [][]byte
	}{
		{"an event like the last one: the packet and the message", parser.JSON{}, 2, [][]byte{event}},
		{"two events by turns: also their names", parser.JSON{}, 6, [][]byte{event, other}},
		{"a binary event: also the payload, the attachment and the list of them", parser.JSON{}, 5, [][]byte{binary, content}},
		{"an event in another format: also its name", foreign{}, 3, [][]byte{event}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dec := message.NewDecoder(c.format, parser.Limits{})
			var kept *message.Message // on the heap, as in an inbox
			got := testing.AllocsPerRun(1000, func() {
				for i, text := range c.texts {
					if p, name, args, err := dec.AddEvent(text, i == 1 && len(text) == len(content)); p != nil && err == nil {
						kept = message.New(p, name, args, nil, nil)
					}
				}
			})
			if got > c.most || kept == nil {
				t.Errorf("%v allocations, want at most %v", got, c.most)
			}
		})
	}
}

// BenchmarkArrival measures the way from the bytes of an event to the message that handlers receive.
func BenchmarkArrival(b *testing.B) {
	data := []byte(`["chat message",{"room":"lobby","text":"Hello everybody, how are you today?"}]`)
	for name, format := range map[string]parser.Parser{"JSON": parser.JSON{}, "MessagePack": parser.MessagePack{}, "another": foreign{}} {
		b.Run(name, func(b *testing.B) {
			dec := message.NewDecoder(format, parser.Limits{})
			frames, err := format.Encode(&parser.Packet{Type: parser.Event, Namespace: "/", Data: data})
			if err != nil {
				b.Fatal(err)
			}
			var kept *message.Message
			b.ReportAllocs()
			for b.Loop() {
				p, name, args, err := dec.AddEvent(frames[0].Data, frames[0].Binary)
				if err != nil {
					b.Fatal(err)
				}
				kept = message.New(p, name, args, nil, nil)
			}
			if kept.Name() != "chat message" {
				b.Fatal(kept.Name())
			}
		})
	}
}
