package engineio

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// CORS selects the origins that may open sessions in addition to the server's own origin, and the CORS headers of the
// answers. The zero value allows the same origin only and writes no header. Requests without an Origin header are always
// allowed: browsers send the header with each request of a page of another origin.
type CORS struct {
	// Origins are added to the same origin: "https://app.example.com", a pattern for one label such as
	// "https://*.example.com", "null", or "*" for every origin without credentials.
	Origins []string
	// AllowAnyOrigin allows every origin and repeats it in the answer. It is meant for development: together with
	// Credentials, any page that a user visits can act as that user. New logs a warning. False means that the lists decide.
	AllowAnyOrigin bool
	// Credentials allows browsers to send cookies. It is an error together with the origin "*". False means that browsers
	// of other origins send none.
	Credentials bool
	// Methods are the methods in the answer to a preflight. Empty means GET,HEAD,PUT,PATCH,POST,DELETE.
	Methods []string
	// AllowedHeaders are the headers in the answer to a preflight. Empty means those that the browser asks for.
	AllowedHeaders []string
	// ExposedHeaders are the headers of answers that a page of another origin may read. Empty means none.
	ExposedHeaders []string
	// MaxAge is how long a browser may keep the answer to a preflight. Zero means that the browser decides.
	MaxAge time.Duration
}

// originPolicy is CORS in the form that a request is checked against. Immutable after construction.
type originPolicy struct {
	cors     CORS
	enabled  bool
	wildcard bool
	exact    map[string]bool
	patterns []originPattern
	proxies  proxies
}

// originPattern is "prefix*suffix" where the star stands for one label of a host name.
type originPattern struct{ prefix, suffix string }

func newOriginPolicy(c CORS, proxies proxies) (*originPolicy, error) {
	p := &originPolicy{cors: c, enabled: c.AllowAnyOrigin || len(c.Origins) > 0, exact: map[string]bool{}, proxies: proxies}
	for _, origin := range c.Origins {
		origin = strings.ToLower(origin)
		switch prefix, suffix, star := strings.Cut(origin, "*."); {
		case origin == "*":
			p.wildcard = true
		case origin == "null":
			p.exact[origin] = true
		case star && strings.HasSuffix(prefix, "://") && suffix != "" && !strings.Contains(suffix, "*"):
			p.patterns = append(p.patterns, originPattern{prefix, "." + suffix})
		default:
			if err := checkOrigin(origin); err != nil {
				return nil, fmt.Errorf("engineio: Options.CORS.Origins has %q: %w", origin, err)
			}
			p.exact[withoutPort(origin)] = true
		}
	}
	return p, nil
}

// checkOrigin reports what keeps text from being an origin: a scheme, a host and perhaps a port.
func checkOrigin(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("it is not a URL")
	case u.Scheme == "" || u.Host == "":
		return errors.New(`an origin is a scheme and a host, like "https://app.example.com"`)
	case u.Path != "" || u.RawQuery != "" || u.User != nil || strings.Contains(text, "*"):
		return errors.New("an origin has no path, query, user or inner wildcard")
	}
	return nil
}

// allows reports whether the request's origin may use the server.
func (p *originPolicy) allows(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || p.cors.AllowAnyOrigin || p.wildcard {
		return true
	}
	origin = withoutPort(strings.ToLower(origin))
	if p.exact[origin] || p.sameOrigin(r, origin) {
		return true
	}
	for _, pattern := range p.patterns {
		label, ok := strings.CutPrefix(origin, pattern.prefix)
		if !ok {
			continue
		}
		if label, ok = strings.CutSuffix(label, pattern.suffix); ok && label != "" && !strings.ContainsAny(label, "./:@") {
			return true
		}
	}
	return false
}

// sameOrigin compares the origin's host and port with the host that the client asked for. The scheme is not compared: a
// proxy may have ended TLS.
func (p *originPolicy) sameOrigin(r *http.Request, origin string) bool {
	scheme, host, ok := strings.Cut(origin, "://")
	if !ok || host == "" { // "file://" has no host
		return false
	}
	asked := r.Host
	if forwarded := r.Header.Get("X-Forwarded-Host"); forwarded != "" && p.proxies.trusts(parseAddress(r.RemoteAddr)) {
		asked = strings.TrimSpace(forwarded[strings.LastIndexByte(forwarded, ',')+1:])
	}
	return host == strings.TrimSuffix(strings.ToLower(asked), defaultPort(scheme))
}

// withoutPort removes the default port of an origin's scheme, as browsers do.
func withoutPort(origin string) string {
	scheme, host, ok := strings.Cut(origin, "://")
	if !ok {
		return origin
	}
	return scheme + "://" + strings.TrimSuffix(host, defaultPort(scheme))
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return ":443"
	}
	return ":80"
}

// writeHeaders adds the CORS headers of a response to an allowed request.
func (p *originPolicy) writeHeaders(h http.Header, r *http.Request) {
	if !p.enabled {
		return
	}
	if p.wildcard {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		if origin := r.Header.Get("Origin"); origin != "" {
			h.Set("Access-Control-Allow-Origin", origin)
		}
		h.Add("Vary", "Origin")
	}
	if p.cors.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(p.cors.ExposedHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(p.cors.ExposedHeaders, ","))
	}
}

// writePreflight answers an OPTIONS request, after writeHeaders.
func (p *originPolicy) writePreflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	methods := "GET,HEAD,PUT,PATCH,POST,DELETE"
	if len(p.cors.Methods) > 0 {
		methods = strings.Join(p.cors.Methods, ",")
	}
	h.Set("Access-Control-Allow-Methods", methods)
	if len(p.cors.AllowedHeaders) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(p.cors.AllowedHeaders, ","))
	} else {
		vary := "Access-Control-Request-Headers"
		if before := h.Get("Vary"); before != "" {
			vary = before + ", " + vary
		}
		h.Set("Vary", vary)
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			h.Set("Access-Control-Allow-Headers", asked)
		}
	}
	if p.cors.MaxAge > 0 {
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(p.cors.MaxAge/time.Second)))
	}
	w.WriteHeader(http.StatusNoContent) // without the reference's Content-Length, which RFC 9110 forbids here
}
