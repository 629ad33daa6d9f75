//go:build !race

package parser_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// valid are messages of about n bytes that the decoder accepts.
var valid = map[string]func(n int) string{
	"string":    func(n int) string { return `51-["x","` + strings.Repeat("s", n) + `"]` },
	"escapes":   func(n int) string { return `51-["x","` + strings.Repeat(`\u2028`, n/6) + `"]` },
	"arguments": func(n int) string { return `51-["x"` + strings.Repeat(",1", n/2) + `]` },
	"keys":      func(n int) string { return `51-["x",{"a":1` + strings.Repeat(`,"_placeholder":1`, n/17) + `}]` },
	"repeated keys": func(n int) string {
		return `51-["x",{"b":{"_placeholder":true,"num":0}` + strings.Repeat(`,"a":1`, n/6) + `,"b":2}]`
	},
	"deep beside":     func(n int) string { return `51-["x"` + strings.Repeat(","+nested(60), n/121) + `]` },
	"deep and around": func(n int) string { return deepAround(n) },
}

// deepAround nests a placeholder deeply, with many values to skip at every level.
func deepAround(n int) string {
	const levels = 60
	filler := strings.Repeat("0,", n/levels/2)
	return `51-["x",` + strings.Repeat("["+filler, levels) + `{"_placeholder":true,"num":0}` + strings.Repeat("]", levels) + `]`
}

// TestLinear asserts that a byte costs the same in a long message as in a short one. The bound allows for a busy machine; a
// quadratic step would multiply the cost by 16. The test is skipped with the race detector, which distorts the times.
func TestLinear(t *testing.T) {
	const short, long, bound = 64_000, 1_024_000, 6
	run := func(message []byte) {
		dec := parser.JSON{}.NewDecoder(parser.Limits{})
		_, _ = dec.Add(message, false)
		if !dec.Waiting() {
			return
		}
		p, err := dec.Add([]byte("binary"), true)
		if err != nil {
			t.Fatal(err)
		}
		var args []any
		for v, at, ok := payload.Next(p.Data, 0); ok; v, at, ok = payload.Next(p.Data, at) {
			if len(args) < 10 {
				var dst any
				_ = payload.Unmarshal(v, p.Attachments, &dst)
				args = append(args, payload.NewRaw(v, p.Attachments))
			}
		}
		_, _, _ = payload.MarshalArgs(args, nil)
	}
	perByte := func(message []byte) float64 {
		best := time.Hour
		for range 7 {
			best = min(best, cost(t, func() { run(message) }))
		}
		return float64(best) / float64(len(message))
	}
	for _, inputs := range []map[string]func(int) string{hostile, valid} {
		for name, text := range inputs {
			t.Run(name, func(t *testing.T) {
				a, b := perByte([]byte(text(short))), perByte([]byte(text(long)))
				// Below a nanosecond per byte the result is mostly noise.
				if b > bound*max(a, 1) {
					t.Errorf("%.1f ns per byte in %d bytes, %.1f in %d", a, short, b, long)
				}
			})
		}
	}
}
