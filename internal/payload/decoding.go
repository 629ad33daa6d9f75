package payload

import (
	"errors"
	"reflect"
)

// Decoding decodes the values of peers. It is stricter than encoding/json: keys must match the names in json tags exactly, and
// null is only a value of types that have a nil, and of types with an UnmarshalJSON or UnmarshalText method other than
// time.Time. Decoded values are validated. The zero value and nil are valid.
type Decoding struct {
	// RefuseUnknownKeys makes keys without a field an error. Otherwise they are ignored.
	RefuseUnknownKeys bool

	// Ignored are keys of the outermost object that are never an error.
	Ignored []string

	// Validate is called with a pointer to each decoded struct, after the struct's own Validate method. Nil means that only
	// that method is called.
	Validate func(any) error
}

// Validator is implemented by types that check their values after decoding.
type Validator interface{ Validate() error }

var validatorType = reflect.TypeFor[Validator]()

// ValidationError is returned by [Decoding.Unmarshal] when a decoded value is not valid.
type ValidationError struct {
	// Err is the error of the Validate method or function.
	Err error
}

// Error implements error.
func (e *ValidationError) Error() string { return e.Err.Error() }

// Unwrap returns the error of the Validate method or function.
func (e *ValidationError) Unwrap() error { return e.Err }

// Problem says what is wrong with a peer's value: the field, if it is known, and the reason. ok is false for other errors.
// The field of a validation error is the result of the method Field() string of an error in its chain.
func Problem(err error) (field, reason string, ok bool) {
	if e := (*ValidationError)(nil); errors.As(err, &e) {
		var named interface {
			error
			Field() string
		}
		if errors.As(e.Err, &named) {
			field = named.Field()
		}
		if inner := (*ValueError)(nil); errors.As(e.Err, &inner) {
			return inner.Field, inner.Reason, true
		}
		return field, e.Err.Error(), true
	}
	if e := (*ValueError)(nil); errors.As(err, &e) {
		return e.Field, e.Reason, true
	}
	return "", "", false
}

// Unmarshal is like the function [Unmarshal], with the rules of d. An error is also a [*ValidationError].
func (d *Decoding) Unmarshal(data []byte, attachments [][]byte, dst any) error {
	if d == nil {
		d = &Decoding{}
	}
	if quick(data, dst) {
		return nil
	}
	t := reflect.TypeOf(dst)
	if t == nil || t.Kind() != reflect.Pointer || t == rawPointer {
		return Unmarshal(data, attachments, dst)
	}
	info := infoOf(t.Elem())
	if err := unmarshalInto(data, attachments, dst, info.shape, d); err != nil {
		return err
	}
	if !info.validates && (d.Validate == nil || !info.structure) {
		return nil
	}
	if err := d.validate(reflect.ValueOf(dst)); err != nil {
		return &ValidationError{err}
	}
	return nil
}

// validate validates the value behind a pointer, or behind several. A nil pointer is not validated.
func (d *Decoding) validate(v reflect.Value) error {
	for v.Elem().Kind() == reflect.Pointer {
		if v = v.Elem(); v.IsNil() {
			return nil
		}
	}
	if own, ok := v.Interface().(Validator); ok {
		if err := own.Validate(); err != nil {
			return err
		}
	}
	if d.Validate != nil && v.Elem().Kind() == reflect.Struct {
		return d.Validate(v.Interface())
	}
	return nil
}
