package engineio

import (
	"bytes"
	"compress/flate"
	"testing"

	"github.com/parleyio/parley/internal/eio"
)

// TestDeflate_levels refuses what package flate does not have.
func TestDeflate_levels(t *testing.T) {
	data := bytes.Repeat([]byte("hello "), 1000)
	for level := -4; level <= 11; level++ {
		d, err := (&Deflate{Level: level}).deflater()
		if valid := level >= flate.HuffmanOnly && level <= flate.BestCompression; (err == nil) != valid {
			t.Errorf("level %d: %v", level, err)
		}
		if err != nil {
			continue
		}
		g := &Prepare(Message{Data: data, Binary: true}).group
		frames := d.Frames(g.Wire(eio.Frames4), g.Packets, new([]byte))
		h, size, _ := eio.ParseHeader(frames)
		got, err := eio.Inflate(nil, frames[size:], len(data))
		if err != nil || !bytes.Equal(got, data) || !h.Rsv1() {
			t.Errorf("level %d: %d bytes, %v", level, len(got), err)
		}
	}
}
