package eio_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/internal/eio"
)

// key is the masking key of RFC 6455, section 5.7.
func key() [4]byte { return [4]byte{0x37, 0xfa, 0x21, 0x3d} }

// receiver reads frames as a server or a client.
type receiver struct {
	eio.Assembler
	revision eio.Revision
	message  []byte   // the received part
	controls []string // "opcode payload"
}

// limits are the rules of the tests, for server and client.
func limits(client bool) *eio.Rules {
	return &eio.Rules{Client: client, MaxPayload: 100_000, MaxFragments: 4}
}

// frames reads the complete frames of b. It returns the packets and the remaining bytes.
func (r *receiver) frames(b []byte) (packets []eio.Packet, rest []byte, err error) {
	for {
		h, size, err := r.Header(b)
		if err != nil || size == 0 || len(b)-size < int(h.Length) {
			return packets, b, err
		}
		payload := bytes.Clone(b[size : size+int(h.Length)])
		b = b[size+int(h.Length):]
		third := len(payload) / 3
		eio.Unmask(payload[third:], h, third) // in two parts, as it may arrive
		eio.Unmask(payload[:third], h, 0)
		if h.OpCode.IsControl() {
			r.controls = append(r.controls, fmt.Sprintf("%x %s", byte(h.OpCode), payload))
			continue
		}
		if err := r.Add(h, len(r.message)); err != nil {
			return packets, b, err
		}
		r.message = append(r.message, payload...)
		if !h.Fin {
			continue
		}
		data, binary, err := r.End(r.message, new([]byte))
		r.message = nil
		if err != nil {
			return packets, b, err
		}
		var p eio.Packet
		if binary {
			p, err = r.revision.DecodeBinary(data)
		} else {
			p, err = r.revision.DecodeText(data)
		}
		if err != nil {
			return packets, b, err
		}
		packets = append(packets, p)
	}
}

// describe formats packets for comparison.
func describe(packets []eio.Packet) string {
	var b strings.Builder
	for _, p := range packets {
		fmt.Fprintf(&b, "%c %v %d %.40q\n", p.Type, p.Binary, len(p.Data), p.Data)
	}
	return b.String()
}

func text(data string) eio.Packet { return eio.Packet{Type: eio.TypeMessage, Data: []byte(data)} }

func binary(data string) eio.Packet {
	return eio.Packet{Type: eio.TypeMessage, Data: []byte(data), Binary: true}
}

// TestForms compares the output of each form with vectors, and checks that the receiver decodes the same packets.
func TestForms(t *testing.T) {
	open := eio.Packet{Type: eio.TypeOpen, Data: []byte("{}")}
	packets := []eio.Packet{open, text("té😀"), binary("\x01\x02\x03"), {Type: eio.TypeUpgrade}}
	for _, v := range []struct {
		form     eio.Form
		revision eio.Revision
		want     string
		masked   string // with key
	}{
		{
			eio.Frames4, eio.Revision4{}, "\x81\x030{}\x81\x084té😀\x82\x03\x01\x02\x03\x81\x015",
			"\x81\x837\xfa!=\a\x81\\\x81\x887\xfa!=\x03\x8e\xe2\x94\xc7e\xb9\xbd\x82\x837\xfa!=6\xf8\"\x81\x817\xfa!=\x02",
		},
		{eio.Frames4Base64, eio.Revision4{}, "\x81\x030{}\x81\x084té😀\x81\x05bAQID\x81\x015", ""},
		{eio.Frames3, eio.Revision3{}, "\x81\x030{}\x81\x084té😀\x82\x04\x04\x01\x02\x03\x81\x015", ""},
		{eio.Frames3Base64, eio.Revision3{}, "\x81\x030{}\x81\x084té😀\x81\x06b4AQID\x81\x015", ""},
		{eio.Payload4, eio.Revision4{}, "0{}\x1e4té😀\x1ebAQID\x1e5", ""},
		{eio.Payload3, eio.Revision3{}, "3:0{}5:4té😀6:b4AQID1:5", ""},
		{
			eio.Payload3Binary, eio.Revision3{},
			"\x00\x03\xff0{}\x00\x08\xff4té😀\x01\x04\xff\x04\x01\x02\x03\x00\x01\xff5", "",
		},
	} {
		wire := v.form.Append(nil, packets)
		if string(wire) != v.want || v.form.Size(packets) != len(wire) {
			t.Errorf("form %d: %q, want %q", v.form, wire, v.want)
		}
		if v.form >= eio.Payload4 {
			var got []eio.Packet
			for p, err := range v.revision.Packets(wire, v.form.Binary()) {
				if err != nil {
					t.Fatalf("form %d: %v", v.form, err)
				}
				got = append(got, p)
			}
			if describe(got) != describe(packets) {
				t.Errorf("form %d: read\n%swant\n%s", v.form, describe(got), describe(packets))
			}
			continue
		}
		masked := eio.Mask(nil, wire, key)
		if v.masked != "" && string(masked) != v.masked {
			t.Errorf("form %d: masked %q, want %q", v.form, masked, v.masked)
		}
		for client, wire := range map[bool][]byte{true: wire, false: masked} {
			r := receiver{Assembler: eio.Assembler{Rules: limits(client)}, revision: v.revision}
			if got, rest, err := r.frames(wire); describe(got) != describe(packets) || len(rest) > 0 || err != nil {
				t.Errorf("form %d, client %v: read\n%swant\n%s%v, %d bytes left", v.form, client, describe(got), describe(packets), err, len(rest))
			}
		}
	}
}

// TestRoundTrip sends packets of all sizes for which frame headers differ, in both directions, plain and compressed. Headers
// arrive byte by byte.
func TestRoundTrip(t *testing.T) {
	deflater, err := eio.NewDeflater(1000, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	for _, revision := range []eio.Revision{eio.Revision4{}, eio.Revision3{}} {
		for _, client := range []bool{true, false} {
			for _, way := range []string{"plain", "base64", "deflate"} {
				t.Run(fmt.Sprintf("revision %d/client reads %v/%s", revision.Number(), client, way), func(t *testing.T) {
					form := revision.Frames(way == "base64")
					for _, size := range []int{0, 1, 124, 125, 126, 4000, 65534, 65535, 65536} {
						data := strings.Repeat("ab😀", size/6+1)[:size-size%6]
						data += strings.Repeat("x", size-len(data))
						packets := []eio.Packet{text(data), binary(data), {Type: eio.TypePing, Data: []byte("probe")}}
						wire := form.Append(nil, packets)
						if way == "deflate" {
							wire = deflater.Frames(wire, packets, new([]byte))
						}
						if compressed := len(wire) < 2*size; compressed != (way == "deflate" && size >= 1000) {
							t.Errorf("%d bytes: compressed %v", size, compressed)
						}
						wire = append(wire, eio.AppendControl(nil, ws.OpPing, []byte("ping"))...)
						if !client {
							plain := bytes.Clone(wire)
							masked := eio.Mask(nil, wire, eio.NewMask)
							if !bytes.Equal(wire, plain) || len(masked) != eio.MaskedSize(4, len(wire)) {
								t.Errorf("%d bytes: masking made %d of %d", size, len(masked), len(wire))
							}
							wire = masked
						}
						r := receiver{Assembler: eio.Assembler{Rules: limits(client), Inflates: way == "deflate"}, revision: revision}
						var got []eio.Packet
						var rest []byte
						for len(wire) > 0 {
							n := 1
							if len(rest) > 32 {
								n = min(len(wire), 3000)
							}
							var more []eio.Packet
							more, rest, err = r.frames(append(rest, wire[:n]...))
							if err != nil {
								t.Fatal(err)
							}
							got, wire = append(got, more...), wire[n:]
						}
						if describe(got) != describe(packets) || len(rest) > 0 {
							t.Fatalf("%d bytes: read\n%swant\n%s%d bytes left", size, describe(got), describe(packets), len(rest))
						}
						if fmt.Sprint(r.controls) != "[9 ping]" {
							t.Errorf("%d bytes: controls %q", size, r.controls)
						}
					}
				})
			}
		}
	}
}

// TestRoundTrip_payload joins parts of polling bodies and decodes them.
func TestRoundTrip_payload(t *testing.T) {
	packets := []eio.Packet{text("a"), text("é😀"), binary("\x00\xff"), {Type: eio.TypePong}, text("")}
	for _, revision := range []eio.Revision{eio.Revision4{}, eio.Revision3{}} {
		for _, base64 := range []bool{true, false} {
			for n := range len(packets) + 1 {
				sent := packets[:n]
				form := revision.Payload(n > 2, base64)
				if form.Binary() && (base64 || !revision.TakesBinary()) {
					t.Fatalf("revision %d: form %d", revision.Number(), form)
				}
				body := form.Join(n, func(i int) []byte { return form.Append(nil, sent[i:i+1]) })
				if once := form.Append(nil, sent); n > 0 && !bytes.Equal(once, body) {
					t.Errorf("%q joined, %q at once", body, once)
				}
				if n == 0 && revision == (eio.Revision4{}) {
					continue // revision 4 does not accept a body without packets
				}
				var got []eio.Packet
				for p, err := range revision.Packets(body, form.Binary()) {
					if err != nil {
						t.Fatalf("%q: %v", body, err)
					}
					got = append(got, p)
				}
				if describe(got) != describe(sent) {
					t.Errorf("%q: read\n%swant\n%s", body, describe(got), describe(sent))
				}
			}
		}
	}
}

// TestMask checks that each frame has a new key.
func TestMask(t *testing.T) {
	const count = 100
	wire := eio.Frames4.Append(nil, make([]eio.Packet, count))
	masked := eio.Mask(nil, wire, eio.NewMask)
	keys := map[[4]byte]bool{}
	for len(masked) > 0 {
		h, size, err := eio.ParseHeader(masked)
		if err != nil || !h.Masked {
			t.Fatalf("%+v, %v", h, err)
		}
		keys[h.Mask] = true
		masked = masked[size+int(h.Length):]
	}
	if len(keys) < count-1 { // two of a hundred keys are equal once in a million runs
		t.Errorf("%d keys for %d frames", len(keys), count)
	}
}
