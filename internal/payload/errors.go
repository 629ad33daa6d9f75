package payload

import (
	"errors"
	"strconv"
)

// The errors of encoding. Package parser exports them to applications.
var (
	// ErrReservedEvent is the error of an event name that the protocol reserves; see [Reserved].
	ErrReservedEvent = errors.New("parser: reserved event name")

	// ErrForgedPlaceholder is the error of arguments that hold binary values and also an object with "_placeholder": true
	// that the application supplied.
	ErrForgedPlaceholder = errors.New("parser: an object with _placeholder: true in a packet with attachments")

	// ErrInvalidPacket is the error of more attachments than the protocol can express.
	ErrInvalidPacket = errors.New("parser: invalid packet")

	errNotUTF8        = errors.New("parser: encoded JSON is not valid UTF-8")
	errRawAttachments = errors.New("parser: an argument with attachments cannot be written as plain JSON")
)

// TooDeep is the Reason of a [SyntaxError] for JSON that is nested deeper than the limit.
const TooDeep = "JSON is nested too deep"

// SyntaxError is the error of an invalid text. Package parser converts it to its own type, which has the same fields.
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
	// Field is the path of struct fields from the value to the part that does not fit: their JSON names, joined by dots. It
	// is empty when the value itself does not fit.
	Field string

	// Reason says what was wanted and what was found. It repeats nothing of the value.
	Reason string

	// Err is the error of the destination's UnmarshalJSON or UnmarshalText method, if that was the cause.
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
