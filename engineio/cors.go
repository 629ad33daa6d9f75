package engineio

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// CORS selects the origins that may open sessions in addition to the server's own origin, and the CORS headers of the
// answers. The zero value allows the same origin only and writes no header. Requests without an Origin header are always
// allowed: browsers send the header with each request by which a page of another origin could read or write a session.
//
// An origin is the server's own if its host and port are those of the header Host, or if the browser says so in the header
// Sec-Fetch-Site. A session accepts the origin that opened it on its later requests, also when a proxy changes Host. A
// session that was opened without an Origin accepts the first one that it receives, unless it was opened by JSONP or EIO3.
//
// When Origins, Allow or AllowAnyOrigin is set, a preflight of an allowed origin is answered 204 with CORS headers. A
// preflight of another origin is refused like any request of it: 403 without CORS headers, on which browsers stop.
type CORS struct {
	// Origins are allowed in addition to the same origin. An entry is a scheme, a host and a port that is not the scheme's
	// default, such as "https://app.example.com", "http://localhost:5173" or "capacitor://localhost". The first label of the
	// host may be "*", as in "https://*.example.com", which matches one label. The port may be "*". "file://" stands for
	// pages from disk in WebViews that send it, "null" for origins that browsers hide, and "*" for every origin, without
	// credentials.
	Origins []string
	// Allow is called for the handshakes and preflights of origins that nothing else allows, by the request's goroutine. If
	// it returns true, the origin may connect; false changes nothing. A preflight has no cookies. The session accepts the
	// origin on its later requests. Nil allows no other origins.
	Allow func(r *http.Request) bool
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
