package parser

import (
	"errors"
	"strconv"
)

var (
	// ErrReservedEvent is returned by [MarshalEvent] for a name that only the protocol itself may use; see [ReservedEvent].
	ErrReservedEvent = errors.New("parser: reserved event name")

	// ErrForgedPlaceholder is returned by [MarshalEvent] and [MarshalArgs] when a packet with attachments holds an object
	// with "_placeholder": true that none of its binary values stands behind. Every receiver would take it for an
	// attachment.
	ErrForgedPlaceholder = errors.New("parser: an object with _placeholder: true in a packet with attachments")

	// ErrInvalidPacket is returned by [Parser].Encode for a packet that the protocol cannot express.
	ErrInvalidPacket = errors.New("parser: invalid packet")
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

// ValueError is returned by [Unmarshal] when a value does not fit the destination.
type ValueError struct {
	// Field is the path of struct fields from the value to the part that does not fit, by their names in JSON, joined by
	// dots. It is empty when the value itself does not fit.
	Field string

	// Reason says what was wanted and what was found. It repeats nothing of the value.
	Reason string

	// Err is the cause, when the destination's own UnmarshalJSON or UnmarshalText returned one.
	Err error
}

func (e *ValueError) Error() string {
	if e.Field == "" {
		return "parser: " + e.Reason
	}
	return "parser: field " + strconv.Quote(e.Field) + ": " + e.Reason
}

// Unwrap returns the cause.
func (e *ValueError) Unwrap() error { return e.Err }

var errRawAttachments = errors.New("parser: an argument with attachments has no JSON form of its own")
