//go:build !race

package parser_test

import (
	"testing"

	"github.com/parleyio/parley/parser"
)

// TestAllocations asserts what the hot paths cost. The race detector changes the numbers, so this is built without it.
func TestAllocations(t *testing.T) {
	var (
		dec       = parser.JSON{}.NewDecoder(parser.Limits{})
		plain     = []byte(`2/chat,7["chat message",{"room":"lobby","text":"hello"}]`)
		packet, _ = dec.Add(plain, false)
		binary    = []byte(`51-["file",{"name":"n","data":{"_placeholder":true,"num":0}}]`)
		content   = make([]byte, 1000)
		_, at, _  = parser.EventName(packet.Data)
		arg, _, _ = parser.NextValue(packet.Data, at)
		args      = []any{"hello", 7, parser.Raw{JSON: []byte(`{"a":1}`)}}
		message   = []any{&chat{Room: "lobby", Text: "hello"}}
		upload    = []any{&file{"n", content}}
		hello     = []byte(`"hello"`)
		text      string
		buffer    []byte
		raw       parser.Raw
	)
	for _, c := range []struct {
		name string
		most float64
		f    func()
	}{
		{"decode an event: the packet with its bytes", 1, func() { _, _ = dec.Add(plain, false) }},
		{"decode a binary event: its bytes, the attachment and the list of them", 5, func() {
			_, _ = dec.Add(binary, false)
			_, _ = dec.Add(content, true)
		}},
		{"name of an event", 1, func() { _, _, _ = parser.EventName(packet.Data) }},
		{"walk over the arguments", 0, func() {
			for _, at, ok := parser.NextValue(packet.Data, 0); ok; _, at, ok = parser.NextValue(packet.Data, at) {
			}
		}},
		{"unmarshal a string", 1, func() { _ = parser.Unmarshal(hello, nil, &text) }},
		{"unmarshal a Raw", 0, func() { _ = parser.Unmarshal(arg, nil, &raw) }},
		{"marshal strings, numbers and Raws: the result", 1, func() { _, _, _ = parser.MarshalEvent("chat message", args) }},
		{"marshal a struct: the result", 1, func() { _, _, _ = parser.MarshalEvent("chat message", message) }},
		{"marshal binary: also the attachment, the list of them and the marks of the check", 5, func() { _, _, _ = parser.MarshalEvent("file", upload) }},
		{"encode an event: the text and the list of frames", 2, func() { _, _ = parser.JSON{}.Encode(packet) }},
		{"encode an event into a buffer", 0, func() { buffer, _ = parser.JSON{}.AppendEncode(buffer[:0], packet) }},
		{"marshal and encode an event into a buffer", 0, func() { buffer, _, _, _ = parser.JSON{}.AppendEvent(buffer[:0], "/chat", "chat message", args) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(1000, c.f); got > c.most {
				t.Errorf("%v allocations, want at most %v", got, c.most)
			}
		})
	}
}
