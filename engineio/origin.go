package engineio

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"unique"
)

// origin is the origin of a page (RFC 6454), in lower case. Two origins are the same if all fields are equal.
type origin struct {
	scheme string
	host   string // an IPv6 address with brackets; empty for schemes without hosts, such as file
	port   string // empty for the default port of the scheme
}

// parseOrigin reads the value of a header Origin. A path, which some clients send, is ignored. It returns false for "null"
// and for text that is not exactly a scheme, a host and a port, such as one with user information.
func parseOrigin(text string) (o origin, ok bool) {
	scheme, rest, found := strings.Cut(strings.ToLower(text), "://")
	if !found || !validScheme(scheme) {
		return o, false
	}
	authority, _, _ := strings.Cut(rest, "/")
	if authority == "" {
		return origin{scheme: scheme}, !isWeb(scheme)
	}
	host, port, ok := splitAuthority(authority, scheme)
	return origin{scheme, host, port}, ok
}

func validScheme(scheme string) bool {
	if scheme == "" || scheme[0] < 'a' || scheme[0] > 'z' {
		return false
	}
	return strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}

// isWeb reports whether pages of a scheme come from servers.
func isWeb(scheme string) bool { return defaultPort(scheme) != "" }

func defaultPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	}
	return ""
}

// splitAuthority splits a host in lower case from its port. The default port of the scheme becomes an empty one.
func splitAuthority(authority, scheme string) (host, port string, ok bool) {
	host = authority
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
		if port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return "", "", false
		}
	}
	if port == defaultPort(scheme) {
		port = ""
	}
	return host, port, validHost(host)
}

func validHost(host string) bool {
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		inner, bracketed = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return bracketed && err == nil && addr.Is6()
	}
	return host != "" && strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-._") == ""
}

// originRule is an entry of CORS.Origins that matches more than one origin.
type originRule struct {
	origin
	label   bool // a label stands in front of the host
	anyPort bool
}

func (r originRule) matches(o origin) bool {
	if o.scheme != r.scheme || o.port != r.port && !r.anyPort {
		return false
	}
	if !r.label {
		return o.host == r.host
	}
	label, ok := strings.CutSuffix(o.host, r.host)
	label, dot := strings.CutSuffix(label, ".")
	return ok && dot && label != "" && !strings.Contains(label, ".")
}

// parseRule reads an entry of CORS.Origins.
func parseRule(text string) (r originRule, err error) {
	scheme, authority, found := strings.Cut(strings.ToLower(text), "://")
	switch {
	case !found || !validScheme(scheme) || authority == "" && isWeb(scheme):
		return r, errors.New(`an origin is a scheme and a host, like "https://app.example.com"`)
	case strings.HasSuffix(authority, "/"):
		return r, errors.New("an origin has no trailing slash: remove it")
	case strings.ContainsAny(authority, "/?#@"):
		return r, errors.New("an origin has no path, query or user")
	}
	authority, r.anyPort = strings.CutSuffix(authority, ":*")
	authority, r.label = strings.CutPrefix(authority, "*.")
	r.scheme = scheme
	if authority == "" && !r.label && !r.anyPort {
		return r, nil
	}
	var ok bool
	if r.host, r.port, ok = splitAuthority(authority, scheme); !ok || r.anyPort && r.port != "" {
		return r, errors.New(`the host or the port is invalid; "*" may be the first label of the host, and the port`)
	}
	return r, nil
}

// originPolicy decides by the CORS options and a request alone. Immutable after construction.
type originPolicy struct {
	cors     CORS
	enabled  bool // CORS headers are written
	wildcard bool
	null     bool
	exact    map[origin]bool
	rules    []originRule
	proxies  proxies
}

func newOriginPolicy(c CORS, proxies proxies) (*originPolicy, error) {
	p := &originPolicy{cors: c, exact: map[origin]bool{}, proxies: proxies}
	p.enabled = c.AllowAnyOrigin || len(c.Origins) > 0 || c.Allow != nil
	for _, entry := range c.Origins {
		switch strings.ToLower(entry) {
		case "*":
			p.wildcard = true
			continue
		case "null":
			p.null = true
			continue
		}
		rule, err := parseRule(entry)
		switch {
		case err != nil:
			return nil, fmt.Errorf("engineio: Options.CORS.Origins has %q: %w", entry, err)
		case rule.label || rule.anyPort:
			p.rules = append(p.rules, rule)
		default:
			p.exact[rule.origin] = true
		}
	}
	return p, nil
}

// allows reports whether the lists or the rule of the same origin allow a request.
func (p *originPolicy) allows(r *http.Request) bool {
	header := r.Header.Get("Origin")
	switch {
	case header == "", p.cors.AllowAnyOrigin, p.wildcard:
		return true
	case r.Header.Get("Sec-Fetch-Site") == "same-origin": // pages cannot set it, and proxies do not change it
		return true
	case header == "null":
		return p.null
	}
	o, ok := parseOrigin(header)
	if !ok {
		return false
	}
	if p.exact[o] || p.sameOrigin(r, o) {
		return true
	}
	for _, rule := range p.rules {
		if rule.matches(o) {
			return true
		}
	}
	return false
}

// asks reports whether the application's function allows a request.
func (p *originPolicy) asks(r *http.Request) bool { return p.cors.Allow != nil && p.cors.Allow(r) }

// sameOrigin compares the origin's host and port with those that the client asked for. It does not compare the scheme,
// because a proxy may terminate TLS.
func (p *originPolicy) sameOrigin(r *http.Request, o origin) bool {
	if !isWeb(o.scheme) {
		return false
	}
	host, port, ok := splitAuthority(strings.ToLower(p.host(r)), o.scheme)
	return ok && host == o.host && port == o.port
}

// host returns the host that the client asked for: X-Forwarded-Host if a trusted proxy sent it, otherwise Host.
func (p *originPolicy) host(r *http.Request) string {
	forwarded := r.Header.Get("X-Forwarded-Host")
	if forwarded == "" || !p.proxies.trusts(parseAddress(r.RemoteAddr)) {
		return r.Host
	}
	return strings.TrimSpace(forwarded[strings.LastIndexByte(forwarded, ',')+1:])
}

// admits reports whether a request's origin may use the server: by the options, or because the session that it names
// belongs to this origin.
func (s *Server) admits(r *http.Request) bool {
	if s.origins.allows(r) {
		return true
	}
	if session := s.session(last(r.URL.Query()["sid"])); session != nil && session.ownedBy(r) {
		return true
	}
	return s.origins.asks(r)
}

// seeOrigin lets the session take the origin of a request that has been admitted. Browsers send an Origin with each POST and
// websocket, so a session that receives one without it does not belong to a page, and takes none from then on.
func (s *Session) seeOrigin(r *http.Request, t served) {
	switch {
	case r.Header.Get("Origin") != "":
		s.ownedBy(r)
	case r.Method == http.MethodPost || t.conns != nil:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.takesOrigin = false
	}
}

// ownedBy reports whether the request has the origin that opened the session. Browsers send no Origin with a GET of a page
// of the same origin, so a session that was opened by polling without one takes the first one that it sees. Those of JSONP
// and EIO3 do not: a page of another origin may know their ids. Nor does a request that the browser calls cross-site count.
func (s *Session) ownedBy(r *http.Request) bool {
	o, ok := parseOrigin(r.Header.Get("Origin"))
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.origin == (unique.Handle[origin]{}) {
		if !s.takesOrigin || r.Method == http.MethodOptions || crossSite(r) {
			return false
		}
		s.origin = unique.Make(o)
	}
	return s.origin.Value() == o
}

// crossSite reports whether the browser says that a request comes from a page of another origin.
func crossSite(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin"
}

// originRefusal returns the option that would allow a refused origin, and the context of the refusal.
func (s *Server) originRefusal(r *http.Request) (option string, context []string) {
	header, forwarded := r.Header.Get("Origin"), r.Header.Get("X-Forwarded-Host")
	context = []string{"name", "INVALID_ORIGIN", "origin", header, "host", r.Host}
	if forwarded != "" {
		context = append(context, "forwardedHost", forwarded)
	}
	option = "CORS.Origins: add the origin if its pages may connect, or make the proxy keep the header Host"
	if forwarded != "" && !s.proxies.trusts(parseAddress(r.RemoteAddr)) {
		option = "TrustedProxies: add the network of the proxy if it sets X-Forwarded-Host; or CORS.Origins"
	}
	return option, context
}
