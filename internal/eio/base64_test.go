package eio_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parleyio/parley/internal/eio"
)

// TestDecodeBase64 decodes what clients send. What is not refused here is what Node's Buffer.from(text, "base64") reads.
func TestDecodeBase64(t *testing.T) {
	line := strings.Repeat("QUJD", 19) // 76 characters, as in MIME
	for text, want := range map[string]string{
		"":     "",
		"QUJD": "414243",
		// Padding.
		"QQ==": "41", "QQ=": "41", "QQ": "41", "QUI=": "4142", "QUI": "4142", "QUJD====": "414243", "QR==": "41",
		// Alphabets, also both at once.
		"+/+/": "fbffbf", "-_-_": "fbffbf", "+_-/": "fbffbf", "-_8": "fbff", "-_8=": "fbff",
		// Line breaks and blanks.
		"QUJD\n": "414243", "QQ==\n": "41", "QQ\n==": "41", "QQ=\r\n=\r\n": "41", "QUJD\r\nREVG\r\n": "414243444546",
		"\nQUJD": "414243", "Q\nU\rJ\r\nD": "414243", " QU JD ": "414243", "QU\tJD\v\f": "414243", "-_\n-_\n": "fbffbf",
		line + "\n" + line + "\n": strings.Repeat("414243", 38), "\r\n": "", "==": "", " = ": "",
	} {
		data, err := eio.DecodeBase64([]byte(text))
		if err != nil || hex.EncodeToString(data) != want {
			t.Errorf("%q is read as %x, %v; want %s", text, data, err, want)
		}
	}
	for _, text := range []string{
		"*", "****", "Q*Q=", "Q", "QUJDQ", "QUJD\nQ", "QQ==QQ==", "Q=Q=", "=QQ", "QQ==\nQQ==\n", "QUJD\x00", "é", "\ufeffQUJD", "Q\u00a0Q",
	} {
		if data, err := eio.DecodeBase64([]byte(text)); err == nil {
			t.Errorf("%q is read as %x", text, data)
		}
	}
}

// TestDecodeBase64_packets decodes packets of each revision and transport.
func TestDecodeBase64_packets(t *testing.T) {
	const lines = "-_-_\r\nQUI=\n"
	revision3 := "b4" + lines
	revision3 = strconv.Itoa(len(revision3)) + ":" + revision3 + "3:4hi"
	want := describe([]eio.Packet{binary("\xfb\xff\xbfAB"), text("hi")})
	for name, packets := range map[string]func(yield func(eio.Packet, error) bool){
		"a body of revision 4": eio.Revision4{}.Packets([]byte("b"+lines+"\x1e4hi"), false),
		"a body of revision 3": eio.Revision3{}.Packets([]byte(revision3), false),
		"frames of revision 4": texts(eio.Revision4{}, "b"+lines, "4hi"),
		"frames of revision 3": texts(eio.Revision3{}, "b4"+lines, "4hi"),
	} {
		var got []eio.Packet
		for p, err := range packets {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			got = append(got, p)
		}
		if describe(got) != want {
			t.Errorf("%s: %s want %s", name, describe(got), want)
		}
	}
}

// texts decodes text messages of a websocket.
func texts(r eio.Revision, messages ...string) func(yield func(eio.Packet, error) bool) {
	return func(yield func(eio.Packet, error) bool) {
		for _, m := range messages {
			if !yield(r.DecodeText([]byte(m))) {
				return
			}
		}
	}
}

// FuzzDecodeBase64 decodes text at random, and bytes whose base64 is written in some way.
func FuzzDecodeBase64(f *testing.F) {
	for _, seed := range []string{"", "QQ==", "-_8", "QU\r\nJD\n", "Q Q", "Q*Q", "\xff", "é="} {
		f.Add([]byte(seed), uint8(4), uint8(0))
		f.Add([]byte(seed), uint8(76), uint8(7))
	}
	f.Fuzz(func(t *testing.T, data []byte, width, way uint8) {
		before := bytes.Clone(data)
		if got, err := eio.DecodeBase64(data); err == nil {
			if len(got) > base64.RawStdEncoding.DecodedLen(len(data)) || !utf8.Valid(data) {
				t.Errorf("%q is read as %q", data, got)
			}
			plain := strings.NewReplacer("\n", "", "\r", "", " ", "", "\t", "", "\v", "", "\f", "", "=", "", "-", "+", "_", "/").Replace(string(data))
			if want, err := base64.RawStdEncoding.DecodeString(plain); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%q is read as %q, want %q, %v", data, got, want, err)
			}
		}
		if !bytes.Equal(data, before) {
			t.Error("the text has changed")
		}

		encoding := []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding}[way%4]
		gap := []string{"\n", "\r\n", " ", "\t"}[way/4%4]
		encoded := encoding.EncodeToString(data)
		var broken strings.Builder
		for len(encoded) > 0 {
			n := min(int(width)+1, len(encoded))
			broken.WriteString(encoded[:n] + gap)
			encoded = encoded[n:]
		}
		if got, err := eio.DecodeBase64([]byte(broken.String())); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%q is read as %q, %v; want %q", broken.String(), got, err, data)
		}
	})
}
