package engineio

import (
	"bytes"
	"compress/flate"
	"net/http"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/eio"
)

func newTestDeflater(t testing.TB, o Deflate) *eio.Deflater {
	d, err := newDeflater(&o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestPrepared_deflated: a group is compressed once, and not from one form for another.
func TestPrepared_deflated(t *testing.T) {
	d := newTestDeflater(t, Deflate{})
	large, small := Message{Data: bytes.Repeat([]byte("a"), 2000)}, Message{Data: []byte("a")}
	first, second, older := &wsConn{deflate: d}, &wsConn{deflate: d}, &wsConn{deflate: d, form: eio.Frames3}
	plain := &wsConn{}

	p := Prepare(large, small)
	frames := first.framesOf(p)
	if again := second.framesOf(p); &frames[0] != &again[0] {
		t.Error("the group was compressed twice")
	}
	if len(frames) > 200 || len(plain.framesOf(p)) < 2000 {
		t.Errorf("%d bytes compressed, %d plain", len(frames), len(plain.framesOf(p)))
	}
	if first.deflateFirst(p) {
		t.Error("made frames are to be made first")
	}
	binary := Prepare(Message{Data: large.Data, Binary: true})
	current, other := first.framesOf(binary), older.framesOf(binary)
	for range 2 {
		if again := first.framesOf(binary); &again[0] != &current[0] {
			t.Error("the other revision's form was kept instead")
		}
		if again := older.framesOf(binary); &again[0] != &other[0] || other[0] != 0xc2 || bytes.Equal(other, current) {
			t.Errorf("revision 3 has %x, revision 4 %x", other, current)
		}
	}
	if again := older.framesOf(p); &again[0] != &frames[0] {
		t.Error("text was compressed again")
	}
	for _, p := range []*Prepared{Prepare(small), Prepare(Message{Data: large.Data, NoCompress: true}), pingPacket} {
		frames := plain.framesOf(p)
		if got := first.framesOf(p); &got[0] != &frames[0] || first.deflateFirst(p) {
			t.Error("frames were copied that are not compressed")
		}
	}
}

// TestDeflate_levels refuses what package flate does not have.
func TestDeflate_levels(t *testing.T) {
	data := bytes.Repeat([]byte("hello "), 1000)
	for level := -4; level <= 11; level++ {
		d, err := newDeflater(&Deflate{Level: level})
		if valid := level >= flate.HuffmanOnly && level <= flate.BestCompression; (err == nil) != valid {
			t.Errorf("level %d: %v", level, err)
		}
		if err != nil {
			continue
		}
		p := Prepare(Message{Data: data, Binary: true})
		frames := (&wsConn{deflate: d}).framesOf(p)
		h, size, _ := eio.ParseHeader(frames)
		got, err := eio.Inflate(nil, frames[size:], len(data))
		if err != nil || !bytes.Equal(got, data) || !h.Rsv1() {
			t.Errorf("level %d: %d bytes, %v", level, len(got), err)
		}
	}
}

// FuzzAcceptedEncoding negotiates anything.
func FuzzAcceptedEncoding(f *testing.F) {
	f.Add("gzip;q=0.5, *;q=0")
	f.Fuzz(func(t *testing.T, accepted string) {
		r := &http.Request{Header: http.Header{"Accept-Encoding": {accepted}}}
		switch got := AcceptedEncoding(r, "gzip", "deflate"); {
		case got != "" && got != "gzip" && got != "deflate":
			t.Errorf("answered %q", got)
		case got == "deflate" && !strings.Contains(accepted, "*") && !strings.Contains(strings.ToLower(accepted), "deflate"):
			t.Errorf("deflate was not asked for by %q", accepted)
		}
	})
}
