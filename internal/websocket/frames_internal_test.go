package websocket

import (
	"bytes"
	"compress/flate"
	"testing"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

func newTestDeflater(t testing.TB) *eio.Deflater {
	d, err := eio.NewDeflater(1024, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func message(data []byte) eio.Packet { return eio.Packet{Type: eio.TypeMessage, Data: data} }

// TestConn_frames: a group is compressed once, and not from one form for another.
func TestConn_frames(t *testing.T) {
	d := newTestDeflater(t)
	large, small := bytes.Repeat([]byte("a"), 2000), []byte("a")
	first, second, older := &Conn{deflate: d}, &Conn{deflate: d}, &Conn{deflate: d, form: eio.Frames3}
	plain := &Conn{}

	p := transport.NewGroup(message(large), message(small))
	frames := first.frames(p)
	if again := second.frames(p); &frames[0] != &again[0] {
		t.Error("the group was compressed twice")
	}
	if len(frames) > 200 || len(plain.frames(p)) < 2000 {
		t.Errorf("%d bytes compressed, %d plain", len(frames), len(plain.frames(p)))
	}
	binary := transport.NewGroup(eio.Packet{Type: eio.TypeMessage, Data: large, Binary: true})
	current, other := first.frames(binary), older.frames(binary)
	for range 2 {
		if again := first.frames(binary); &again[0] != &current[0] {
			t.Error("the other revision's form was kept instead")
		}
		if again := older.frames(binary); &again[0] != &other[0] || other[0] != 0xc2 || bytes.Equal(other, current) {
			t.Errorf("revision 3 has %x, revision 4 %x", other, current)
		}
	}
	if again := older.frames(p); &again[0] != &frames[0] {
		t.Error("text was compressed again")
	}
	for _, p := range []*transport.Group{
		transport.NewGroup(message(small)), transport.NewGroup(eio.Packet{Type: eio.TypeMessage, Data: large, Plain: true}),
	} {
		frames := plain.frames(p)
		if got := first.frames(p); &got[0] != &frames[0] {
			t.Error("frames were copied that are not compressed")
		}
	}
}
