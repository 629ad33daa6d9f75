package eio

import (
	"strings"
	"testing"
	"unicode/utf16"
)

// TestUTF16 counts UTF-16 code units like JavaScript, which writes the lengths in payloads.
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

// TestRevision3_empty checks the body without packets.
func TestRevision3_empty(t *testing.T) {
	if body := Payload3.Join(0, nil); string(body) != "0:" {
		t.Errorf("%q", body)
	}
	if packets, err := collect(Revision3{}, []byte("0:0:"), false); len(packets) != 0 || err != nil {
		t.Errorf("%+v, %v", packets, err)
	}
}

// FuzzDecodePayloadV3 decodes text and binary polling bodies of revision 3 and encodes the packets again.
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
		again := Payload3
		if binary {
			again = Payload3Binary
		}
		fuzzPayload(t, Revision3{}, body, binary, again)
	})
}
