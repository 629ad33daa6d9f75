package event

import "github.com/parleyio/parley/internal/payload"

// Validator is implemented by payload types that check their values. Validate is called after a payload was decoded: that
// of a handler, of an acknowledgement, or of a client that joins a namespace (socketio.Handshake.ScanAuth). It is called for
// each argument, but not for parts of an argument.
//
// If Validate returns an error, the payload is refused like one that cannot be decoded: the handler is not called, and the
// peer receives an *[Error] with code [Invalid] and the text of the error. To name the field, return an error of
// [InvalidField], or one with a method Field() string in its chain. To choose the code, return an *Error.
//
// See also socketio.Options.ValidatePayload.
type Validator = payload.Validator

// InvalidField returns an error for a Validate method. The field is a path of JSON names, joined by dots.
func InvalidField(field, reason string) error {
	return &payload.ValueError{Field: field, Reason: reason}
}
