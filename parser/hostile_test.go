package parser_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/parleyio/parley/parser"
)

// hostile are messages of about n bytes whose cost grows faster than their length in a careless decoder.
var hostile = map[string]func(n int) string{
	"digits of attachments":   func(n int) string { return "5" + strings.Repeat("9", n) },
	"digits of an id":         func(n int) string { return "2" + strings.Repeat("0", n) },
	"namespace":               func(n int) string { return "0/" + strings.Repeat("n", n) },
	"open arrays":             func(n int) string { return "2" + strings.Repeat("[", n) },
	"open objects":            func(n int) string { return "2" + strings.Repeat(`{"":`, n/4) },
	"open placeholders":       func(n int) string { return `51-["x",` + strings.Repeat(`{"_placeholder":true,"x":`, n/25) },
	"open string":             func(n int) string { return `2["x","` + strings.Repeat("s", n) },
	"backslashes in the name": func(n int) string { return `2["` + strings.Repeat(`\\`, n/2) + `"]` },
	"digits of a name":        func(n int) string { return `2[` + strings.Repeat("1", n) + `]` },
	"digits of a placeholder": func(n int) string {
		return `51-["x",{"_placeholder":true,"num":1` + strings.Repeat("0", n) + `}]`
	},
	"references to one attachment": func(n int) string {
		return `51-["x"` + strings.Repeat(`,{"_placeholder":true,"num":0}`, n/30) + `]`
	},
	"white space":       func(n int) string { return `2` + strings.Repeat(" ", n) },
	"commas":            func(n int) string { return `2["x"` + strings.Repeat(",", n) },
	"bad UTF-8, at end": func(n int) string { return `2["x","` + strings.Repeat("s", n) + "\xff\"]" },
}

func TestDecoder_HostileInput(t *testing.T) {
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			message := []byte(text(1_000_000))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			dec := parser.JSON{}.NewDecoder(parser.Limits{})
			_, err := dec.Add(message, false)
			runtime.ReadMemStats(&after)
			if err == nil || dec.Waiting() {
				t.Fatalf("%v, waiting %v", err, dec.Waiting())
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 2*uint64(len(message)) {
				t.Errorf("%d bytes allocated to refuse %d", got, len(message))
			}
		})
	}
}
