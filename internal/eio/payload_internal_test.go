package eio

import (
	"bytes"
	"io"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// FuzzParseHeader compares the parser of frame headers with that of gobwas/ws.
func FuzzParseHeader(f *testing.F) {
	for _, size := range []int{0, 1, 125, 126, 65535, 65536} {
		frame := ws.NewTextFrame(make([]byte, size))
		f.Add(ws.MustCompileFrame(frame))
		f.Add(ws.MustCompileFrame(ws.MaskFrame(frame)))
	}
	f.Add([]byte("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, size, err := ParseHeader(data)
		r := bytes.NewReader(data)
		want, wantErr := ws.ReadHeader(r)
		switch {
		case wantErr == io.EOF || wantErr == io.ErrUnexpectedEOF:
			if size != 0 && err == nil {
				t.Errorf("a part of a header gave %+v", h)
			}
		case wantErr != nil:
			if err == nil {
				t.Errorf("%+v, want %v", h, wantErr)
			}
		case err != nil:
			t.Errorf("%v, want %+v", err, want)
		case h != want || size != len(data)-r.Len():
			t.Errorf("%+v of %d bytes, want %+v", h, size, want)
		}
	})
}

// FuzzDecodePayload decodes polling bodies of revision 4 and encodes the packets again.
func FuzzDecodePayload(f *testing.F) {
	for _, seed := range []string{"", "4hello", "4a\x1ebAQIDBA==\x1e4b", "2probe", "\x1e", "b*", "bAQ", "b-_8", "4\xff", "1\x1e"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) { fuzzPayload(t, Revision4{}, body, false, Payload4) })
}

// fuzzPayload checks that a body decodes to the same packets after they were encoded again, that the packets are not larger
// than the body, and that Size is right for all forms.
func fuzzPayload(t *testing.T, r Revision, body []byte, binary bool, again Form) {
	packets, err := collect(r, body, binary)
	total := 0
	for _, p := range packets {
		if total += len(p.Data) + 1; total > len(body) {
			t.Fatalf("%d bytes decoded from %d", total, len(body))
		}
		if !p.Binary && !utf8.Valid(p.Data) {
			t.Fatalf("text %q", p.Data)
		}
		if !p.Type.valid() {
			t.Fatalf("kind %q", p.Type)
		}
	}
	for f := range Deflated4 {
		if size, wire := f.Size(packets), f.Append(nil, packets); size != len(wire) {
			t.Errorf("form %d of %+v has %d bytes, not %d", f, packets, len(wire), size)
		}
	}
	if err != nil || len(packets) == 0 {
		return
	}
	encoded := again.Append(nil, packets)
	got, err := collect(r, encoded, binary)
	same := func(a, b Packet) bool {
		return a.Type == b.Type && a.Binary == b.Binary && bytes.Equal(a.Data, b.Data)
	}
	if err != nil || !slices.EqualFunc(got, packets, same) {
		t.Fatalf("%+v became %+v by %q: %v", packets, got, encoded, err)
	}
}

// collect decodes a polling body.
func collect(r Revision, body []byte, binary bool) (packets []Packet, err error) {
	for p, err := range r.Packets(body, binary) {
		if err != nil {
			return packets, err
		}
		packets = append(packets, p)
	}
	return packets, nil
}
