package parser

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"github.com/parleyio/parley/internal/payload"
)

// The functions of this file convert single values: to JSON as JSON.stringify does, and to MessagePack as JSON.parse and
// the Node parser do together.

// appendText appends s as a JSON string. s must be valid UTF-8.
func appendText(dst, s []byte) []byte {
	dst = append(dst, '"')
	for {
		n := payload.SkipPlain(s, 0)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		dst = payload.AppendEscape(dst, s[n])
		s = s[n+1:]
	}
}

// appendFloat appends a number as ECMAScript's Number::toString writes it.
func appendFloat(dst []byte, f float64) []byte {
	abs := math.Abs(f)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0:
		return append(dst, '0') // -0 as well
	case 1e-6 <= abs && abs < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go writes at least two digits of the exponent: e-07.
	if n := len(dst); dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// appendDate appends a date, given as an int64 of milliseconds since 1970, as Date.prototype.toJSON writes it.
func appendDate(dst, millis []byte) []byte {
	const furthest = 8_640_000_000_000_000 // JavaScript dates end this far before and after 1970
	ms := int64(binary.BigEndian.Uint64(millis))
	if ms < -furthest || ms > furthest {
		return append(dst, "null"...)
	}
	t := time.UnixMilli(ms).UTC()
	if year := t.Year(); year < 0 || year > 9999 {
		dst = fmt.Appendf(dst, `"%+07d`, year)
		return t.AppendFormat(dst, `-01-02T15:04:05.000Z"`)
	}
	return t.AppendFormat(dst, `"2006-01-02T15:04:05.000Z"`)
}

// appendNumber appends a valid JSON number as MessagePack. An integer written in plain digits keeps its value up to 64 bits.
// Any other number gets the value that it has in JavaScript.
func appendNumber(dst, text []byte) []byte {
	negative := text[0] == '-'
	digits := text
	if negative {
		digits = text[1:]
	}
	if payload.SkipDigits(digits, 0) == len(digits) {
		if n, err := strconv.ParseUint(string(digits), 10, 64); err == nil && !negative {
			return msgp.AppendUint64(dst, n)
		} else if err == nil && n <= 1<<63 {
			return msgp.AppendInt64(dst, -int64(n))
		}
	}
	f, _ := strconv.ParseFloat(string(text), 64) // infinite beyond its range, as in JavaScript
	switch {
	case f != math.Trunc(f):
	case 0 <= f && f < 1<<64:
		return msgp.AppendUint64(dst, uint64(f))
	case -1<<63 <= f && f < 0:
		return msgp.AppendInt64(dst, int64(f))
	}
	return msgp.AppendFloat64(dst, f)
}

// appendUnescaped appends the text between the quotes of a valid JSON string, without escapes. A lone surrogate becomes
// U+FFFD.
func appendUnescaped(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 || i+1 >= len(s) {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		c := s[i+1]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, n := unescapeRune(s[i:])
			dst = utf8.AppendRune(dst, r)
			s = s[i+n:]
			continue
		}
		dst = append(dst, c)
		s = s[i+2:]
	}
}

// unescapeRune decodes the escape, or the pair of escapes, at the start of s. n is its length.
func unescapeRune(s []byte) (r rune, n int) {
	r = hexRune(s)
	if !utf16.IsSurrogate(r) {
		return r, min(6, len(s))
	}
	if both := utf16.DecodeRune(r, hexRune(s[6:])); both != utf8.RuneError {
		return both, 12
	}
	return utf8.RuneError, 6
}

// hexRune returns the number in the escape at the start of s, or U+FFFD if s does not start with an escape.
func hexRune(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return utf8.RuneError
	}
	n, err := strconv.ParseUint(string(s[2:6]), 16, 16)
	if err != nil {
		return utf8.RuneError
	}
	return rune(n)
}
