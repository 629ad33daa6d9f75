package event

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/parleyio/parley/internal/payload"
)

// The codes of the library's own errors. An application may use others.
const (
	Internal    = "internal"     // the handler failed, and the peer does not receive the details
	Invalid     = "invalid"      // the payload does not fit the event's type
	Forbidden   = "forbidden"    // the peer may not do this
	RateLimited = "rate_limited" // the peer has sent too much
	Timeout     = "timeout"      // an answer did not arrive in time
)

// Error is an error that is sent to the peer. When a handler returns an *Error, the peer's acknowledgement receives
// {"error":{"code":…,"message":…,"data":…}}. When a peer answers in this form, [EmitWithAck] returns an *Error.
type Error struct {
	// Code is for programs: one of the constants of this package, or a code of the application. An acknowledgement always has
	// a code: "internal" if Code is empty. A middleware's refusal of a client has it as data.code, unless it is empty.
	Code string `json:"code,omitempty"`

	// Message is for people.
	Message string `json:"message"`

	// Data holds further details; it must be possible to encode it. Nil is left out. In a received error it is what
	// encoding/json decodes into an any, with a []byte for each binary value.
	Data any `json:"data,omitempty"`
}

// Error returns the code and the message, or the one that is not empty.
func (e *Error) Error() string {
	switch {
	case e.Code == "" && e.Message == "":
		return "event: error without code and message"
	case e.Message == "":
		return e.Code
	case e.Code == "":
		return e.Message
	}
	return e.Code + ": " + e.Message
}

// AsError returns the error that a peer may see for err: the first *Error in its chain, otherwise an *Error with code and
// message "internal". It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) && e != nil {
		return e
	}
	return &Error{Code: Internal, Message: Internal}
}

// misfit returns the error of an argument that could not be decoded. i counts from 0; the text counts from 1. An error that
// the payload did not cause, such as a destination that is not a pointer, stays an ordinary error.
func misfit(i int, err error) error {
	text := "argument " + strconv.Itoa(i+1)
	if validation := (*payload.ValidationError)(nil); errors.As(err, &validation) {
		if own := (*Error)(nil); errors.As(validation, &own) && own != nil {
			return own
		}
	}
	field, reason, ok := payload.Problem(err)
	if !ok {
		return fmt.Errorf("event: %s: %w", text, err)
	}
	if field != "" {
		text += ", field " + strconv.Quote(field)
	}
	return &Error{Code: Invalid, Message: text + ": " + reason}
}
