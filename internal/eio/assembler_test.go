package eio_test

import (
	"compress/flate"
	"errors"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/internal/eio"
)

// TestAssembler_violations sends frames for which the receiver must close the connection.
func TestAssembler_violations(t *testing.T) {
	fragment := "\x01\x00"
	for _, c := range []struct {
		name     string
		wire     string // unmasked; masked for the server
		inflates bool
		code     ws.StatusCode
		err      error // nil: any
	}{
		{"reserved bit", "\x91\x00", true, 1002, nil},
		{"compressed, not negotiated", "\xc1\x014", false, 1002, nil},
		{"compressed continuation", fragment + "\xc0\x00", true, 1002, nil},
		{"compressed ping", "\xc9\x00", true, 1002, nil},
		{"unknown opcode", "\x83\x00", false, 1002, nil},
		{"continuation of nothing", "\x80\x00", false, 1002, nil},
		{"message within a message", fragment + "\x81\x00", false, 1002, nil},
		{"large ping", "\x89\x7e\x00\x7e" + strings.Repeat("x", 126), false, 1002, nil},
		{"ping in fragments", "\x09\x00", false, 1002, nil},
		{"not UTF-8", "\x81\x024\xff", false, 1007, eio.ErrNotUTF8},
		{"half a character", "\x01\x024\xc3\x80\x01x", false, 1007, eio.ErrNotUTF8},
		{"compressed, not UTF-8", string(frame(compress(t, "4\xff"))), true, 1007, eio.ErrNotUTF8},
		{"not deflate", "\xc2\x02\xff\xff", true, 1007, nil},
		{"too many fragments", fragment + strings.Repeat("\x00\x00", 4), false, 1008, eio.ErrFragments},
		{"too large", string(eio.AppendHeader(nil, ws.OpText, 100_001)), false, 1009, eio.ErrTooLarge},
		{"too large in fragments", "\x01\x014" + string(eio.AppendHeader(nil, ws.OpContinuation, 100_000)), false, 1009, eio.ErrTooLarge},
		{"too large when it is decompressed", string(frame(compress(t, strings.Repeat("4", 100_001)))), true, 1009, eio.ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, client := range []bool{true, false} {
				wire := []byte(c.wire)
				if !client {
					wire = maskAll(wire)
				}
				// The header alone must be enough to refuse a message that is too large.
				r := receiver{Assembler: eio.Assembler{Rules: limits(client), Inflates: c.inflates}, revision: eio.Revision4{}}
				err := r.refuse(wire)
				var violation *eio.Violation
				if !errors.As(err, &violation) || violation.Code != c.code || c.err != nil && !errors.Is(err, c.err) {
					t.Errorf("client %v: %v (%+v), want %d", client, err, violation, c.code)
				}
			}
		})
	}
	t.Run("masking", func(t *testing.T) {
		wire := eio.Frames4.Append(nil, []eio.Packet{text("hello")})
		for client, wrong := range map[bool][]byte{true: eio.Mask(nil, wire, key), false: wire} {
			r := receiver{Assembler: eio.Assembler{Rules: limits(client)}, revision: eio.Revision4{}}
			var violation *eio.Violation
			if _, _, err := r.frames(wrong); !errors.As(err, &violation) || violation.Code != 1002 {
				t.Errorf("client %v: %v", client, err)
			}
		}
	})
}

// refuse reads frames. Of the last frame there may be only a header.
func (r *receiver) refuse(wire []byte) error {
	_, rest, err := r.frames(wire)
	if err != nil {
		return err
	}
	h, _, err := r.Header(rest)
	if err != nil {
		return err
	}
	return r.Add(h, 1)
}

// maskAll masks frames. They may be incomplete or not final.
func maskAll(wire []byte) (masked []byte) {
	for len(wire) > 0 {
		h, size, err := eio.ParseHeader(wire)
		if err != nil || size == 0 {
			return append(masked, wire...)
		}
		payload := wire[size:min(len(wire), size+int(h.Length))]
		wire = wire[size+len(payload):]
		h.Masked, h.Mask = true, key()
		head := ws.MustCompileFrame(ws.Frame{Header: h})
		masked = append(masked, head...)
		start := len(masked)
		masked = append(masked, payload...)
		ws.Cipher(masked[start:], h.Mask, 0)
	}
	return masked
}

// compress returns a compressed text message.
func compress(t testing.TB, message string) []byte {
	t.Helper()
	var b strings.Builder
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(message))
	w.Flush()
	return []byte(strings.TrimSuffix(b.String(), "\x00\x00\xff\xff"))
}

// frame is the frame of a compressed text message.
func frame(compressed []byte) []byte {
	b := append(eio.AppendHeader(nil, ws.OpText, len(compressed)), compressed...)
	b[0] |= 0x40
	return b
}

// TestClose reads close frames of every kind.
func TestClose(t *testing.T) {
	for _, code := range []ws.StatusCode{0, 1000, 1001, 1007, 1011, 1014, 3000, 4999} {
		wire := eio.AppendClose(nil, code)
		if code == 0 && string(wire) != "\x88\x00" {
			t.Errorf("%q", wire)
		}
		if got, err := eio.ReadClose(wire[2:]); got != code || err != nil {
			t.Errorf("%d came back as %d, %v", code, got, err)
		}
	}
	for payload, code := range map[string]ws.StatusCode{
		"\x03": 1002, "\x03\xe7": 1002, "\x03\xec": 1002, "\x03\xed": 1002, "\x03\xee": 1002, "\x03\xf7": 1002, "\x0b\xb7": 1002,
		"\x13\x88": 1002, "\xff\xff": 1002, "\x03\xe8\xff": 1007,
	} {
		var violation *eio.Violation
		if _, err := eio.ReadClose([]byte(payload)); !errors.As(err, &violation) || violation.Code != code {
			t.Errorf("%x: %v, want %d", payload, err, code)
		}
	}
	if code, err := eio.ReadClose([]byte("\x03\xe8bye")); code != 1000 || err != nil {
		t.Errorf("%d, %v", code, err)
	}
}

// FuzzAssembler reads raw bytes as server and as client. It must not panic or accept messages beyond the limits.
func FuzzAssembler(f *testing.F) {
	wire := eio.Frames4.Append(nil, []eio.Packet{text("hello"), binary("\x01")})
	f.Add(wire, true, false)
	f.Add(eio.Mask(nil, wire, key), false, true)
	f.Add(frame(compress(f, "4hello")), true, true)
	f.Add([]byte("\x01\x014\x89\x00\x80\x01a"), true, false)
	f.Fuzz(func(t *testing.T, wire []byte, client, inflates bool) {
		rules := eio.Rules{Client: client, MaxPayload: 1000, MaxFragments: 3}
		for _, revision := range []eio.Revision{eio.Revision4{}, eio.Revision3{}} {
			r := receiver{Assembler: eio.Assembler{Rules: &rules, Inflates: inflates}, revision: revision}
			packets, _, err := r.frames(wire)
			total := 0
			for _, p := range packets {
				if total += len(p.Data); len(p.Data) > rules.MaxPayload {
					t.Errorf("%d bytes", len(p.Data))
				}
			}
			if total > len(wire) && !inflates {
				t.Errorf("%d bytes of %d", total, len(wire))
			}
			var violation *eio.Violation
			if errors.As(err, &violation) && (violation.Code < 1002 || violation.Code > 1009) {
				t.Errorf("code %d", violation.Code)
			}
		}
	})
}
