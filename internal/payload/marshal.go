package payload

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"
)

// MarshalEvent encodes an event's name and its arguments: ["name",arg,...]. Binary values become attachments (see the
// package documentation). They are copied, so that the caller may reuse its buffers. A [Raw] argument is passed through.
//
// The JSON is written like that of JSON.stringify: without spaces and unnecessary escapes. The errors are [ErrExceedsLimit] for
// a payload that exceeds l, [ErrReservedEvent], [ErrForgedPlaceholder], and errors of values that cannot be encoded.
func MarshalEvent(name string, args []any, l *Limits) (data []byte, attachments [][]byte, err error) {
	e := encoders.Get().(*encoder)
	defer e.free()
	if err := e.event(name, args, l); err != nil {
		return nil, nil, err
	}
	return Clone(e.buf), e.attachments, nil
}

// Reserved reports whether the protocol reserves an event name: connect, connect_error, disconnect, disconnecting,
// newListener and removeListener. Clients and servers use these for events of the connection itself.
func Reserved(name string) bool {
	switch name {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

// AppendEvent is like [MarshalEvent], but appends the JSON to dst. It saves an allocation for an event that is sent to a
// single connection. With an error it returns dst unchanged.
func AppendEvent(dst []byte, name string, args []any, l *Limits) (text []byte, attachments [][]byte, err error) {
	e := encoders.Get().(*encoder)
	defer e.free()
	if err := e.event(name, args, l); err != nil {
		return dst, nil, err
	}
	return append(dst, e.buf...), e.attachments, nil
}

// MarshalArgs encodes the arguments of an acknowledgement: [arg,...]. Otherwise it is like [MarshalEvent].
func MarshalArgs(args []any, l *Limits) (data []byte, attachments [][]byte, err error) {
	e := encoders.Get().(*encoder)
	defer e.free()
	e.buf = append(e.buf, '[')
	if err := e.finish(args, l); err != nil {
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
	written     []int // offsets of the placeholders that the encoder wrote
}

// encoders keeps buffers between payloads, so that encoding without attachments allocates only the result.
var encoders = sync.Pool{New: func() any { return &encoder{codec: newCodec()} }}

const keptBuffer = 64 << 10 // a larger one is left to the garbage collector

func (e *encoder) free() {
	if cap(e.buf) > keptBuffer {
		return
	}
	e.buf, e.attachments, e.written = e.buf[:0], nil, e.written[:0]
	encoders.Put(e)
}

// event encodes an event's name and its arguments.
func (e *encoder) event(name string, args []any, l *Limits) error {
	if Reserved(name) {
		return fmt.Errorf("%w: %q", ErrReservedEvent, name)
	}
	if err := l.CheckName(name); err != nil {
		return err
	}
	e.buf = append(e.buf, '[')
	e.buf = appendString(e.buf, name)
	if len(args) > 0 {
		e.buf = append(e.buf, ',')
	}
	return e.finish(args, l)
}

// finish appends the arguments and the end of the array.
func (e *encoder) finish(args []any, l *Limits) error {
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
		return errNotUTF8 // from a MarshalJSON, a json.RawMessage or a Raw; receivers would close the connection
	}
	n := len(e.attachments)
	if err := l.checkAttachments(n); err != nil {
		return err
	}
	if n > 0 && e.forged() {
		return ErrForgedPlaceholder
	}
	return l.CheckDepth(e.buf)
}

// forged reports whether the buffer holds placeholders that the encoder did not write.
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
		if found == len(e.written) || e.written[found] != m.Start {
			return true
		}
		found++
	}
	return false
}

// value encodes an argument, or the value of an interface in it. The most frequent types are encoded without reflection.
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

// binary encodes a binary value as an attachment.
func (e *encoder) binary(b []byte) {
	if b == nil {
		e.buf = append(e.buf, "null"...)
		return
	}
	e.written = append(e.written, len(e.buf))
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
		e.written = append(e.written, start+shift+m.Start)
		if base > 0 {
			shift += len(AppendPlaceholder(nil, base+m.Num)) - (m.End - m.Start)
		}
	}
	e.attachments = append(e.attachments, r.Attachments...)
	return nil
}
