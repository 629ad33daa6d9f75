package socketio

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/payload"
)

// Handshake is what a socket's client said of itself when it connected. Immutable.
//
// As JSON it is what socket.handshake is in the reference: an object with headers, time, address, xdomain, secure, issued,
// url, query and auth.
type Handshake struct {
	auth    json.RawMessage // nil if there is none
	request *engineio.Request

	decoding *payload.Decoding // of auth
}

// Auth is the payload with which the client joined the namespace: a JSON object, or nil. From a client of Socket.IO 2 it is
// the query behind the namespace's name, with a string for each name. It must not be changed.
func (h *Handshake) Auth() json.RawMessage { return h.auth }

// ScanAuth decodes the auth payload into v, by the rules of event.Message.Scan, and validates it. Without a payload v is not
// changed. If the payload does not fit, the error is an *event.Error with code Invalid, which a middleware can return.
func (h *Handshake) ScanAuth(v any) error {
	if h.auth == nil {
		return nil
	}
	err := h.decoding.Unmarshal(h.auth, nil, v)
	if err == nil {
		return nil
	}
	if validation := (*payload.ValidationError)(nil); errors.As(err, &validation) {
		if own := (*event.Error)(nil); errors.As(validation, &own) && own != nil {
			return own
		}
	}
	field, reason, ok := payload.Problem(err)
	switch {
	case !ok:
		return fmt.Errorf("socketio: decoding the auth payload: %w", err)
	case field != "":
		reason = "field " + strconv.Quote(field) + ": " + reason
	}
	return &event.Error{Code: event.Invalid, Message: "invalid auth payload: " + reason}
}

// Header expands the headers of the connection's first request. Each call makes a new map.
func (h *Handshake) Header() http.Header { return h.request.Header() }

// Query parses the query of the connection's first request, with one value for each name. Each call makes a new map.
func (h *Handshake) Query() url.Values { return h.request.Query() }

// URL is the target of the connection's first request.
func (h *Handshake) URL() string { return h.request.URL }

// Address is the client's IP address: that of the peer or, when this is one of Options.TrustedProxies, the nearest one in
// X-Forwarded-For that is not. It is not valid when the peer has none, as on a Unix socket. IPv4 inside IPv6 is IPv4.
func (h *Handshake) Address() netip.Addr { return h.request.Address }

// RemoteAddr is the address and port of the peer as net/http gives it: the client, or the last proxy before the server.
func (h *Handshake) RemoteAddr() string { return h.request.RemoteAddr }

// Secure reports whether the connection came over TLS to this server.
func (h *Handshake) Secure() bool { return h.request.Secure }

// CrossDomain reports whether the first request named an origin, as browsers do on requests to other sites.
func (h *Handshake) CrossDomain() bool { return h.request.Header().Get("Origin") != "" }

// Time is when the connection was opened.
func (h *Handshake) Time() time.Time { return h.request.Time }

// MarshalJSON encodes the handshake as the reference does, except that of a repeated parameter of the query the last value
// counts, and that IPv4 inside IPv6 is IPv4.
func (h Handshake) MarshalJSON() ([]byte, error) {
	query := map[string]string{}
	for name, values := range h.Query() {
		query[name] = values[0]
	}
	auth, address := h.auth, ""
	if auth == nil {
		auth = json.RawMessage("{}")
	}
	if h.Address().IsValid() {
		address = h.Address().String()
	}
	return payload.MarshalValue(struct {
		Headers     map[string]string `json:"headers"`
		Time        string            `json:"time"`
		Address     string            `json:"address,omitempty"`
		CrossDomain bool              `json:"xdomain"`
		Secure      bool              `json:"secure"`
		Issued      int64             `json:"issued"`
		URL         string            `json:"url"`
		Query       map[string]string `json:"query"`
		Auth        json.RawMessage   `json:"auth"`
	}{
		h.nodeHeaders(), h.Time().UTC().Format("Mon Jan 02 2006 15:04:05 GMT-0700 (Coordinated Universal Time)"),
		address, h.CrossDomain(), h.Secure(), h.Time().UnixMilli(), h.URL(), query, auth,
	})
}

// nodeHeaders returns the headers as Node's HTTP server gives them: with small letters, and in one string each.
func (h *Handshake) nodeHeaders() map[string]string {
	headers := map[string]string{"host": h.request.Host}
	for name, values := range h.Header() {
		switch name {
		case "Cookie":
			headers["cookie"] = strings.Join(values, "; ")
		case "Age", "Authorization", "Content-Length", "Content-Type", "Etag", "Expires", "From", "If-Modified-Since",
			"If-Unmodified-Since", "Last-Modified", "Location", "Max-Forwards", "Proxy-Authorization", "Referer", "Retry-After",
			"Server", "User-Agent": // of which there can be only one
			headers[strings.ToLower(name)] = values[0]
		default:
			headers[strings.ToLower(name)] = strings.Join(values, ", ")
		}
	}
	return headers
}
