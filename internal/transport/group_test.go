package transport

import (
	"testing"

	"github.com/parleyio/parley/internal/eio"
)

// TestGroup_Wire: a group is encoded once for each form that clients take.
func TestGroup_Wire(t *testing.T) {
	mixed := NewGroup(eio.Packet{Type: eio.TypeMessage, Data: []byte("té😀")},
		eio.Packet{Type: eio.TypeMessage, Data: []byte{1, 2, 3}, Binary: true})
	for f, want := range map[eio.Form]string{
		eio.Frames4:        "\x81\x084té😀\x82\x03\x01\x02\x03",
		eio.Frames4Base64:  "\x81\x084té😀\x81\x05bAQID",
		eio.Frames3:        "\x81\x084té😀\x82\x04\x04\x01\x02\x03",
		eio.Frames3Base64:  "\x81\x084té😀\x81\x06b4AQID",
		eio.Payload4:       "4té😀\x1ebAQID",
		eio.Payload3:       "5:4té😀6:b4AQID",
		eio.Payload3Binary: "\x00\x08\xff4té😀\x01\x04\xff\x04\x01\x02\x03",
	} {
		first, second := mixed.Wire(f), mixed.Wire(f)
		if string(first) != want {
			t.Errorf("form %d: %q, want %q", f, first, want)
		}
		if &first[0] != &second[0] || cap(first) != len(first) {
			t.Errorf("form %d was made twice, or of %d bytes for %d", f, cap(first), len(first))
		}
	}
	// Frames of text are the same for all.
	text := NewGroup(eio.Packet{Type: eio.TypeMessage, Data: []byte("text")})
	for f := range eio.Payload4 {
		if &text.Wire(f)[0] != &text.Wire(eio.Frames4)[0] {
			t.Errorf("form %d was made again", f)
		}
	}
}
