package engineio

import (
	"net/http"
	"slices"
	"strings"
	"unique"
)

// headers is what a session keeps of a request's headers: names and values, each with a line feed behind it, which
// neither can hold. Those that browsers of one kind send alike are kept once for all sessions that have them.
type headers struct {
	alike unique.Handle[string]
	own   string
}

// isAlike reports whether a header has few different values, over all clients together.
func isAlike(name string) bool {
	switch name {
	case "Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Connection", "Content-Type", "Dnt", "Origin",
		"Pragma", "Priority", "Sec-Websocket-Extensions", "Sec-Websocket-Version", "Upgrade", "User-Agent":
		return true
	}
	return strings.HasPrefix(name, "Sec-Fetch-") || strings.HasPrefix(name, "Sec-Ch-Ua")
}

func packHeaders(h http.Header) headers {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names) // the same headers make the same text
	var alike, own strings.Builder
	alikeSize, ownSize := 0, 0
	for _, name := range names {
		size := &ownSize
		if isAlike(name) {
			size = &alikeSize
		}
		for _, value := range h[name] {
			*size += len(name) + 1 + len(value) + 1
		}
	}
	alike.Grow(alikeSize)
	own.Grow(ownSize)
	for _, name := range names {
		packed := &own
		if isAlike(name) {
			packed = &alike
		}
		for _, value := range h[name] {
			packed.WriteString(name)
			packed.WriteByte('\n')
			packed.WriteString(value)
			packed.WriteByte('\n')
		}
	}
	return headers{unique.Make(alike.String()), own.String()}
}

// expand returns the headers as they were. Each call makes a new map.
func (p headers) expand() http.Header {
	h := http.Header{}
	for _, rest := range []string{p.alike.Value(), p.own} {
		for rest != "" {
			var name, value string
			name, rest, _ = strings.Cut(rest, "\n")
			value, rest, _ = strings.Cut(rest, "\n")
			h[name] = append(h[name], value)
		}
	}
	return h
}
