package engineio

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/parleyio/parley/internal/websocket"
)

// shuttingDown is the answer to a handshake during Shutdown.
const shuttingDown = "shutting down"

// unavailable answers a handshake that may succeed after so many seconds, here or at another server: the client tries
// again.
func (s *Server) unavailable(w http.ResponseWriter, why, retryAfter string) {
	h := w.Header()
	h.Set("Connection", "close")
	h.Set("Retry-After", retryAfter)
	http.Error(w, why, http.StatusServiceUnavailable)
}

// refuse answers a request that is not served. On an upgrade the answer is bare text and the connection is closed; it is
// never 101. An empty message means the code's own. The context is names and values by turns.
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

// Reject answers a request that a middleware does not let pass: 400 with the code of BadRequest, as bare text when the
// client wants a websocket. The cause is not sent to the client; Options.OnConnectionError receives it, with the context "name"
// MIDDLEWARE_FAILURE and "error", the text of err.
func (s *Server) Reject(w http.ResponseWriter, r *http.Request, err error) {
	s.refuse(w, r, BadRequest, "", "name", "MIDDLEWARE_FAILURE", "error", err.Error())
}
