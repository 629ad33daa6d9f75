package socketio

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is returned when a socket is not, or no longer, connected, and when the server is closed.
	ErrClosed = errors.New("socketio: socket disconnected")

	// ErrQueueFull is returned by Emit when the client does not read fast enough; it is being disconnected.
	ErrQueueFull = errors.New("socketio: send queue full")

	// ErrTooManyRooms is returned by Join beyond Options.MaxRooms.
	ErrTooManyRooms = errors.New("socketio: too many rooms")

	// ErrRoomName is returned by Join for an empty room name and for one longer than Options.MaxRoomName.
	ErrRoomName = errors.New("socketio: invalid room name")

	// ErrTooManyAcks is returned by EmitWithAck when the connection already owes Options.MaxAcks acknowledgements.
	ErrTooManyAcks = errors.New("socketio: too many outstanding acknowledgements")
)

// The reasons of OnDisconnect beside those of package engineio, which are passed on as they are. The strings are those
// of the reference server.
const (
	// ClientDisconnect: the client left the namespace.
	ClientDisconnect = "client namespace disconnect"
	// ServerDisconnect: the server called Socket.Disconnect.
	ServerDisconnect = "server namespace disconnect"
	// ShuttingDown: the server was shut down; the client comes back by itself.
	ShuttingDown = "server shutting down"
)

// DisconnectError says why a socket has disconnected. Socket.Err returns it, and it is the cause of a handler's
// cancelled context.
type DisconnectError struct {
	// Reason is what OnDisconnect is told.
	Reason string

	// Err says more where there is more to say: what was wrong with a packet, or how the transport failed. It is nil
	// otherwise. Its text is for logs and may change.
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
