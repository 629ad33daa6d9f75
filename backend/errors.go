package backend

import (
	"errors"
	"fmt"
)

// Code says to a program what kind of failure an [Error] is. The same text goes over the wire.
type Code string

const (
	// CodeInvalid means that the input breaks a rule of this package: sending it again cannot help.
	CodeInvalid Code = "invalid"
	// CodeForbidden means that the caller may not do this, for example because it is not a member of the room.
	CodeForbidden Code = "forbidden"
	// CodeNotFound means that what was asked for does not exist.
	CodeNotFound Code = "not_found"
	// CodeFull means that a limit of what is stored has been reached.
	CodeFull Code = "full"
	// CodeInternal means a failure of the backend itself. Its cause is logged and never shown to a client.
	CodeInternal Code = "internal"
)

// Error is a failure that a client may be told about: both its code and its message are meant for the wire.
type Error struct {
	Code Code

	// Message is one sentence for a person. It names the field that is wrong and holds no secret.
	Message string

	// Field is the wire name of the input that is wrong. Empty means that no single field is.
	Field string
}

// Error returns the code and the message.
func (e *Error) Error() string { return fmt.Sprintf("backend: %s: %s", e.Code, e.Message) }

// Invalid returns an [Error] of [CodeInvalid] about one field; its message starts with the field's name.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Message: field + " " + fmt.Sprintf(format, args...), Field: field}
}

// Forbidden returns an [Error] of [CodeForbidden].
func Forbidden(format string, args ...any) *Error {
	return &Error{Code: CodeForbidden, Message: fmt.Sprintf(format, args...)}
}

// NotFound returns an [Error] of [CodeNotFound].
func NotFound(format string, args ...any) *Error {
	return &Error{Code: CodeNotFound, Message: fmt.Sprintf(format, args...)}
}

// Full returns an [Error] of [CodeFull].
func Full(format string, args ...any) *Error {
	return &Error{Code: CodeFull, Message: fmt.Sprintf(format, args...)}
}

// AsError returns what a client may see of err: the *Error in its chain, or else an [Error] of [CodeInternal] that tells
// nothing. It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeInternal, Message: "internal"}
}
