package engineio

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"

	"github.com/parleyio/parley/internal/eio"
)

var errForm = errors.New("engineio: invalid form")

// isJSONP reports whether a polling request comes from a script element: its query has j (engine.io-protocol v3,
// "JSONP").
func (s *Server) isJSONP(r *http.Request) bool { return s.opts.AllowJSONP && r.URL.Query().Has("j") }

// script wraps the body of a poll in a call of the function that the client has registered under the number j, with the
// body as a string. Only the digits of j are used. json.Marshal escapes the characters that could end a line of a script
// or begin an HTML element.
func script(r *http.Request, body []byte) []byte {
	text, _ := json.Marshal(string(body)) // cannot fail for a string
	wrapped := make([]byte, 0, len(text)+16)
	wrapped = append(wrapped, "___eio["...)
	for _, char := range []byte(last(r.URL.Query()["j"])) {
		if char >= '0' && char <= '9' {
			wrapped = append(wrapped, char)
		}
	}
	wrapped = append(wrapped, "]("...)
	wrapped = append(wrapped, text...)
	return append(wrapped, ");"...)
}

// postedForm decodes a POST of a form with one field d. As in the reference, it reads no packets from any other form.
func (s *Session) postedForm(body []byte) iter.Seq2[eio.Packet, error] {
	var field []byte
	found := 0
	for pair := range bytes.SplitSeq(body, []byte{'&'}) {
		if name, value, _ := bytes.Cut(pair, []byte{'='}); string(name) == "d" {
			field = value
			found++
		}
	}
	if found != 1 {
		return func(func(eio.Packet, error) bool) {}
	}
	text, err := url.QueryUnescape(string(field))
	if err != nil {
		return func(yield func(eio.Packet, error) bool) { yield(eio.Packet{}, errForm) }
	}
	return s.revision.Packets(unescapeNewlines([]byte(text)), false)
}

// unescapeNewlines reverses, in place, the escaping with which clients protect newlines, because browsers change newlines
// in forms: a backslash and n stand for a newline, two backslashes and n for a backslash and n.
func unescapeNewlines(text []byte) []byte {
	out := text[:0]
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch {
		case bytes.HasPrefix(rest, []byte(`\\n`)):
			out = append(out, `\n`...)
			i += 2
		case bytes.HasPrefix(rest, []byte(`\n`)):
			out = append(out, '\n')
			i++
		default:
			out = append(out, rest[0])
		}
	}
	return out
}
