package engineio

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/parleyio/parley/internal/ratelog"
	"github.com/parleyio/parley/internal/websocket"
)

// shuttingDown is the body of the answer to a handshake during Shutdown.
const shuttingDown = "shutting down"

// unavailable answers a handshake with 503. The client may try again after retryAfter seconds.
func (s *Server) unavailable(w http.ResponseWriter, why, retryAfter string) {
	h := w.Header()
	h.Set("Connection", "close")
	h.Set("Retry-After", retryAfter)
	http.Error(w, why, http.StatusServiceUnavailable)
}

// refuse refuses a request. An upgrade is answered with plain text and its connection is closed; the status is never 101.
// An empty message means the text of the code. The context is a list of alternating names and values.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, code Code, message string, context ...string) {
	cause := code.String()
	if len(context) > 1 && context[0] == "name" {
		cause = context[1]
	}
	s.refuseFor(w, r, code, optionOf[cause], message, context...)
}

// refuseFor is refuse with the option that changes the refusal.
func (s *Server) refuseFor(w http.ResponseWriter, r *http.Request, code Code, option, message string, context ...string) {
	text := message
	if text == "" {
		text = code.String()
	}
	s.counters.refused[code].Add(1)
	s.logRefusal(code, text, option, context)
	if s.opts.OnConnectionError != nil {
		e := &ConnectionError{Request: r, Code: code, Message: text, Option: option, Context: map[string]string{}}
		for i := 0; i < len(context); i += 2 {
			e.Context[context[i]] = context[i+1]
		}
		s.opts.OnConnectionError(e)
	}
	h := w.Header()
	if websocket.IsUpgrade(r) {
		for name := range h {
			delete(h, name)
		}
		h.Set("Connection", "close")
		h.Set("Content-Type", "text/html")
		h.Set("Content-Length", strconv.Itoa(len(text)))
		h["Date"] = nil
		if text == websocket.WrongVersion {
			h.Set("Sec-WebSocket-Version", "13")
		}
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, text)
		return
	}
	body, _ := json.Marshal(struct {
		Code    Code   `json:"code"`
		Message string `json:"message"`
	}{code, text})
	h.Set("Content-Type", "application/json")
	w.WriteHeader(code.status())
	w.Write(body)
}

// optionOf says for each cause of a refusal which option changes it, or what to look at.
var optionOf = map[string]string{
	TransportUnknown.String():           "Transports",
	SessionUnknown.String():             "none: the session has ended, or is on another server; with several servers polling needs sticky sessions",
	BadHandshakeMethod.String():         "none: a session begins with GET; look at proxies and redirects that change the method",
	UnsupportedProtocolVersion.String(): "AllowEIO3 serves clients of Socket.IO 2 (EIO=3); others must send EIO=4",
	Forbidden.String():                  "AllowRequest returned this error",
	"TRANSPORT_MISMATCH":                "none: a websocket needs the headers Upgrade and Connection; look at proxies that remove them",
	"PROTOCOL_MISMATCH":                 "none: all requests of a session need the same EIO",
	"TRANSPORT_HANDSHAKE_ERROR":         "none: a websocket needs HTTP/1.1 and the headers Upgrade and Connection; look at proxies that remove them",
	"MIDDLEWARE_FAILURE":                "a middleware of Server.Use returned this error",
	"ID_GENERATION_ERROR":               "GenerateID",
}

// logRefusal logs a refusal, without the id of a session.
func (s *Server) logRefusal(code Code, text, option string, context []string) {
	cause := code.String()
	attrs := []slog.Attr{slog.Int("code", int(code)), ratelog.Text("message", text)}
	for i := 0; i < len(context); i += 2 {
		switch name, value := context[i], context[i+1]; name {
		case "name":
			cause = value
			attrs = append(attrs, slog.String("cause", value))
		case "sid", "message":
		default:
			attrs = append(attrs, ratelog.Text(name, value))
		}
	}
	s.log.Warn(cause, "request refused", append(attrs, slog.String("option", option))...)
}

// Reject refuses a request, for middlewares that do not call the next handler. The answer is 400 with the code BadRequest,
// as plain text when the client requests a websocket. The client does not receive err; Options.OnConnectionError does, in
// the context "error", with the "name" MIDDLEWARE_FAILURE.
func (s *Server) Reject(w http.ResponseWriter, r *http.Request, err error) {
	s.refuse(w, r, BadRequest, "", "name", "MIDDLEWARE_FAILURE", "error", err.Error())
}
