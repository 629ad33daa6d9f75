package parser_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parleyio/parley/parser"
)

func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestDecoder_Limits(t *testing.T) {
	const placeholder = `{"_placeholder":true,"num":0}`
	long := strings.Repeat("x", 2000)
	for _, c := range []struct {
		name   string
		limits parser.Limits
		text   string
		reason string // empty: accepted
	}{
		{"depth 64", parser.Limits{}, `2["x",` + nested(63) + `]`, ""},
		{"depth 65", parser.Limits{}, `2["x",` + nested(64) + `]`, "JSON is nested too deep"},
		{"depth 65 of objects", parser.Limits{}, `2["x",` + strings.Repeat(`{"a":`, 64) + "1", "JSON is nested too deep"},
		{"depth 65 of a connect", parser.Limits{}, "0" + strings.Repeat(`{"a":`, 65) + "1", "JSON is nested too deep"},
		{"depth option", parser.Limits{Depth: 2}, `2["x",[[]]]`, "JSON is nested too deep"},
		{"depth without limit", parser.Limits{Depth: -1}, `2["x",` + nested(9_999) + `]`, ""},
		{"depth of encoding/json", parser.Limits{Depth: -1}, `2["x",` + nested(10_000) + `]`, "JSON is nested too deep"},
		{"many levels one after another", parser.Limits{}, `2["x"` + strings.Repeat(","+nested(63), 100) + `]`, ""},

		{"name of 512 bytes", parser.Limits{}, `2["` + long[:512] + `"]`, ""},
		{"name of 513 bytes", parser.Limits{}, `2["` + long[:513] + `"]`, "event name is too long"},
		{"name of 512 bytes in escapes", parser.Limits{}, `2["` + strings.Repeat(`\u0078`, 512) + `"]`, ""},
		{"name of 513 bytes in escapes", parser.Limits{}, `2["` + strings.Repeat(`\u0078`, 513) + `"]`, "event name is too long"},
		{"numeric name of 513 digits", parser.Limits{}, `2[` + strings.Repeat("1", 513) + `]`, "event name is too long"},
		{"name option", parser.Limits{EventName: 3}, `2["four"]`, "event name is too long"},
		{"name without limit", parser.Limits{EventName: -1}, `2["` + long + `"]`, ""},

		{"namespace of 512 bytes", parser.Limits{}, "0/" + long[:511] + ",", ""},
		{"namespace of 513 bytes", parser.Limits{}, "0/" + long[:512] + ",", "namespace is too long"},
		{"namespace of 512 bytes without comma", parser.Limits{}, "0/" + long[:511], ""},
		{"namespace of 513 bytes without comma", parser.Limits{}, "0/" + long[:512], "namespace is too long"},
		{"namespace option", parser.Limits{Namespace: 4}, "0/nsp?a,", "namespace is too long"},
		{"namespace without limit", parser.Limits{Namespace: -1}, "0/" + long + ",{}", ""},

		{"attachments option", parser.Limits{Attachments: 1}, `52-["x"]`, "too many attachments"},
		{"attachments without limit", parser.Limits{Attachments: -1}, `59999-["x"]`, ""},
		{"attachments past four digits", parser.Limits{Attachments: -1}, `510000-["x"]`, "too many attachments"},
		{"attachments past the wire's limit", parser.Limits{Attachments: 20_000}, `512000-["x"]`, "too many attachments"},
		{"reference past what was announced", parser.Limits{Attachments: -1}, `52-["x",{"_placeholder":true,"num":2}]`, "illegal attachment reference"},
		{"as many references as attachments", parser.Limits{}, `51-["x",` + placeholder + `]`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parser.JSON{}.NewDecoder(c.limits).Add([]byte(c.text), false)
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

// TestDecoder_copies checks that a packet has its own copy of the payload, without capacity behind it.
func TestDecoder_copies(t *testing.T) {
	for size := 90; size < 120; size++ {
		payload := `["x","` + strings.Repeat("s", size-8) + `"]`
		message := []byte("2" + payload)
		p, err := parser.JSON{}.NewDecoder(parser.Limits{}).Add(message, false)
		if err != nil {
			t.Fatal(err)
		}
		clear(message)
		if string(p.Data) != payload || cap(p.Data) != len(p.Data) {
			t.Errorf("%d bytes: %q, capacity %d", size, p.Data, cap(p.Data))
		}
	}
}

func TestDecoder_AttachmentBytes(t *testing.T) {
	header := []byte(`52-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
	for _, c := range []struct {
		name    string
		limit   int
		sizes   []int
		refused int // which of them; -1 for none
	}{
		{"default, exactly", 0, []int{3_999_999, 1}, -1},
		{"default, one more", 0, []int{3_999_999, 2}, 1},
		{"default, the first alone", 0, []int{4_000_001}, 0},
		{"option", 10, []int{4, 7}, 1},
		{"none", -1, []int{1_000_000, 1_000_000}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dec := parser.JSON{}.NewDecoder(parser.Limits{AttachmentBytes: c.limit})
			if _, err := dec.Add(header, false); err != nil {
				t.Fatal(err)
			}
			for i, n := range c.sizes {
				_, err := dec.Add(make([]byte, n), true)
				if (err != nil) != (i == c.refused) {
					t.Fatalf("attachment %d: %v", i, err)
				}
			}
			if dec.Waiting() {
				t.Error("still waiting")
			}
		})
	}
}

// An error discards the incomplete packet.
func TestDecoder_ErrorResets(t *testing.T) {
	dec := parser.JSON{}.NewDecoder(parser.Limits{})
	if _, err := dec.Add([]byte(`52-["x"]`), false); err != nil || !dec.Waiting() {
		t.Fatal(err, dec.Waiting())
	}
	if _, err := dec.Add([]byte(`2["y"]`), false); err == nil || dec.Waiting() {
		t.Fatal(err, dec.Waiting())
	}
	if p, err := dec.Add([]byte(`2["z"]`), false); err != nil || show(p) != `2 / - ["z"]` {
		t.Fatal(show(p), err)
	}
}

// Errors are logged and must not contain text that a peer has sent.
func TestSyntaxError_RepeatsNothing(t *testing.T) {
	for _, text := range []string{`2["secret`, `2["secret",secret]`, `0"secret"`, `secret`, `2["connect","secret"]`, `51-["x",{"_placeholder":true,"num":"secret"}]`} {
		_, err := parser.JSON{}.NewDecoder(parser.Limits{}).Add([]byte(text), false)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// checkJSON compares the decoder's JSON check with encoding/json. Both must accept the same texts.
func checkJSON(t *testing.T, text []byte) {
	t.Helper()
	dec := parser.JSON{}.NewDecoder(parser.Limits{Depth: -1, EventName: -1})
	message := append(append([]byte(`31[`), text...), ']')
	_, err := dec.Add(message, false)
	if want := utf8.Valid(message) && json.Valid(message[2:]); want != (err == nil) {
		t.Errorf("%q: encoding/json says %v, the decoder %v", text, want, err)
	}
}

func TestDecoder_JSONAgreesWithEncodingJSON(t *testing.T) {
	for _, text := range []string{
		"", " ", ",", "1,", ",1", "1 2", "[", "]", "[[]", "{}", "{,}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1,"b"}`, `{"a":1 "b":2}`,
		`{"a":{"b":[{}]}}`, `{"a":[}`, `[{]`, `{1:2}`, `{null:1}`, `{"a"::1}`, `"`, `"\"`, `"\\"`, `"\u12"`, `"\u12G4"`, `"\uABcd"`, `"\U0041"`,
		"\"\x1f\"", "\"\x7f\"", "\"tab\t\"", "\"12345678\x1f\"", `"1234567\"`, `"12345678\"9"`, "\"\u2028\"", "\"1234567\xff\"", "\xff",
		"0", "-0", "00", "-", "+1", "1.", ".1", "1.0", "1e1", "1E+1", "1e-1", "1e", "1e+", "1.e1", "1.5e5.5", "0x1", "1_0", "Infinity", "NaN",
		"true", "tru", "truee", "True", "false", "null", "nulls", "nul", "undefined", "//x\n1", "'a'", "\ufeff1", "\v1", "\f1", "\u00a01", "[1]2", "{}{}",
	} {
		checkJSON(t, []byte(text))
	}
	// A special byte at every position in and around a word of eight bytes.
	for i := range 20 {
		for _, c := range []byte{'"', '\\', 0, 0x1f, 0x20, 0x7f, 0x80} {
			b := []byte(`"` + strings.Repeat("a", 20) + `"`)
			b[1+i] = c
			checkJSON(t, b)
		}
	}
}
