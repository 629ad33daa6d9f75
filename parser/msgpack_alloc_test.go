//go:build !race

package parser_test

import (
	"testing"

	"github.com/parleyio/parley/parser"
)

// TestMessagePack_Allocations asserts that MessagePack costs no more allocations than JSON, as TestAllocations does.
func TestMessagePack_Allocations(t *testing.T) {
	plain := &parser.Packet{Type: parser.Event, Namespace: "/chat", ID: 7, HasID: true, Data: []byte(`["chat message",{"room":"lobby","text":"hello\nworld","at":1795385656273,"x":1.5}]`)}
	binary := &parser.Packet{Type: parser.Event, Data: []byte(`["file",{"name":"n","data":` + ph0 + `}]`), Attachments: [][]byte{make([]byte, 1000)}}
	dec := parser.MessagePack{}.NewDecoder(parser.Limits{})
	message := func(p *parser.Packet) []byte {
		frames, err := parser.MessagePack{}.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		return frames[0].Data
	}
	plainMessage, binaryMessage := message(plain), message(binary)
	for _, c := range []struct {
		name string
		most float64
		f    func()
	}{
		{"decode an event: the packet and its bytes", 2, func() { _, _ = dec.Add(plainMessage, true) }},
		{"decode a binary event: also the attachment and the list of them", 4, func() { _, _ = dec.Add(binaryMessage, true) }},
		{"encode an event: the message and the list of frames", 2, func() { _, _ = parser.MessagePack{}.Encode(plain) }},
		{"encode a binary event: no more", 2, func() { _, _ = parser.MessagePack{}.Encode(binary) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(1000, c.f); got > c.most {
				t.Errorf("%v allocations, want at most %v", got, c.most)
			}
		})
	}
}
