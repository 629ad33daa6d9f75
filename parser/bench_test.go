package parser_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/parleyio/parley/parser"
)

// payloads are typical messages of applications, from an echo to a long document.
var payloads = map[string]string{
	"echo":  `2["echo","hello"]`,
	"chat":  `2/chat,17["chat message",{"room":"lobby","text":"Hello everybody, how are you today?","at":1795385656273}]`,
	"10KB":  `2["list",[` + strings.Repeat(`{"id":12345,"name":"somebody","tags":["a","b"],"ok":true},`, 170) + `null]]`,
	"text":  `2["text","` + strings.Repeat("The quick brown fox jumps over the lazy dog. ", 2200) + `"]`,
	"intl":  `2["text","` + strings.Repeat("Ζαφείρι δέξου πάγκαλο, βαθῶν ψυχῆς τὸ σῆμα. ", 110) + `"]`,
	"slash": `2["text","` + strings.Repeat(`line\n\"quoted\"\t`, 600) + `"]`,
}

func BenchmarkDecode(b *testing.B) {
	for name, text := range payloads {
		b.Run(name, func(b *testing.B) {
			dec, data := parser.JSON{}.NewDecoder(parser.Limits{}), []byte(text)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if p, err := dec.Add(data, false); p == nil || err != nil {
					b.Fatal(err)
				}
			}
		})
		// For comparison: the cost of checking the same text with encoding/json.
		b.Run(name+"/json.Valid", func(b *testing.B) {
			data := []byte(text[strings.IndexByte(text, '['):])
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if !json.Valid(data) {
					b.Fatal("invalid")
				}
			}
		})
	}
	b.Run("binary", func(b *testing.B) {
		dec, content := parser.JSON{}.NewDecoder(parser.Limits{}), make([]byte, 1000)
		header := []byte(`51-["file",{"name":"n","data":{"_placeholder":true,"num":0}}]`)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := dec.Add(header, false); err != nil {
				b.Fatal(err)
			}
			if p, err := dec.Add(content, true); p == nil || err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	for _, n := range []int{0, 1, 10} {
		b.Run(fmt.Sprintf("attachments=%d", n), func(b *testing.B) {
			p := &parser.Packet{Type: parser.Event, Namespace: "/chat", Data: []byte(payloads["chat"][9:]), Attachments: make([][]byte, n)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (parser.JSON{}).Encode(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
