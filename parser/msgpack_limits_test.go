package parser_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/parleyio/parley/parser"
)

func times(n int, s string) []byte { return bytes.Repeat([]byte(s), n) }

// sized returns a header whose length takes four bytes.
func sized(lead byte, n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{lead}, n) }

func str32(s string) []byte { return append(sized(0xdb, uint32(len(s))), s...) }

func bin32(n int) []byte { return append(sized(0xc6, uint32(n)), make([]byte, n)...) }

// array32 and map32 return a value that consists of n equal parts.
func array32(n int, part string) []byte { return append(sized(0xdd, uint32(n)), times(n, part)...) }

func map32(n int, part string) []byte { return append(sized(0xdf, uint32(n)), times(n, part)...) }

func TestMessagePack_Limits(t *testing.T) {
	const (
		deep    = "value is nested too deep"
		many    = "more than 9,999 binary values"
		nsp     = "namespace is too long"
		name    = "event name is too long"
		prefix  = "\x82\xa4type\x01\xa3nsp"
		skipped = "\x83\xa4type\x01\xa3nsp\xa1/\xa1x"
	)
	event := func(parts ...[]byte) []byte { return inEvent(slices.Concat(parts...)) }
	named := func(n int) []byte {
		return slices.Concat([]byte("\x83\xa4type\x02\xa4data\x91"), str32(strings.Repeat("n", n)), []byte("\xa3nsp\xa1/"))
	}
	for _, c := range []struct {
		name    string
		limits  parser.Limits
		message []byte
		reason  string // empty: accepted
	}{
		{"depth 64", parser.Limits{}, event(times(62, "\x91"), []byte{0x90}), ""},
		{"depth 65", parser.Limits{}, event(times(63, "\x91"), []byte{0x90}), deep},
		{"depth 65 of maps", parser.Limits{}, event(times(64, "\x81\xa0"), []byte{0x80}), deep},
		{"depth 64 with binary", parser.Limits{}, event(times(62, "\x91"), []byte("\xc4\x00")), ""},
		{"depth 65 with binary", parser.Limits{}, event(times(63, "\x91"), []byte("\xc4\x00")), deep},
		{"depth 64 with another extension", parser.Limits{}, event(times(61, "\x91"), []byte("\xd4\x01\x00")), ""},
		{"depth 65 with another extension", parser.Limits{}, event(times(62, "\x91"), []byte("\xd4\x01\x00")), deep},
		{"depth 66 with another extension", parser.Limits{}, event(times(63, "\x91"), []byte("\xd4\x01\x00")), deep},
		{"depth 64 of what is skipped", parser.Limits{}, append([]byte(skipped), append(times(63, "\x91"), 0x90)...), ""},
		{"depth 65 of what is skipped", parser.Limits{}, append([]byte(skipped), append(times(64, "\x91"), 0x90)...), deep},
		{"depth option", parser.Limits{Depth: 2}, event([]byte("\x91\x90")), deep},
		{"depth without limit", parser.Limits{Depth: -1}, event(times(9_998, "\x91"), []byte{0x90}), ""},
		{"depth of encoding/json", parser.Limits{Depth: -1}, event(times(9_999, "\x91"), []byte{0x90}), deep},
		{"many levels one after another", parser.Limits{}, event(array32(100, strings.Repeat("\x91", 61)+"\x90")), ""},

		{"name of 512 bytes", parser.Limits{}, named(512), ""},
		{"name of 513 bytes", parser.Limits{}, named(513), name},
		{"name option", parser.Limits{EventName: 3}, named(4), name},
		{"name without limit", parser.Limits{EventName: -1}, named(100_000), ""},

		{"namespace of 512 bytes", parser.Limits{}, append([]byte(prefix), str32("/"+strings.Repeat("n", 511))...), ""},
		{"namespace of 513 bytes", parser.Limits{}, append([]byte(prefix), str32("/"+strings.Repeat("n", 512))...), nsp},
		{"namespace option", parser.Limits{Namespace: 4}, append([]byte(prefix), str32("/nsp?")...), nsp},
		{"namespace without limit", parser.Limits{Namespace: -1}, append([]byte(prefix), str32("/"+strings.Repeat("n", 100_000))...), ""},

		{"9,999 binary values", parser.Limits{Attachments: 1}, event(array32(9_999, "\xc4\x00")), ""},
		{"9,999 binary values of all kinds", parser.Limits{}, event([]byte("\x94"), array32(5_000, "\xc4\x00"), array32(4_000, "\xc7\x00\x00"), array32(999, "\xd5\x01ab"), []byte("\xc0")), ""},
		{"10,000 binary values", parser.Limits{Attachments: -1}, event(array32(10_000, "\xc4\x00")), many},
		{"10,000 binary values of all kinds", parser.Limits{}, event([]byte("\x94"), array32(5_000, "\xc4\x00"), array32(4_000, "\xc7\x00\x00"), array32(1_000, "\xd5\x01ab"), []byte("\xc0")), many},
		{"binary values in what is skipped", parser.Limits{}, append([]byte(skipped), "\x91\xc4\x00"...), ""},
		{"binary values of any size", parser.Limits{AttachmentBytes: 1}, event([]byte("\x92"), bin32(1_000_000), bin32(1_000_000)), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parser.MessagePack{}.NewDecoder(c.limits).Add(c.message, true)
			var syntax *parser.SyntaxError
			switch {
			case c.reason == "" && err != nil:
				t.Fatal(err)
			case c.reason != "" && (!errors.As(err, &syntax) || syntax.Reason != c.reason):
				t.Fatalf("got %v, want %q", err, c.reason)
			}
		})
	}
}

// Errors are logged and must not contain text that a peer has sent.
func TestMessagePack_ErrorRepeatsNothing(t *testing.T) {
	for _, message := range []string{"\xa6secret", "\x81\xa6secret", "\x81\xa6secret\xc1", "\x81\xa4type\xa6secret", "\x81\xa3nsp\xa6secret", "\x81\xa2id\xa6secret",
		"\x82\xa4type\x00\xa4data\xa6secret", "\x83\xa4type\x02\xa4data\x91\x81\xa6secret\x00\xa3nsp\xa1/"} {
		_, err := parser.MessagePack{}.NewDecoder(parser.Limits{}).Add([]byte(message), true)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", message, err)
		}
	}
}

// claims are values whose length fields are much larger than the message.
var claims = map[string][]byte{
	"text": sized(0xdb, 1<<31-1), "long text": sized(0xdb, 1<<32-1), "binary": sized(0xc6, 1<<31-1), "much binary": sized(0xc6, 1<<32-1),
	"array": sized(0xdd, 1<<32-1), "map": sized(0xdf, 1<<32-1), "half a map": append(sized(0xdf, 2), 0, 0, 0),
	"ArrayBuffer": append(sized(0xc9, 1<<32-1), 0), "extension": append(sized(0xc9, 1<<31-1), 7),
	"text 8": {0xd9, 255}, "text 16": {0xda, 255, 255}, "binary 16": {0xc5, 255, 255}, "array 16": {0xdc, 255, 255}, "map 16": {0xde, 255, 255},
}

func TestMessagePack_ClaimedLengths(t *testing.T) {
	for name, value := range claims {
		t.Run(name, func(t *testing.T) {
			prefixes := []string{"", "\x81", "\x81\xa4type", "\x81\xa3nsp", "\x81\xa2id", "\x81\xa4data", "\x81\xa4data\x91", "\x81\xa4data\x81", "\x81\xa4data\x81\xa0", "\x81\xa0"}
			for _, prefix := range prefixes {
				message := append([]byte(prefix), value...)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				p, err := parser.MessagePack{}.NewDecoder(parser.Limits{}).Add(message, true)
				runtime.ReadMemStats(&after)
				if err == nil {
					t.Errorf("%x: %s", message, show(p))
				}
				if got := after.TotalAlloc - before.TotalAlloc; got > 64<<10 {
					t.Errorf("%x: %d bytes allocated", message, got)
				}
			}
		})
	}
}

// msgpackHostile are messages of about n bytes whose cost grows faster than their length in a careless decoder.
var msgpackHostile = map[string]func(n int) []byte{
	"open arrays":       func(n int) []byte { return inEvent(times(n, "\x91")) },
	"open maps":         func(n int) []byte { return inEvent(times(n/2, "\x81\xa0")) },
	"open maps as keys": func(n int) []byte { return inEvent(times(n, "\x81")) },
	"keys that are there twice": func(n int) []byte {
		return map32(n/6, "\xa4type\x01")
	},
	"arrays that claim all there is": func(n int) []byte { return inEvent(times(n/5, string(sized(0xdd, uint32(n/2))))) },
	"attachments":                    func(n int) []byte { return inEvent(array32(n/2, "\xc4\x00")) },
	"open text":                      func(n int) []byte { return inEvent(append(sized(0xdb, uint32(n+100)), times(n, "s")...)) },
	"bad UTF-8, at end":              func(n int) []byte { return inEvent(str32(strings.Repeat("s", n) + "\xff")) },
	"open arrays, skipped":           func(n int) []byte { return append([]byte("\x81\xa0"), times(n, "\x91")...) },
}

func TestMessagePack_HostileInput(t *testing.T) {
	for name, message := range msgpackHostile {
		t.Run(name, func(t *testing.T) {
			message := message(1_000_000)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := parser.MessagePack{}.NewDecoder(parser.Limits{}).Add(message, true)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatal("accepted")
			}
			// Up to 9,999 binary values are accepted, with at most 37 bytes of text and a slice for each.
			const growing, binary = 2, 10_000 * (37 + 24)
			if got := after.TotalAlloc - before.TotalAlloc; got > growing*uint64(len(message)+binary) {
				t.Errorf("%d bytes allocated to refuse %d", got, len(message))
			}
		})
	}
}

// msgpackValid are messages of about n bytes that are accepted.
var msgpackValid = map[string]func(n int) []byte{
	"text":               func(n int) []byte { return inEvent(str32(strings.Repeat("s", n))) },
	"control characters": func(n int) []byte { return inEvent(str32(strings.Repeat("\x00", n))) },
	"quotes":             func(n int) []byte { return inEvent(str32(strings.Repeat(`"`, n))) },
	"false":              func(n int) []byte { return inEvent(array32(n, "\xc2")) },
	"undefined":          func(n int) []byte { return inEvent(array32(n/3, "\xd4\x00\x00")) },
	"undefined members":  func(n int) []byte { return inEvent(map32(n/5, "\xa1k\xd4\x00\x00")) },
	"empty arrays":       func(n int) []byte { return inEvent(array32(n, "\x90")) },
	"floats":             func(n int) []byte { return inEvent(array32(n/5, "\xca\x00\x80\x00\x01")) },
	"placeholders":       func(n int) []byte { return inEvent(map32(n/14, "\xac_placeholder\xc3")) },
	"deep": func(n int) []byte {
		return inEvent(array32(n/60, strings.Repeat("\x91", 59)+"\x90"))
	},
	"skipped keys": func(n int) []byte {
		return slices.Concat(sized(0xdf, uint32(n/7+2)), times(n/7, "\xa4keys\x91\xc2"), []byte("\xa4type\x01\xa3nsp\xa1/"))
	},
	"binary": func(n int) []byte { return inEvent(append([]byte{0x9a}, bytes.Repeat(bin32(n/11), 10)...)) },
}

// The length of a packet's text is bounded by the length of its message.
func TestMessagePack_TextIsBounded(t *testing.T) {
	for name, message := range msgpackValid {
		message := message(100_000)
		p, err := parser.MessagePack{}.NewDecoder(parser.Limits{}).Add(message, true)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Data) > 6*len(message)+37*len(p.Attachments) {
			t.Errorf("%s: %d bytes of text for %d", name, len(p.Data), len(message))
		}
	}
}

// TestMessagePack_Linear asserts that a byte costs the same in a long message as in a short one, as TestLinear does.
func TestMessagePack_Linear(t *testing.T) {
	const short, long, bound = 64_000, 1_024_000, 6
	run := func(message []byte) {
		p, err := parser.MessagePack{}.NewDecoder(parser.Limits{}).Add(message, true)
		if err != nil {
			return
		}
		if _, err := (parser.MessagePack{}).Encode(p); err != nil {
			t.Fatal(err)
		}
	}
	perByte := func(message []byte) float64 {
		return float64(cost(t, func() { run(message) })) / float64(len(message))
	}
	for _, inputs := range []map[string]func(int) []byte{msgpackHostile, msgpackValid} {
		for name, message := range inputs {
			t.Run(name, func(t *testing.T) {
				a, b := math.Inf(1), math.Inf(1)
				for range 10 {
					a, b = min(a, perByte(message(short))), min(b, perByte(message(long)))
					// Below a nanosecond per byte the result is mostly noise.
					if b <= bound*max(a, 1) {
						return
					}
				}
				t.Errorf("%.1f ns per byte in %d bytes, %.1f in %d", a, short, b, long)
			})
		}
	}
}
