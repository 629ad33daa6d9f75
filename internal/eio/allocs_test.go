//go:build !race

package eio_test

import (
	"testing"

	"github.com/parleyio/parley/internal/eio"
)

// TestAllocs checks that packets and frames need no memory but the buffers of the caller.
func TestAllocs(t *testing.T) {
	packets := []eio.Packet{text("hello"), binary("hello")}
	buffer, into := make([]byte, 0, 1000), make([]byte, 0, 1000)
	masked := eio.Mask(nil, eio.Frames4.Append(nil, packets[:1]), eio.NewMask)
	zipped := frame(compress(t, "4hello"))
	server := eio.Assembler{Rules: limits(false)}
	client := eio.Assembler{Rules: limits(true), Inflates: true}
	for name, f := range map[string]func(){
		"frames":         func() { eio.Frames4.Append(buffer, packets) },
		"base64":         func() { eio.Frames3Base64.Append(buffer, packets) },
		"payload":        func() { eio.Payload4.Append(buffer, packets) },
		"binary payload": func() { eio.Payload3Binary.Append(buffer, packets) },
		"masked":         func() { eio.Mask(into, eio.Frames4.Append(buffer, packets), eio.NewMask) },
		"reading masked": func() {
			wire := append(buffer, masked...)
			h, size, _ := server.Header(wire)
			server.Add(h, 0)
			eio.Unmask(wire[size:], h, 0)
			if data, _, err := server.End(wire[size:], nil); string(data) != "4hello" || err != nil {
				t.Errorf("%q, %v", data, err)
			}
		},
		"reading compressed": func() {
			h, size, _ := client.Header(zipped)
			client.Add(h, 0)
			if data, _, err := client.End(zipped[size:], &into); string(data) != "4hello" || err != nil {
				t.Errorf("%q, %v", data, err)
			}
		},
	} {
		if got := testing.AllocsPerRun(200, f); got > 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

// BenchmarkFrames writes and reads a message of a usual size: as a server and as a client.
func BenchmarkFrames(b *testing.B) {
	packets := []eio.Packet{text(`2["chat message",{"id":123456,"text":"hello there, how are you?"}]`)}
	for name, client := range map[string]bool{"server to client": true, "client to server": false} {
		b.Run(name, func(b *testing.B) {
			a := eio.Assembler{Rules: limits(client)}
			buffer, masked := make([]byte, 0, 1000), make([]byte, 0, 1000)
			b.ReportAllocs()
			for b.Loop() {
				wire := eio.Frames4.Append(buffer, packets)
				if !client {
					wire = eio.Mask(masked, wire, eio.NewMask)
				}
				h, size, _ := a.Header(wire)
				a.Add(h, 0)
				eio.Unmask(wire[size:], h, 0)
				if _, _, err := a.End(wire[size:], nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
