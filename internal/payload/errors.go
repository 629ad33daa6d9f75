package payload

import (
	"errors"
	"strconv"
)

// The errors of encoding have names in package parser, which applications know.
var (
	// ErrReservedEvent is the error of a name that only the protocol itself may use; see [Reserved].
	ErrReservedEvent = errors.New("parser: reserved event name")

	// ErrForgedPlaceholder is the error of arguments with binary values that hold an object with "_placeholder": true
	// which none of these stands behind.
	ErrForgedPlaceholder = errors.New("parser: an object with _placeholder: true in a packet with attachments")

	// ErrInvalidPacket is the error of more attachments than the protocol can express.
	ErrInvalidPacket = errors.New("parser: invalid packet")

	errNotUTF8        = errors.New("parser: encoded JSON is not valid UTF-8")
	errRawAttachments = errors.New("parser: an argument with attachments has no JSON form of its own")
)

// TooDeep is the Reason of a [SyntaxError] for JSON that is nested deeper than the limit.
const TooDeep = "JSON is nested too deep"

// SyntaxError is the error of a text that is not what it should be. Package parser makes its own of it, which has the same
// fields.
type SyntaxError struct {
	// Reason says what is wrong. It is a constant text and repeats nothing of the input.
	Reason string

	// Offset is the position in the text, in bytes, at which the error was found.
	Offset int
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return "parser: " + e.Reason + " at byte " + strconv.Itoa(e.Offset)
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

// Error implements error.
func (e *ValueError) Error() string {
	if e.Field == "" {
		return "parser: " + e.Reason
	}
	return "parser: field " + strconv.Quote(e.Field) + ": " + e.Reason
}

// Unwrap returns the cause.
func (e *ValueError) Unwrap() error { return e.Err }
