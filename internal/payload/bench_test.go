package payload_test

import (
	"encoding/json"
	"testing"

	"github.com/parleyio/parley/internal/payload"
)

type chat struct {
	Room string `json:"room"`
	Text string `json:"text"`
	At   int64  `json:"at"`
}

func BenchmarkMarshal(b *testing.B) {
	content := make([]byte, 100_000)
	message := chat{"lobby", "Hello everybody, how are you today?", 1795385656273}
	for _, c := range []struct {
		name string
		arg  any
	}{
		{"string", "hello"},
		{"struct", &message},
		{"raw", payload.Raw{JSON: []byte(`{"room":"lobby","text":"Hello everybody, how are you today?","at":1795385656273}`)}},
		{"map", map[string]any{"room": "lobby", "text": message.Text, "at": int64(1795385656273), "nested": map[string]any{"a": true, "b": []any{1.5, "x"}}}},
		{"bytes", content},
		{"struct with bytes", &file{"photo.jpg", content}},
		{"map with bytes", map[string]any{"name": "photo.jpg", "data": content}},
	} {
		b.Run(c.name, func(b *testing.B) {
			args := []any{c.arg}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := payload.MarshalEvent("event", args, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/json.Marshal", func(b *testing.B) {
			args := []any{"event", c.arg}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := json.Marshal(args); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	content := make([]byte, 100_000)
	for _, c := range []struct {
		name string
		arg  any
		dst  func() any
	}{
		{"string", "hello", func() any { return new(string) }},
		{"struct", &chat{"lobby", "Hello everybody, how are you today?", 1795385656273}, func() any { return new(chat) }},
		{"raw", "hello", func() any { return new(payload.Raw) }},
		{"bytes", content, func() any { return new([]byte) }},
		{"struct with bytes", &file{"photo.jpg", content}, func() any { return new(file) }},
		{"map with bytes", map[string]any{"name": "photo.jpg", "data": content}, func() any { return new(map[string]any) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			data, attachments, err := payload.MarshalArgs([]any{c.arg}, nil)
			if err != nil {
				b.Fatal(err)
			}
			value := argument(data, 0)
			b.ReportAllocs()
			for b.Loop() {
				if err := payload.Unmarshal(value, attachments, c.dst()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
