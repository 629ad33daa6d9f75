package payload

import "encoding/binary"

// Validate checks the JSON value (RFC 8259) at data[at] and returns the offset behind it. Arrays and objects may be nested
// maxDepth deep. Validate scans forward without recursion; its state is one bit for each open array or object. It does not
// check UTF-8 inside strings. The error is a [*SyntaxError].
func Validate(data []byte, at, maxDepth int) (end int, err error) {
	var (
		few   [1]uint64
		open  = few[:] // bit d: the value open at depth d is an object
		depth = 0
		i     = at
		key   = false // the next token must be an object's key
	)
	inObject := func() bool { return open[(depth-1)>>6]&(1<<((depth-1)&63)) != 0 }
	for {
		i = SkipSpace(data, i)
		if i >= len(data) {
			return 0, &SyntaxError{"unexpected end of JSON", i}
		}
		if key {
			if data[i] != '"' {
				return 0, &SyntaxError{"invalid JSON: a key must be a string", i}
			}
			if i, err = scanString(data, i); err != nil {
				return 0, err
			}
			i = SkipSpace(data, i)
			if i >= len(data) || data[i] != ':' {
				return 0, &SyntaxError{"invalid JSON: no colon behind a key", i}
			}
			i = SkipSpace(data, i+1)
			if i >= len(data) {
				return 0, &SyntaxError{"unexpected end of JSON", i}
			}
			key = false
		}
		switch c := data[i]; c {
		case '{', '[':
			if depth == maxDepth {
				return 0, &SyntaxError{TooDeep, i}
			}
			if depth>>6 == len(open) {
				open = append(open, 0)
			}
			if c == '{' {
				open[depth>>6] |= 1 << (depth & 63)
			} else {
				open[depth>>6] &^= 1 << (depth & 63)
			}
			depth++
			i = SkipSpace(data, i+1)
			if i < len(data) && data[i] == c+2 { // ']' is '[' + 2, and '}' is '{' + 2
				break // empty: closed below
			}
			key = c == '{'
			continue
		case '"':
			i, err = scanString(data, i)
		case 't':
			i, err = ScanWord(data, i, "true")
		case 'f':
			i, err = ScanWord(data, i, "false")
		case 'n':
			i, err = ScanWord(data, i, "null")
		default:
			i, err = ScanNumber(data, i)
		}
		if err != nil {
			return 0, err
		}
		// Behind a value, or before the end of an empty array or object.
		for {
			if depth == 0 {
				return i, nil
			}
			i = SkipSpace(data, i)
			if i >= len(data) {
				return 0, &SyntaxError{"unexpected end of JSON", i}
			}
			object := inObject()
			if c := data[i]; c == '}' && object || c == ']' && !object {
				depth--
				i++
				continue
			} else if c != ',' {
				return 0, &SyntaxError{"invalid JSON: neither a comma nor an end behind a value", i}
			}
			i++
			key = object
			break
		}
	}
}

// SkipSpace returns the offset of the first byte that is no white space.
func SkipSpace(data []byte, i int) int {
	for i < len(data) && data[i] <= ' ' {
		switch data[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// scanString checks the string that opens at data[i] and returns the offset behind its closing quote.
func scanString(data []byte, i int) (int, error) {
	i++
	for {
		i = SkipPlain(data, i)
		if i >= len(data) {
			return 0, &SyntaxError{"unexpected end of a JSON string", i}
		}
		switch data[i] {
		case '"':
			return i + 1, nil
		case '\\':
			if i+1 >= len(data) {
				return 0, &SyntaxError{"unexpected end of a JSON string", i}
			}
			switch data[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				if len(data)-i < 6 || !isHex(data[i+2]) || !isHex(data[i+3]) || !isHex(data[i+4]) || !isHex(data[i+5]) {
					return 0, &SyntaxError{"invalid escape in a JSON string", i}
				}
				i += 6
			default:
				return 0, &SyntaxError{"invalid escape in a JSON string", i}
			}
		default:
			return 0, &SyntaxError{"control character in a JSON string", i}
		}
	}
}

// SkipPlain returns the offset of the first byte that is a quote, a backslash or a control character.
func SkipPlain(data []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	// Eight bytes at a time, because chat and live data consist mostly of long strings.
	for len(data)-i >= 8 {
		x := binary.LittleEndian.Uint64(data[i:])
		quote, slash := x^(ones*'"'), x^(ones*'\\')
		// Test for a zero byte and for a byte below 0x20. False positives occur only behind a true positive.
		if ((quote-ones)&^quote|(slash-ones)&^slash|(x-ones*' ')&^x)&highs != 0 {
			break
		}
		i += 8
	}
	for i < len(data) && data[i] != '"' && data[i] != '\\' && data[i] >= ' ' {
		i++
	}
	return i
}

// ScanWord checks that data[i] starts with the word and returns the offset behind it. The error is a [*SyntaxError].
func ScanWord(data []byte, i int, word string) (int, error) {
	if len(data)-i < len(word) || string(data[i:i+len(word)]) != word {
		return 0, &SyntaxError{"invalid JSON", i}
	}
	return i + len(word), nil
}

// ScanNumber checks the number at data[i] (RFC 8259, section 6) and returns the offset behind it. The error is a
// [*SyntaxError].
func ScanNumber(data []byte, i int) (int, error) {
	start := i
	if i < len(data) && data[i] == '-' {
		i++
	}
	switch {
	case i < len(data) && data[i] == '0':
		i++
	case i < len(data) && '1' <= data[i] && data[i] <= '9':
		i = SkipDigits(data, i)
	default:
		return 0, &SyntaxError{"invalid JSON", start}
	}
	if i < len(data) && data[i] == '.' {
		end := SkipDigits(data, i+1)
		if end == i+1 {
			return 0, &SyntaxError{"invalid JSON number", end}
		}
		i = end
	}
	if i < len(data) && (data[i] == 'e' || data[i] == 'E') {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		end := SkipDigits(data, i)
		if end == i {
			return 0, &SyntaxError{"invalid JSON number", end}
		}
		i = end
	}
	return i, nil
}

// SkipDigits returns the offset of the first byte that is no decimal digit.
func SkipDigits(data []byte, i int) int {
	for i < len(data) && '0' <= data[i] && data[i] <= '9' {
		i++
	}
	return i
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
