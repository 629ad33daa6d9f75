package eio

import (
	"bytes"
	"encoding/base64"
	"errors"
)

var errInvalidBase64 = errors.New("engineio: invalid base64")

// DecodeBase64 reads base64 as clients write it, and the reference reads it: in both alphabets, with line breaks and
// blanks, with or without padding. Java's client breaks lines. Unlike the reference it refuses text that is no base64,
// and does not read a part of it.
func DecodeBase64(text []byte) ([]byte, error) {
	text = bytes.TrimRight(text, "= \t\r\n\v\f")
	if bytes.ContainsAny(text, "-_ \t\v\f") { // the decoder skips line breaks
		text = bytes.Map(standard, text)
	}
	data := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
	n, err := base64.RawStdEncoding.Decode(data, text)
	if err != nil {
		return nil, errInvalidBase64
	}
	return data[:n], nil
}

// standard maps a character to that of the standard alphabet, and blanks to nothing.
func standard(char rune) rune {
	switch char {
	case '-':
		return '+'
	case '_':
		return '/'
	case ' ', '\t', '\v', '\f':
		return -1
	}
	return char
}
