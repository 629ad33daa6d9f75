package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// All calls of encoding/json are in this file, so that it can be replaced.

var (
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	jsonNumber      = reflect.TypeFor[json.Number]()
)

// codec is a JSON encoder with the buffer that it writes to.
type codec struct {
	buf  []byte
	json *json.Encoder
}

func newCodec() *codec {
	c := new(codec)
	c.json = json.NewEncoder(c)
	c.json.SetEscapeHTML(false)
	return c
}

func (c *codec) Write(p []byte) (int, error) {
	c.buf = append(c.buf, p...)
	return len(p), nil
}

// append appends the encoding of v to the buffer.
func (c *codec) append(v any) error {
	start := len(c.buf)
	if err := c.json.Encode(v); err != nil {
		c.buf = c.buf[:start]
		return err
	}
	end := len(c.buf)
	for end > start && c.buf[end-1] == '\n' {
		end--
	}
	c.buf = c.buf[:start+unescape(c.buf[start:end])]
	return nil
}

// unescape replaces, in place, the escapes that encoding/json writes and JSON.stringify does not: the separators U+2028 and
// U+2029, and U+FFFD for invalid UTF-8. It returns the new length.
func unescape(b []byte) int {
	at := bytes.IndexByte(b, '\\')
	if at < 0 || !bytes.Contains(b, []byte(`\u202`)) && !bytes.Contains(b, []byte(`\ufffd`)) {
		return len(b)
	}
	n := at
	for i := at; i < len(b); {
		if b[i] != '\\' || i+1 >= len(b) {
			b[n] = b[i]
			n, i = n+1, i+1
			continue
		}
		if b[i+1] == 'u' && i+6 <= len(b) {
			var char string
			switch string(b[i+2 : i+6]) {
			case "2028":
				char = "\u2028"
			case "2029":
				char = "\u2029"
			case "fffd":
				char = "\ufffd"
			}
			if char != "" {
				n += copy(b[n:], char)
				i += 6
				continue
			}
		}
		// Any other escape, for example an escaped backslash: copy both bytes.
		b[n], b[n+1] = b[i], b[i+1]
		n, i = n+2, i+2
	}
	return n
}

// Unquote decodes a JSON string.
func Unquote(quoted []byte) (string, error) {
	if n := len(quoted); n >= 2 && bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : n-1]), nil
	}
	var s string
	err := json.Unmarshal(quoted, &s)
	return s, err
}

// unmarshal decodes plain JSON. The error is a *ValueError, except for a destination that is not a pointer.
func unmarshal(data []byte, dst any) error {
	err := json.Unmarshal(data, dst)
	if err == nil {
		return nil
	}
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		found, _, _ := strings.Cut(mismatch.Value, " ") // "number 1e99" repeats the value
		return &ValueError{Field: mismatch.Field, Reason: misfit(mismatch.Type, found)}
	}
	var misuse *json.InvalidUnmarshalError
	if errors.As(err, &misuse) {
		return fmt.Errorf("parser: decoding a value: %w", err)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return &ValueError{Reason: "invalid JSON"}
	}
	return &ValueError{Reason: "cannot decode", Err: err}
}

// unmarshalJSON calls the UnmarshalJSON method of u.
func unmarshalJSON(u reflect.Value, data []byte) error {
	return u.Interface().(json.Unmarshaler).UnmarshalJSON(data)
}
