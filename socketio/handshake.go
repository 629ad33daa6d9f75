package socketio

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/payload"
)

// Handshake is what a socket's client said of itself when it connected. Immutable.
type Handshake struct {
	// Auth is the payload with which the client joined the namespace: a JSON object, or nil. From a client of Socket.IO 2
	// it is the query behind the namespace's name, with a string for each name.
	Auth json.RawMessage

	request *engineio.Request
}

// ScanAuth decodes the auth payload into v, by the rules of encoding/json. Without a payload v is left as it is. The
// error is an *event.Error with code Invalid, fit to be returned by a middleware.
func (h *Handshake) ScanAuth(v any) error {
	if h.Auth == nil {
		return nil
	}
	if err := payload.Unmarshal(h.Auth, nil, v); err != nil {
		return &event.Error{Code: event.Invalid, Message: "invalid auth payload: " + err.Error()}
	}
	return nil
}

// Header expands the headers of the connection's first request. Each call makes a new map.
func (h *Handshake) Header() http.Header { return h.request.Header() }

// Query parses the query of the connection's first request, with one value for each name. Each call makes a new map.
func (h *Handshake) Query() url.Values { return h.request.Query() }

// URL is the target of the connection's first request.
func (h *Handshake) URL() string { return h.request.URL }

// Address is the client's IP address: that of the peer or, when this is one of Options.TrustedProxies, the nearest one in
// X-Forwarded-For that is not.
func (h *Handshake) Address() string { return h.request.Address }

// RemoteAddr is the address and port of the peer: the client, or the last proxy before the server.
func (h *Handshake) RemoteAddr() string { return h.request.RemoteAddr }

// Secure reports whether the connection came over TLS to this server.
func (h *Handshake) Secure() bool { return h.request.Secure }

// CrossDomain reports whether the first request named an origin, as browsers do on requests to other sites.
func (h *Handshake) CrossDomain() bool { return h.request.Header().Get("Origin") != "" }

// Time is when the connection was opened.
func (h *Handshake) Time() time.Time { return h.request.Time }

// marshal encodes the handshake as the reference server shows it to other nodes.
func (h *Handshake) marshal() json.RawMessage {
	headers := map[string]string{"host": h.request.Host}
	for name, values := range h.Header() {
		separator := ", "
		if name == "Cookie" {
			separator = "; "
		}
		headers[strings.ToLower(name)] = strings.Join(values, separator)
	}
	query := map[string]string{}
	for name := range h.Query() {
		query[name] = h.Query().Get(name)
	}
	auth := h.Auth
	if auth == nil {
		auth = json.RawMessage("{}")
	}
	data, err := payload.MarshalValue(struct {
		Headers     map[string]string `json:"headers"`
		Time        string            `json:"time"`
		Address     string            `json:"address"`
		CrossDomain bool              `json:"xdomain"`
		Secure      bool              `json:"secure"`
		Issued      int64             `json:"issued"`
		URL         string            `json:"url"`
		Query       map[string]string `json:"query"`
		Auth        json.RawMessage   `json:"auth"`
	}{
		headers, h.Time().UTC().Format("Mon Jan 02 2006 15:04:05 GMT-0700 (Coordinated Universal Time)"),
		h.Address(), h.CrossDomain(), h.Secure(), h.Time().UnixMilli(), h.URL(), query, auth,
	})
	if err != nil { // text and validated JSON: it cannot fail
		return json.RawMessage("{}")
	}
	return data
}
