//go:build !race

package payload_test

import (
	"testing"

	"github.com/parleyio/parley/internal/payload"
)

// TestDecoding_allocations asserts that strict decoding allocates no more than decoding alone.
func TestDecoding_allocations(t *testing.T) {
	exact, folded := []byte(`{"room":"lobby","text":"hello","sender":{"age":7},"tags":["a"],"sent":"2026-01-02T15:04:05Z"}`), []byte(`{"room":"lobby","text":"hello"}`)
	for name, f := range map[string]func(d func([]byte, any) error) error{
		"a string":                func(d func([]byte, any) error) error { var s string; return d([]byte(`"hello"`), &s) },
		"a number":                func(d func([]byte, any) error) error { var n int; return d([]byte(`7`), &n) },
		"any":                     func(d func([]byte, any) error) error { var v any; return d([]byte(`{"a":[1,null]}`), &v) },
		"a Raw":                   func(d func([]byte, any) error) error { var r payload.Raw; return d(exact, &r) },
		"a map":                   func(d func([]byte, any) error) error { var m map[string]any; return d(exact, &m) },
		"a struct":                func(d func([]byte, any) error) error { var m chatMessage; return d(exact, &m) },
		"a struct without tags":   func(d func([]byte, any) error) error { var m untagged; return d(folded, &m) },
		"a struct that validates": func(d func([]byte, any) error) error { var v valid; return d(folded, &v) },
	} {
		t.Run(name, func(t *testing.T) {
			run := func(d func([]byte, any) error) float64 {
				if err := f(d); err != nil {
					t.Fatal(err)
				}
				return testing.AllocsPerRun(1000, func() { _ = f(d) })
			}
			want := run(func(data []byte, dst any) error { return payload.Unmarshal(data, nil, dst) })
			rules := &payload.Decoding{RefuseUnknownKeys: name == "a struct"}
			if got := run(func(data []byte, dst any) error { return rules.Unmarshal(data, nil, dst) }); got > want {
				t.Errorf("%v allocations, %v without checks", got, want)
			}
		})
	}
}

// TestAllocations asserts what the hot paths cost. The race detector changes the numbers, so this is built without it.
func TestAllocations(t *testing.T) {
	var (
		data      = []byte(`["chat message",{"room":"lobby","text":"hello"}]`)
		_, at, _  = payload.EventName(data)
		arg, _, _ = payload.Next(data, at)
		args      = []any{"hello", 7, payload.Raw{JSON: []byte(`{"a":1}`)}}
		message   = []any{&chat{Room: "lobby", Text: "hello"}}
		upload    = []any{&file{"n", make([]byte, 1000)}}
		hello     = []byte(`"hello"`)
		text      string
		buffer    []byte
		raw       payload.Raw
	)
	for _, c := range []struct {
		name string
		most float64
		f    func()
	}{
		{"name of an event", 1, func() { _, _, _ = payload.EventName(data) }},
		{"walk over the arguments", 0, func() {
			for _, at, ok := payload.Next(data, 0); ok; _, at, ok = payload.Next(data, at) {
			}
		}},
		{"unmarshal a string", 1, func() { _ = payload.Unmarshal(hello, nil, &text) }},
		{"unmarshal a Raw", 0, func() { _ = payload.Unmarshal(arg, nil, &raw) }},
		{"marshal strings, numbers and Raws: the result", 1, func() { _, _, _ = payload.MarshalEvent("chat message", args, nil) }},
		{"marshal a struct: the result", 1, func() { _, _, _ = payload.MarshalEvent("chat message", message, nil) }},
		{"marshal binary: also the attachment, the list of them and the marks of the check", 5, func() { _, _, _ = payload.MarshalEvent("file", upload, nil) }},
		{"marshal an event into a buffer", 0, func() { buffer, _, _ = payload.AppendEvent(buffer[:0], "chat message", args, nil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(1000, c.f); got > c.most {
				t.Errorf("%v allocations, want at most %v", got, c.most)
			}
		})
	}
}
