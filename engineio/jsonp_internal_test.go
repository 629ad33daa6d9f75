package engineio

import (
	"strings"
	"testing"
	"unicode/utf8"
)

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
