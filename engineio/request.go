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

// Request is the part of the HTTP request that opened a session which the session keeps. The headers are packed into
// strings, because an idle session would otherwise hold the many small objects of an http.Header. Immutable.
type Request struct {
	// URL is the request's target as the client sent it.
	URL string
	// Host is the value of the header Host.
	Host string
	// Address is the client's IP address: that of the peer or, when the peer is one of Options.TrustedProxies, the last
	// address in X-Forwarded-For that is not a trusted proxy. It is not valid when the peer has no IP address, as on a Unix
	// socket. IPv4 inside IPv6 is converted to IPv4.
	Address netip.Addr
	// RemoteAddr is the address and port of the peer, as in http.Request: the client, or the last proxy before the server.
	RemoteAddr string
	// Secure reports whether this server received the request over TLS.
	Secure bool
	// Time is the time at which the session was opened.
	Time time.Time

	headers headers
}

func newRequest(r *http.Request, address netip.Addr, now time.Time) *Request {
	target := r.RequestURI // unlike r.URL, not changed by http.StripPrefix
	if target == "" {
		target = r.URL.RequestURI()
	}
	return &Request{
		// Copies, because a substring would keep the HTTP server's read buffer in memory.
		URL:        strings.Clone(target),
		Host:       unique.Make(r.Host).Value(),
		Address:    address,
		RemoteAddr: r.RemoteAddr,
		Secure:     r.TLS != nil,
		Time:       now,
		headers:    packHeaders(r.Header),
	}
}

// Header returns the headers of the request. Each call makes a new map.
func (r *Request) Header() http.Header { return r.headers.expand() }

// Query returns the query parameters of the URL. Of a repeated parameter it holds the last value only. Each call makes a
// new map.
func (r *Request) Query() url.Values {
	_, raw, _ := strings.Cut(r.URL, "?")
	values, _ := url.ParseQuery(raw)
	for name, all := range values {
		values[name] = slices.Clone(all[len(all)-1:])
	}
	return values
}

// headers holds packed headers: names and values, each followed by a line feed, which neither can contain. Headers that
// have the same values for many clients are shared by all sessions that have them.
type headers struct {
	alike unique.Handle[string]
	own   string
}

// isAlike reports whether a header has few different values among all clients.
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
	slices.Sort(names) // so that the same headers make the same text
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

// expand returns the headers. Each call makes a new map.
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

// last returns the value of a query parameter. As in the reference, the last one counts.
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}
