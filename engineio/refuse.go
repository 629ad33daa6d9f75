package engineio

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"

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
	text := message
	if text == "" {
		text = code.String()
	}
	s.counters.refused[code].Add(1)
	if s.opts.OnConnectionError != nil {
		e := &ConnectionError{Request: r, Code: code, Message: text, Context: map[string]string{}}
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

// Reject refuses a request, for middlewares that do not call the next handler. The answer is 400 with the code BadRequest,
// as plain text when the client requests a websocket. The client does not receive err; Options.OnConnectionError does, in
// the context "error", with the "name" MIDDLEWARE_FAILURE.
func (s *Server) Reject(w http.ResponseWriter, r *http.Request, err error) {
	s.refuse(w, r, BadRequest, "", "name", "MIDDLEWARE_FAILURE", "error", err.Error())
}
