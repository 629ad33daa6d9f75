package event

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/parleyio/parley/internal/payload"
)

// The codes of the library's own errors. An application may use others.
const (
	Internal    = "internal"     // the handler failed in a way that is not the peer's business
	Invalid     = "invalid"      // the payload does not fit the event's type
	Forbidden   = "forbidden"    // the peer may not do this
	RateLimited = "rate_limited" // the peer has sent too much
	Timeout     = "timeout"      // an answer did not come in time
)

// Error is an error that the peer is told: a handler returns one, and the peer's acknowledgement receives it as
// {"error":{"code":…,"message":…,"data":…}}. [EmitWithAck] returns what a peer answered so as an *Error.
type Error struct {
	// Code is for programs: one of the constants or the application's own.
	Code string `json:"code"`

	// Message is for people.
	Message string `json:"message"`

	// Data is anything else, in a form that can be encoded. Nil is left out. In a received error it is what
	// encoding/json decodes into an any, and a []byte where the peer sent binary.
	Data any `json:"data,omitempty"`
}

// Error returns the code and the message.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code
	}
	return e.Code + ": " + e.Message
}

// AsError returns what a peer may be told of err: the *Error in its chain if there is one, otherwise an error with code
// and message "internal". It is nil for nil.
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

// misfit tells the peer what is wrong with its argument i, counted from 0 here and from 1 there. An error that is not of
// its making stays as it is.
func misfit(i int, err error) error {
	text := "argument " + strconv.Itoa(i+1)
	var v *payload.ValueError
	if !errors.As(err, &v) {
		return fmt.Errorf("event: %s: %w", text, err)
	}
	if v.Field != "" {
		text += ", field " + strconv.Quote(v.Field)
	}
	return &Error{Code: Invalid, Message: text + ": " + v.Reason}
}
