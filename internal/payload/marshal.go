package payload

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"
)

// MarshalEvent encodes an event's name and its arguments: ["name",arg,...]. Binary values are lifted out into
// attachments, copied, so that the caller may go on to use its buffers; see the package documentation. A [Raw] argument
// is passed through.
//
// The JSON is what JSON.stringify writes: no spaces, nothing escaped that need not be. Errors: [ErrReservedEvent],
// [ErrForgedPlaceholder], and whatever keeps a value from being encoded.
func MarshalEvent(name string, args []any) (data []byte, attachments [][]byte, err error) {
	e := encoders.Get().(*encoder)
	defer e.free()
	if err := e.event(name, args); err != nil {
		return nil, nil, err
	}
	return Clone(e.buf), e.attachments, nil
}

// Reserved reports whether an event may not have this name, because clients and servers use it for the life of the
// connection: connect, connect_error, disconnect, disconnecting, newListener, removeListener.
func Reserved(name string) bool {
	switch name {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

// AppendEvent appends what [MarshalEvent] makes to dst: it spares the memory of an event that one connection is sent and
// nobody else sees. With an error dst comes back as it is.
func AppendEvent(dst []byte, name string, args []any) (text []byte, attachments [][]byte, err error) {
	e := encoders.Get().(*encoder)
	defer e.free()
	if err := e.event(name, args); err != nil {
		return dst, nil, err
	}
	return append(dst, e.buf...), e.attachments, nil
}

// MarshalArgs encodes the arguments of an acknowledgement: [arg,...]. It is like [MarshalEvent] otherwise.
func MarshalArgs(args []any) (data []byte, attachments [][]byte, err error) {
	e := encoders.Get().(*encoder)
	defer e.free()
	e.buf = append(e.buf, '[')
	if err := e.finish(args); err != nil {
		return nil, nil, err
	}
	return Clone(e.buf), e.attachments, nil
}

// MarshalValue encodes a value as plain JSON, for the payloads that cannot have attachments (connect, connect_error). A
// []byte becomes a base64 string, as with encoding/json.
func MarshalValue(v any) ([]byte, error) {
	e := encoders.Get().(*encoder)
	defer e.free()
	if err := e.append(v); err != nil {
		return nil, fmt.Errorf("parser: encoding a value: %w", err)
	}
	if !utf8.Valid(e.buf) {
		return nil, errNotUTF8
	}
	return Clone(e.buf), nil
}

// encoder builds one payload.
type encoder struct {
	*codec
	attachments [][]byte
	genuine     []int // where the placeholders stand that attachments stand behind
}

// encoders keeps buffers between payloads: encoding a plain one then costs the allocation of its result alone.
var encoders = sync.Pool{New: func() any { return &encoder{codec: newCodec()} }}

const keptBuffer = 64 << 10 // a larger one is left to the garbage collector

func (e *encoder) free() {
	if cap(e.buf) > keptBuffer {
		return
	}
	e.buf, e.attachments, e.genuine = e.buf[:0], nil, e.genuine[:0]
	encoders.Put(e)
}

// event encodes an event's name and its arguments.
func (e *encoder) event(name string, args []any) error {
	if Reserved(name) {
		return fmt.Errorf("%w: %q", ErrReservedEvent, name)
	}
	e.buf = append(e.buf, '[')
	e.buf = appendString(e.buf, name)
	if len(args) > 0 {
		e.buf = append(e.buf, ',')
	}
	return e.finish(args)
}

// finish encodes the arguments and the end of the array.
func (e *encoder) finish(args []any) error {
	for i, arg := range args {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		if err := e.value(arg, 0); err != nil {
			return fmt.Errorf("parser: encoding argument %d: %w", i+1, err)
		}
	}
	e.buf = append(e.buf, ']')
	if !utf8.Valid(e.buf) {
		return errNotUTF8 // from a MarshalJSON, a json.RawMessage or a Raw: it would break every receiver
	}
	if n := len(e.attachments); n > MaxAttachments {
		return fmt.Errorf("%w: %d attachments", ErrInvalidPacket, n)
	} else if n > 0 && e.forged() {
		return ErrForgedPlaceholder
	}
	return nil
}

// forged reports whether the buffer holds placeholders besides those that the encoder wrote.
func (e *encoder) forged() bool {
	var few [8]Mark
	marks, err := FindPlaceholders(few[:0], e.buf, len(e.attachments))
	if err != nil {
		return true
	}
	found := 0
	for _, m := range marks {
		if m.Num == Around {
			continue
		}
		if found == len(e.genuine) || e.genuine[found] != m.Start {
			return true
		}
		found++
	}
	return false
}

// value encodes one argument, or what an interface in it holds. The types that need no reflection are most of what
// applications send.
func (e *encoder) value(v any, depth int) error {
	switch v := v.(type) {
	case nil:
		e.buf = append(e.buf, "null"...)
	case string:
		e.buf = appendString(e.buf, v)
	case bool:
		e.buf = strconv.AppendBool(e.buf, v)
	case int:
		e.buf = strconv.AppendInt(e.buf, int64(v), 10)
	case int64:
		e.buf = strconv.AppendInt(e.buf, v, 10)
	case uint64:
		e.buf = strconv.AppendUint(e.buf, v, 10)
	case []byte:
		e.binary(v)
	case Raw:
		return e.raw(v)
	case map[string]any:
		return e.object(v, depth+1)
	case []any:
		return e.array(v, depth+1)
	default:
		return e.reflect(reflect.ValueOf(v), depth)
	}
	return nil
}

func (e *encoder) object(m map[string]any, depth int) error {
	switch {
	case m == nil:
		e.buf = append(e.buf, "null"...)
		return nil
	case depth > maxNesting:
		return errTooDeep
	}
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	e.buf = append(e.buf, '{')
	for i, key := range keys {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = append(appendString(e.buf, key), ':')
		if err := e.value(m[key], depth); err != nil {
			return err
		}
	}
	e.buf = append(e.buf, '}')
	return nil
}

func (e *encoder) array(a []any, depth int) error {
	switch {
	case a == nil:
		e.buf = append(e.buf, "null"...)
		return nil
	case depth > maxNesting:
		return errTooDeep
	}
	e.buf = append(e.buf, '[')
	for i, v := range a {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		if err := e.value(v, depth); err != nil {
			return err
		}
	}
	e.buf = append(e.buf, ']')
	return nil
}

// binary lifts out a binary value.
func (e *encoder) binary(b []byte) {
	if b == nil {
		e.buf = append(e.buf, "null"...)
		return
	}
	e.genuine = append(e.genuine, len(e.buf))
	e.buf = AppendPlaceholder(e.buf, len(e.attachments))
	e.attachments = append(e.attachments, Clone(b))
}

// raw passes an argument through.
func (e *encoder) raw(r Raw) error {
	switch {
	case len(r.JSON) == 0:
		e.buf = append(e.buf, "null"...)
		return nil
	case len(r.Attachments) == 0:
		e.buf = append(e.buf, r.JSON...)
		return nil
	}
	var few [8]Mark
	marks, err := FindPlaceholders(few[:0], r.JSON, len(r.Attachments))
	if err != nil {
		return fmt.Errorf("%w: %s", ErrForgedPlaceholder, err.Reason)
	}
	start, base, shift := len(e.buf), len(e.attachments), 0
	if base == 0 {
		e.buf = append(e.buf, r.JSON...)
	} else {
		e.buf = renumber(e.buf, r.JSON, marks, func(old int) int { return base + old })
	}
	for _, m := range marks {
		if m.Num == Around {
			continue
		}
		e.genuine = append(e.genuine, start+shift+m.Start)
		if base > 0 {
			shift += len(AppendPlaceholder(nil, base+m.Num)) - (m.End - m.Start)
		}
	}
	e.attachments = append(e.attachments, r.Attachments...)
	return nil
}
