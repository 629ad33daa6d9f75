package socketio

import (
	"fmt"

	"github.com/parleyio/parley/engineio"
)

// Reason says why a socket has disconnected. OnDisconnect, [DisconnectError] and [Stats] have it. The texts are those of
// the reference server, which has no SlowConsumer.
type Reason string

// All reasons. The official client reconnects, except after the reasons whose comment says "stays away". With
// Options.Recovery it can then get its session back, unless the comment says that the session is not kept.
const (
	// ClientDisconnect: the client left the namespace. It stays away, and its session is not kept.
	ClientDisconnect Reason = "client namespace disconnect"
	// ServerDisconnect: the server called Socket.Disconnect, or OnConnection returned an error. The client stays away, and its
	// session is not kept.
	ServerDisconnect Reason = "server namespace disconnect"
	// ShuttingDown: the server was shut down.
	ShuttingDown Reason = "server shutting down"

	// TransportClose: the client closed the connection, or it was lost.
	TransportClose = Reason(engineio.TransportClose)
	// TransportError: reading or writing failed, or the client broke a rule of its transport.
	TransportError = Reason(engineio.TransportError)
	// ForcedClose: the server closed the connection, because a packet was out of place for instance.
	ForcedClose = Reason(engineio.ForcedClose)
	// PingTimeout: the client did not answer the heartbeat in time.
	PingTimeout = Reason(engineio.PingTimeout)
	// ParseError: the client sent a packet that does not decode. Its session is not kept.
	ParseError = Reason(engineio.ParseError)
	// SlowConsumer: the client did not read fast enough and its send queue ran full; see Options.SlowConsumer.
	SlowConsumer = Reason(engineio.SlowConsumer)
)

// reasonCount is the number of reasons.
const reasonCount = 9

// reasons lists them in the order of the counters.
func reasons() [reasonCount]Reason {
	return [...]Reason{
		ClientDisconnect, ServerDisconnect, ShuttingDown,
		TransportClose, TransportError, ForcedClose, PingTimeout, ParseError, SlowConsumer,
	}
}

// recoverable reports whether a disconnect for this reason leaves a session behind: the connection was lost, and nobody
// meant the socket to end.
func (r Reason) recoverable() bool {
	switch r {
	case ClientDisconnect, ServerDisconnect, ParseError:
		return false
	}
	return true
}

// DisconnectError says why a socket has disconnected. Socket.Err returns it, and it is the cause of a handler's
// cancelled context: code that gets it stops working for the socket.
type DisconnectError struct {
	// Reason is what OnDisconnect receives.
	Reason Reason

	// Err says more where there is more to say: what was wrong with a packet, how the transport failed, or which limit was
	// exceeded and which option sets it. It is nil otherwise. Its text is for logs and may change.
	Err error
}

// Error implements error.
func (e *DisconnectError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("socketio: disconnected: %s", e.Reason)
	}
	return fmt.Sprintf("socketio: disconnected: %s: %v", e.Reason, e.Err)
}

// Unwrap returns Err.
func (e *DisconnectError) Unwrap() error { return e.Err }
