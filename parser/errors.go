package parser

import (
	"errors"
	"strconv"

	"github.com/parleyio/parley/internal/payload"
)

var (
	// ErrReservedEvent is returned when an event is sent under a name that the protocol reserves: connect, connect_error,
	// disconnect, disconnecting, newListener or removeListener. Choose another name.
	ErrReservedEvent = payload.ErrReservedEvent

	// ErrForgedPlaceholder is returned when an event or acknowledgement with binary values also holds an object with
	// "_placeholder": true that the application supplied. Receivers would read the object as an attachment. Rename the key.
	ErrForgedPlaceholder = payload.ErrForgedPlaceholder

	// ErrExceedsLimit is returned when an event or acknowledgement exceeds a limit beyond which its receivers would close the
	// connection: the number of binary values, the nesting, or the length of the event's name. The text names the limit, which
	// is a field of socketio.Options. Nothing was sent. Send less at once or, if all receivers have a higher limit, raise
	// that field.
	ErrExceedsLimit = payload.ErrExceedsLimit

	// ErrInvalidPacket is returned by [Parser].Encode for a packet that the protocol cannot express.
	ErrInvalidPacket = payload.ErrInvalidPacket
)

// SyntaxError is returned for a message that is not a valid packet. The connection must be closed, because the messages
// that follow could be misread.
type SyntaxError struct {
	// Reason says what is wrong. It is a constant text and repeats nothing of the message.
	Reason string

	// Offset is the position in the message, in bytes, at which the error was found.
	Offset int
}

func (e *SyntaxError) Error() string {
	return "parser: " + e.Reason + " at byte " + strconv.Itoa(e.Offset)
}

// LimitError is returned for a message that exceeds one of the [Limits]. It unwraps to a [*SyntaxError].
type LimitError struct {
	// Limit is the name of the field of Limits.
	Limit string

	// Err has the reason and the offset.
	Err *SyntaxError
}

func (e *LimitError) Error() string { return e.Err.Error() }

// Unwrap returns the syntax error.
func (e *LimitError) Unwrap() error { return e.Err }

// beyond returns the error of a message that exceeds a limit.
func beyond(limit, reason string, offset int) error {
	return &LimitError{limit, &SyntaxError{reason, offset}}
}

// ownError converts an error of payload.Validate to an error of this package.
func ownError(err error) error {
	var bad *payload.SyntaxError
	if !errors.As(err, &bad) {
		return err
	}
	own := (*SyntaxError)(bad)
	if own.Reason == payload.TooDeep {
		return &LimitError{"Depth", own}
	}
	return own
}
