package parser_test

import (
	"testing"

	"github.com/parleyio/parley/parser"
)

// BenchmarkMessagePack decodes and encodes the same packets as MessagePack and as JSON. Throughput counts the bytes of the
// JSON text for both.
func BenchmarkMessagePack(b *testing.B) {
	packets := map[string]*parser.Packet{
		"binary": {Type: parser.Event, Namespace: "/", Data: []byte(`["file",{"name":"n","data":` + ph0 + `}]`), Attachments: [][]byte{make([]byte, 1000)}},
	}
	for name, text := range payloads {
		p, err := parser.JSON{}.NewDecoder(parser.Limits{}).Add([]byte(text), false)
		if err != nil {
			b.Fatal(err)
		}
		packets[name] = p
	}
	formats := []struct {
		name   string
		format parser.Parser
	}{{"msgpack", parser.MessagePack{}}, {"json", parser.JSON{}}}
	for name, p := range packets {
		for _, f := range formats {
			frames, err := f.format.Encode(p)
			if err != nil {
				b.Fatal(err)
			}
			b.Run("decode/"+name+"/"+f.name, func(b *testing.B) {
				dec := f.format.NewDecoder(parser.Limits{})
				b.SetBytes(int64(len(p.Data)))
				b.ReportAllocs()
				for b.Loop() {
					for _, m := range frames {
						if _, err := dec.Add(m.Data, m.Binary); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
			b.Run("encode/"+name+"/"+f.name, func(b *testing.B) {
				b.SetBytes(int64(len(p.Data)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := f.format.Encode(p); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
