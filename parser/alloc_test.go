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
		buffer    []byte
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
		{"encode an event: the text and the list of frames", 2, func() { _, _ = parser.JSON{}.Encode(packet) }},
		{"encode an event into a buffer", 0, func() { buffer, _ = parser.JSON{}.AppendEncode(buffer[:0], packet) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(1000, c.f); got > c.most {
				t.Errorf("%v allocations, want at most %v", got, c.most)
			}
		})
	}
}
