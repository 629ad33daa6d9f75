package engineio

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// TestUTF16 counts as JavaScript does, which makes the lengths of payloads.
func TestUTF16(t *testing.T) {
	for _, text := range []string{
		"", "a", "é", "€", "😀", strings.Repeat("é😀", 1000),
		"a😀é€\x00\x7f\u0080\u07ff\u0800\uffff\U00010000\U0010ffff",
	} {
		units := len(utf16.Encode([]rune(text)))
		if got := utf16Length([]byte(text)); got != units {
			t.Errorf("%.20q has %d units, want %d", text, got, units)
		}
		if at, err := utf16Offset([]byte(text+"tail"), units); at != len(text) || err != nil {
			t.Errorf("%.20q ends at %d (%v), want %d", text, at, err, len(text))
		}
		if _, err := utf16Offset([]byte(text), units+1); err != errShort {
			t.Errorf("one unit more than %.20q: %v", text, err)
		}
	}
	if _, err := utf16Offset([]byte("a😀"), 2); err != errSurrogates {
		t.Errorf("half of a character: %v", err)
	}
}

// TestRevision3_empty: a body of no packets has a form too.
func TestRevision3_empty(t *testing.T) {
	if body, binary := (revision3{}).payload(nil, false); string(body) != "0:" || binary {
		t.Errorf("%q", body)
	}
	if packets, err := collect(revision3{}, []byte("0:0:"), false); len(packets) != 0 || err != nil {
		t.Errorf("%+v, %v", packets, err)
	}
}

// FuzzDecodePayloadV3 decodes polling bodies of revision 3, text and binary, and encodes what it finds again.
func FuzzDecodePayloadV3(f *testing.F) {
	for _, seed := range []string{
		"", "0:", "6:4hello", "6:4test16:4test2",
		`17:42["echo","€ü😀"]`, "6:b4AQID6:b4AQI=", "2:4😀", "1:b", "006:4hello", "9:4a", "4\x1e4",
		strings.Repeat("9", 311) + ":4",
	} {
		f.Add([]byte(seed), false)
	}
	for _, seed := range []string{
		"", "\x00\x06\xff4hello",
		"\x00\x04\xff4€\x01\x04\xff\x04\x01\x02\x03", "\x00\x06\xffb4AQID", "\x01\x01\xff\x02", "\x00\x00\xff",
		"\x01\x02\xff\x04", "\x00\x01", "\x02\x01\xff4", "\x00\x0a\xff4", "\x00" + strings.Repeat("\x09", 311) + "\xff4",
	} {
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, binary bool) {
		again := payload3
		if binary {
			again = payload3Binary
		}
		fuzzPayload(t, revision3{}, body, binary, again)
	})
}

// FuzzUnescapeNewlines compares the un-escaping of forms with what the reference does: two replacements.
func FuzzUnescapeNewlines(f *testing.F) {
	for _, seed := range []string{`a\nb`, `a\\nb`, `\\\n`, `\\\\n`, `\n\n\\n`, `\`, `\\`, "n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\n") {
			return
		}
		// Each newline behind no backslash, and then each behind one; the NUL keeps the two apart.
		want := strings.ReplaceAll(text, `\\n`, "\x00")
		want = strings.ReplaceAll(want, `\n`, "\n")
		want = strings.ReplaceAll(want, "\x00", `\n`)
		if got := string(unescapeNewlines([]byte(text))); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	})
}
