package engineio

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/parleyio/parley/internal/errs"
)

// Reason is the reason for which a session ended. The strings are those of the protocol's reference server.
type Reason string

// The reasons of Handler.Close.
const (
	// TransportClose: the client closed the connection, or the connection was lost.
	TransportClose Reason = "transport close"
	// TransportError: reading or writing failed, or the client broke a rule of its transport.
	TransportError Reason = "transport error"
	// ForcedClose: the server closed the session.
	ForcedClose Reason = "forced close"
	// PingTimeout: the client did not answer the heartbeat in time.
	PingTimeout Reason = "ping timeout"
	// ParseError: the client sent a packet that does not decode.
	ParseError Reason = "parse error"
	// SlowConsumer: the client did not read fast enough and its send queue ran full.
	SlowConsumer Reason = "slow consumer"
)

var (
	// ErrClosed is returned by Send when the session is closing or closed. It is socketio.ErrClosed too.
	ErrClosed = errs.ErrClosed

	// ErrQueueFull is returned by Send when the message did not fit the send queue. The session is closed with the
	// reason SlowConsumer. It is socketio.ErrQueueFull too.
	ErrQueueFull = errs.ErrQueueFull

	// ErrDropped is returned by Send when it dropped a volatile message because the connection could not take it at once,
	// or an expendable message because it did not fit the send queue. The session stays open.
	ErrDropped = errors.New("engineio: message dropped")
)

// Code is the error code in the answer to a refused request (engine.io-protocol, "HTTP long-polling": error codes).
type Code int

// The error codes of refused requests.
const (
	TransportUnknown           Code = 0
	SessionUnknown             Code = 1
	BadHandshakeMethod         Code = 2
	BadRequest                 Code = 3
	Forbidden                  Code = 4
	UnsupportedProtocolVersion Code = 5
)

// String returns the code's message on the wire.
func (c Code) String() string {
	switch c {
	case TransportUnknown:
		return "Transport unknown"
	case SessionUnknown:
		return "Session ID unknown"
	case BadHandshakeMethod:
		return "Bad handshake method"
	case BadRequest:
		return "Bad request"
	case Forbidden:
		return "Forbidden"
	case UnsupportedProtocolVersion:
		return "Unsupported protocol version"
	}
	return fmt.Sprintf("code %d", int(c))
}

// status is the HTTP status of a refused plain request.
func (c Code) status() int {
	if c == Forbidden {
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// ConnectionError describes a request that the server refused. Options.OnConnectionError receives it.
type ConnectionError struct {
	// Request is the refused request. It must not be kept after the call.
	Request *http.Request
	// Code is the error code in the answer.
	Code Code
	// Message is the text in the answer.
	Message string
	// Option names the option that changes the refusal, or says what to look at.
	Option string
	// Context describes the cause. "name" is one of INVALID_ORIGIN, TRANSPORT_MISMATCH, PROTOCOL_MISMATCH,
	// TRANSPORT_HANDSHAKE_ERROR, MIDDLEWARE_FAILURE and ID_GENERATION_ERROR. INVALID_ORIGIN comes with "origin", "host" and
	// "forwardedHost", the headers as they were received. The mismatches come with the value in the request and that of the
	// session, under "transport" and "previousTransport" or "protocol" and "previousProtocol". The last two names come with
	// the text of the error under "error". Refusals without a name have the wrong value under "transport", "sid", "method",
	// "message" or "protocol". The same values are logged, except for "sid".
	Context map[string]string
}

// Error implements error.
func (e *ConnectionError) Error() string {
	return fmt.Sprintf("engineio: refused request: %s", e.Message)
}
