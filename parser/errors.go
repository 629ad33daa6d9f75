package parser

import (
	"errors"
	"strconv"

	"github.com/parleyio/parley/internal/payload"
)

var (
	// ErrReservedEvent is the error of an event to send whose name only the protocol itself may use: connect, connect_error,
	// disconnect, disconnecting, newListener and removeListener. Choose another name.
	ErrReservedEvent = payload.ErrReservedEvent

	// ErrForgedPlaceholder is the error of an event or an acknowledgement to send when it has binary values and holds an
	// object with "_placeholder": true that none of them stands behind. Every receiver would take it for an attachment.
	ErrForgedPlaceholder = payload.ErrForgedPlaceholder

	// ErrInvalidPacket is returned by [Parser].Encode for a packet that the protocol cannot express.
	ErrInvalidPacket = payload.ErrInvalidPacket
)

// SyntaxError is the error of a message that is no valid packet. The connection that sent it cannot go on: what
// follows would be read out of step.
type SyntaxError struct {
	// Reason says what is wrong. It is a constant text and repeats nothing of the message.
	Reason string

	// Offset is the position in the message, in bytes, at which the error was found.
	Offset int
}

func (e *SyntaxError) Error() string {
	return "parser: " + e.Reason + " at byte " + strconv.Itoa(e.Offset)
}

// LimitError is the error of a message that goes beyond one of [Limits]. It unwraps to a [*SyntaxError].
type LimitError struct {
	// Limit is the name of the field of Limits.
	Limit string

	// Err says where.
	Err *SyntaxError
}

func (e *LimitError) Error() string { return e.Err.Error() }

// Unwrap returns the syntax error.
func (e *LimitError) Unwrap() error { return e.Err }

// beyond makes the error of a message that goes beyond a limit.
func beyond(limit, reason string, offset int) error {
	return &LimitError{limit, &SyntaxError{reason, offset}}
}

// ownError makes this package's errors of those of validation.
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
