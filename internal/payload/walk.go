package payload

// The functions of this file walk JSON that was validated before. For other input their result is undefined, but they do
// not panic and do not read past the end.

// EventName returns the name of an event and the offset behind it, at which [Next] finds the arguments. data is the event's
// validated array. If the name is a number, EventName returns its text. The error is a [*SyntaxError].
func EventName(data []byte) (name string, rest int, err error) {
	raw, next, ok := Next(data, 0)
	if !ok {
		return "", 0, &SyntaxError{"event without a name", 0}
	}
	at := next - len(raw)
	switch c := raw[0]; {
	case c == '"':
		name, err = Unquote(raw)
		if err != nil {
			return "", 0, &SyntaxError{"invalid event name", at}
		}
		return name, next, nil
	case c == '-' || '0' <= c && c <= '9':
		return string(raw), next, nil
	}
	return "", 0, &SyntaxError{"event name is neither a string nor a number", at}
}

// Next returns the next element of a validated array without decoding it, and the offset behind it. Begin with at = 0. ok
// is false behind the last element. The value is a part of data.
//
//	for v, at, ok := payload.Next(data, 0); ok; v, at, ok = payload.Next(data, at) {
//		// v is the JSON text of one element
//	}
func Next(data []byte, at int) (value []byte, next int, ok bool) {
	i := SkipSpace(data, at)
	if i >= len(data) {
		return nil, at, false
	}
	switch {
	case at == 0 && data[i] == '[', at > 0 && data[i] == ',':
		i = SkipSpace(data, i+1)
	default:
		return nil, at, false
	}
	end := skipValue(data, i)
	if end == i || end > len(data) {
		return nil, at, false
	}
	return data[i:end:end], end, true
}

// skipValue returns the offset behind the value that starts at data[i], or i when there is none.
func skipValue(data []byte, i int) int {
	start, depth := i, 0
	for i < len(data) {
		switch c := data[i]; c {
		case '"':
			end := SkipString(data, i)
			if end > len(data) {
				return start
			}
			i = end
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			depth--
			i++
			if depth < 0 {
				return start
			}
		case ',', ':', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return start
			}
			i++
			continue
		default:
			for i < len(data) && !isDelimiter(data[i]) {
				i++
			}
		}
		if depth == 0 {
			return i
		}
	}
	return start
}

// SkipString returns the offset behind the string that opens at data[i], or one past the end when it is not closed.
func SkipString(data []byte, i int) int {
	i++
	for {
		i = SkipPlain(data, i)
		if i >= len(data) {
			return len(data) + 1
		}
		switch data[i] {
		case '"':
			return i + 1
		case '\\':
			i += 2
		default:
			i++
		}
	}
}

func isDelimiter(c byte) bool {
	switch c {
	case ',', ':', ']', '}', '[', '{', '"', ' ', '\t', '\n', '\r':
		return true
	}
	return false
}
