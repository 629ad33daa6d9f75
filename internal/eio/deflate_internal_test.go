package eio

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

func newTestDeflater(t testing.TB) *Deflater {
	d, err := NewDeflater(0, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// FuzzInflate decompresses any input. The result must agree with package flate and not exceed the limit.
func FuzzInflate(f *testing.F) {
	for _, text := range []string{"", "a", "hello", strings.Repeat("a", 5000), strings.Repeat("hello", 10_000)} {
		packets := []Packet{{Type: TypeMessage, Data: []byte(text)}}
		frames := newTestDeflater(f).Frames(Frames4.Append(nil, packets), packets, new([]byte))
		_, size, _ := ParseHeader(frames)
		f.Add(frames[size:], 4096)
	}
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), 5) // a final block with bytes behind it
	f.Add([]byte("\x00\x05\x00\xfa\xffHello\x00"), 4)
	f.Add([]byte("\x00\x10\x00\xef\xffHello"), 100)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		if limit = limit & 0xffff; len(data) > 1<<20 {
			return
		}
		before := bytes.Clone(data)
		got, err := Inflate(make([]byte, 0, 64), data, limit)
		if !bytes.Equal(before, data) {
			t.Error("the message was changed")
		}
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(strings.NewReader(string(data)+messageEnd)), int64(limit)+1))
		switch {
		case len(got) > limit+1 || cap(got) > 4*limit+4096:
			t.Errorf("%d bytes in %d made of a limit of %d", len(got), cap(got), limit)
		case errors.Is(err, ErrTooLarge) != (len(want) > limit):
			t.Errorf("%v of %d bytes, limit %d", err, len(want), limit)
		case len(want) > limit:
		case (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want):
			t.Errorf("%d bytes, %v; want %d, %v", len(got), err, len(want), wantErr)
		}
	})
}

// TestInflate_unlimited uses the largest possible limit.
func TestInflate_unlimited(t *testing.T) {
	if got, err := Inflate(nil, []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), math.MaxInt); err != nil || string(got) != "Hello" {
		t.Errorf("%q, %v", got, err)
	}
}

// FuzzDeflate compresses groups and decompresses them again.
func FuzzDeflate(f *testing.F) {
	f.Add([]byte("hello"), []byte{}, 0, true)
	f.Add(bytes.Repeat([]byte("ab"), 300), bytes.Repeat([]byte("c"), 200), 100, false)
	f.Add(bytes.Repeat([]byte{0}, 600), []byte("4"), 1, true)
	d := newTestDeflater(f) // one for all inputs, because it is slow to create
	f.Fuzz(func(t *testing.T, first, second []byte, size int, plain bool) {
		d.threshold = max(size, 0)
		packets := []Packet{{TypeMessage, first, true, plain}, {TypeMessage, second, false, false}}
		frames := d.Frames(Frames4.Append(nil, packets), packets, new([]byte))
		if len(frames) > Frames4.Size(packets) {
			t.Errorf("%d bytes are more than %d", len(frames), Frames4.Size(packets))
		}
		for _, p := range packets {
			want := p.Data
			if !p.Binary {
				want = append([]byte{byte(p.Type)}, want...)
			}
			h, size, err := ParseHeader(frames)
			if err != nil || size == 0 || len(frames) < size+int(h.Length) {
				t.Fatalf("header %+v, %v", h, err)
			}
			got := frames[size : size+int(h.Length)]
			frames = frames[size+int(h.Length):]
			if h.Rsv1() {
				if p.Plain || len(want) < d.threshold {
					t.Error("compressed against its will")
				}
				if got, err = Inflate(nil, got, len(want)); err != nil {
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

// FuzzExtensions offers any text. The answer must be one of two values.
func FuzzExtensions(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits")
	f.Add("permessage-deflate; server_max_window_bits=15, x")
	f.Add("a; b=\"c,d\"")
	f.Fuzz(func(t *testing.T, offer string) {
		switch got := AcceptDeflate([]string{offer}); got {
		case "", DeflateOffer, DeflateOffer + "; server_max_window_bits=15":
		default:
			t.Errorf("answered %q", got)
		}
	})
}
