package engineio

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unique"
)

// Request is what a session keeps of the HTTP request that opened it. The headers are packed into strings, so that an
// idle session does not hold the dozen small objects of an http.Header. Immutable.
type Request struct {
	// URL is the request's target as the client sent it.
	URL string
	// Host is the host that the client asked for.
	Host string
	// Address is the client's IP address: that of the peer or, when this is one of Options.TrustedProxies, the nearest one
	// in X-Forwarded-For that is not. It is not valid when the peer has none, as on a Unix socket. IPv4 inside IPv6 is IPv4.
	Address netip.Addr
	// RemoteAddr is the address and port of the peer as net/http gives it: the client, or the last proxy before the server.
	RemoteAddr string
	// Secure tells that the request came over TLS to this server.
	Secure bool
	// Time is when the session was opened.
	Time time.Time

	headers headers
}

func newRequest(r *http.Request, address netip.Addr, now time.Time) *Request {
	target := r.RequestURI // unlike r.URL, not changed by http.StripPrefix
	if target == "" {
		target = r.URL.RequestURI()
	}
	return &Request{
		// One string of its own each: a substring would keep the server's read buffer alive.
		URL:        strings.Clone(target),
		Host:       unique.Make(r.Host).Value(),
		Address:    address,
		RemoteAddr: r.RemoteAddr,
		Secure:     r.TLS != nil,
		Time:       now,
		headers:    packHeaders(r.Header),
	}
}

// Header expands the request's headers. Each call makes a new one.
func (r *Request) Header() http.Header { return r.headers.expand() }

// Query parses the query of the URL. Where a parameter is repeated, the last one wins. Each call makes a new one.
func (r *Request) Query() url.Values {
	_, raw, _ := strings.Cut(r.URL, "?")
	values, _ := url.ParseQuery(raw)
	for name, all := range values {
		values[name] = slices.Clone(all[len(all)-1:])
	}
	return values
}

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

// last returns the value that counts of a query parameter: the last, as in the reference.
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}
