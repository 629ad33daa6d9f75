package engineio

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
)

func newTestDeflater(t testing.TB, o Deflate) *deflater {
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
	first, second, older := &wsConn{deflate: d}, &wsConn{deflate: d}, &wsConn{deflate: d, form: frames3}
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
		h, size, _ := parseHeader(frames)
		got, err := inflate(nil, frames[size:], len(data))
		if err != nil || !bytes.Equal(got, data) || !h.Rsv1() {
			t.Errorf("level %d: %d bytes, %v", level, len(got), err)
		}
	}
}

// FuzzInflate decompresses what a client may send. It must agree with package flate, and make no more than the limit.
func FuzzInflate(f *testing.F) {
	for _, text := range []string{"", "a", "hello", strings.Repeat("a", 5000), strings.Repeat("hello", 10_000)} {
		p := Prepare(Message{Data: []byte(text)})
		frames := (&wsConn{deflate: newTestDeflater(f, Deflate{Threshold: -1})}).framesOf(p)
		_, size, _ := parseHeader(frames)
		f.Add(frames[size:], 4096)
	}
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), 5) // a final block, and more behind it
	f.Add([]byte("\x00\x05\x00\xfa\xffHello\x00"), 4)
	f.Add([]byte("\x00\x10\x00\xef\xffHello"), 100)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		if limit = limit & 0xffff; len(data) > 1<<20 {
			return
		}
		before := bytes.Clone(data)
		got, err := inflate(make([]byte, 0, 64), data, limit)
		if !bytes.Equal(before, data) {
			t.Error("the message was changed")
		}
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(strings.NewReader(string(data)+messageEnd)), int64(limit)+1))
		switch {
		case len(got) > limit+1 || cap(got) > 4*limit+4096:
			t.Errorf("%d bytes in %d made of a limit of %d", len(got), cap(got), limit)
		case errors.Is(err, errTooLarge) != (len(want) > limit):
			t.Errorf("%v of %d bytes, limit %d", err, len(want), limit)
		case len(want) > limit:
		case (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want):
			t.Errorf("%d bytes, %v; want %d, %v", len(got), err, len(want), wantErr)
		}
	})
}

// TestInflate_unlimited takes the largest limit there is.
func TestInflate_unlimited(t *testing.T) {
	if got, err := inflate(nil, []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), math.MaxInt); err != nil || string(got) != "Hello" {
		t.Errorf("%q, %v", got, err)
	}
}

// FuzzDeflate compresses groups and decompresses them again.
func FuzzDeflate(f *testing.F) {
	f.Add([]byte("hello"), []byte{}, 0, true)
	f.Add(bytes.Repeat([]byte("ab"), 300), bytes.Repeat([]byte("c"), 200), 100, false)
	f.Add(bytes.Repeat([]byte{0}, 600), []byte("4"), 1, true)
	d := newTestDeflater(f, Deflate{}) // one for all: it takes longer to make than to use
	f.Fuzz(func(t *testing.T, first, second []byte, size int, plain bool) {
		d.threshold = threshold(size)
		packets := []packet{{typeMessage, first, true, plain}, {typeMessage, second, false, false}}
		frames := d.frames(frames4.appendTo(nil, packets), packets)
		if len(frames) > frames4.size(packets) {
			t.Errorf("%d bytes are more than %d", len(frames), frames4.size(packets))
		}
		for _, p := range packets {
			want := p.data
			if !p.binary {
				want = append([]byte{p.kind}, want...)
			}
			h, size, err := parseHeader(frames)
			if err != nil || size == 0 || len(frames) < size+int(h.Length) {
				t.Fatalf("header %+v, %v", h, err)
			}
			got := frames[size : size+int(h.Length)]
			frames = frames[size+int(h.Length):]
			if h.Rsv1() {
				if p.plain || len(want) < d.threshold {
					t.Error("compressed against its will")
				}
				if got, err = inflate(nil, got, len(want)); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes became %d", len(want), len(got))
			}
		}
		if len(frames) > 0 {
			t.Errorf("%d bytes are left", len(frames))
		}
	})
}

// FuzzExtensions offers anything: an answer is one of two.
func FuzzExtensions(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits")
	f.Add("permessage-deflate; server_max_window_bits=15, x")
	f.Add("a; b=\"c,d\"")
	f.Fuzz(func(t *testing.T, offer string) {
		switch got := acceptExtension([]string{offer}); got {
		case "", deflateAnswer, deflateAnswer + "; server_max_window_bits=15":
		default:
			t.Errorf("answered %q", got)
		}
	})
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
