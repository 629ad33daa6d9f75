package payload

import (
	"encoding"
	"errors"
	"reflect"
	"slices"
	"strconv"
)

// errTooDeep is also the error of a value that contains itself.
var errTooDeep = errors.New("nested deeper than 1,000 levels, or contains itself")

const maxNesting = 1_000

// reflect encodes a value of any type. Types that cannot hold binary values are encoded by encoding/json. Other types are
// walked as encoding/json walks them, down to the parts that cannot hold binary values.
func (e *encoder) reflect(v reflect.Value, depth int) error {
	if !v.IsValid() {
		e.buf = append(e.buf, "null"...)
		return nil
	}
	info := infoOf(v.Type())
	switch {
	case info.basic:
		e.basic(v)
		return nil
	case !v.CanInterface():
		// An embedded struct of an unexported type with a tag: only its fields are accessible.
	case v.Type() == rawType:
		return e.raw(v.Interface().(Raw))
	case !info.binary, info.own && v.CanAddr():
		return e.plain(v)
	case info.bytes:
		e.binary(v.Bytes())
		return nil
	}
	if depth == maxNesting {
		return errTooDeep
	}
	switch v.Kind() {
	case reflect.Pointer:
		return e.reflect(v.Elem(), depth+1)
	case reflect.Interface:
		return e.value(v.Interface(), depth+1)
	case reflect.Struct:
		return e.structure(v, info, depth+1)
	case reflect.Map:
		return e.mapping(v, depth+1)
	case reflect.Slice:
		if v.IsNil() {
			e.buf = append(e.buf, "null"...)
			return nil
		}
	}
	e.buf = append(e.buf, '[')
	for i := range v.Len() {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		if err := e.reflect(v.Index(i), depth+1); err != nil {
			return err
		}
	}
	e.buf = append(e.buf, ']')
	return nil
}

// plain encodes a value with encoding/json. It passes the address of an addressable value, so that methods of the pointer
// type are used, as they are when encoding/json walks the outer value itself.
func (e *encoder) plain(v reflect.Value) error {
	if v.CanAddr() && v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface {
		v = v.Addr()
	}
	return e.append(v.Interface())
}

func (e *encoder) basic(v reflect.Value) {
	switch {
	case v.Kind() == reflect.String:
		e.buf = appendString(e.buf, v.String())
	case v.Kind() == reflect.Bool:
		e.buf = strconv.AppendBool(e.buf, v.Bool())
	case v.CanInt():
		e.buf = strconv.AppendInt(e.buf, v.Int(), 10)
	default:
		e.buf = strconv.AppendUint(e.buf, v.Uint(), 10)
	}
}

func (e *encoder) structure(v reflect.Value, info *typeInfo, depth int) error {
	next := byte('{')
	for i := range info.fields {
		f := &info.fields[i]
		fv, ok := f.in(v)
		if !ok || f.omitEmpty && isEmpty(fv) || f.omitZero && isZero(fv) {
			continue
		}
		e.buf = append(e.buf, next)
		next = ','
		e.buf = append(e.buf, f.key...)
		start := len(e.buf)
		if err := e.reflect(fv, depth); err != nil {
			return err
		}
		if f.quoted {
			e.quote(start, fv)
		}
	}
	if next == '{' {
		e.buf = append(e.buf, '{')
	}
	e.buf = append(e.buf, '}')
	return nil
}

// quote applies the ",string" option to the value that begins at start.
func (e *encoder) quote(start int, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() {
		return // null
	}
	t, text := v.Type(), string(e.buf[start:])
	switch {
	case marshals(t) || infoOf(t).own && v.CanAddr():
	case t.Kind() == reflect.String && t != jsonNumber:
		e.buf = appendString(e.buf[:start], text)
	default:
		e.buf = append(append(append(e.buf[:start], '"'), text...), '"')
	}
}

// in returns the field of a struct; ok is false when an embedded pointer on the way is nil.
func (f *field) in(v reflect.Value) (fv reflect.Value, ok bool) {
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

func isZero(v reflect.Value) bool {
	switch t := v.Type(); {
	case !v.CanInterface():
		return v.IsZero()
	case v.Kind() == reflect.Interface && (v.IsNil() || v.Elem().Kind() == reflect.Pointer && v.Elem().IsNil()),
		v.Kind() == reflect.Pointer && v.IsNil():
		return true
	case t.Implements(isZeroer):
	case reflect.PointerTo(t).Implements(isZeroer):
		if !v.CanAddr() {
			box := reflect.New(t).Elem()
			box.Set(v)
			v = box
		}
		v = v.Addr()
	default:
		return v.IsZero()
	}
	return v.Interface().(interface{ IsZero() bool }).IsZero()
}

func (e *encoder) mapping(v reflect.Value, depth int) error {
	if v.IsNil() {
		e.buf = append(e.buf, "null"...)
		return nil
	}
	type entry struct {
		key   string
		value reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		key, ok, err := mapKey(it.Key())
		if err != nil {
			return err
		} else if !ok {
			return e.plain(v) // for the error of encoding/json
		}
		entries = append(entries, entry{key, it.Value()})
	}
	slices.SortFunc(entries, func(a, b entry) int {
		switch {
		case a.key < b.key:
			return -1
		case a.key > b.key:
			return 1
		}
		return 0
	})
	e.buf = append(e.buf, '{')
	for i, en := range entries {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = append(appendString(e.buf, en.key), ':')
		if err := e.reflect(en.value, depth); err != nil {
			return err
		}
	}
	e.buf = append(e.buf, '}')
	return nil
}

// mapKey returns a key as text; ok is false for a type that cannot be one.
func mapKey(k reflect.Value) (key string, ok bool, err error) {
	if k.Kind() == reflect.String {
		return k.String(), true, nil
	}
	if m, is := k.Interface().(encoding.TextMarshaler); is {
		if k.Kind() == reflect.Pointer && k.IsNil() {
			return "", true, nil
		}
		text, err := m.MarshalText()
		return string(text), true, err
	}
	switch {
	case k.CanInt():
		return strconv.FormatInt(k.Int(), 10), true, nil
	case k.CanUint():
		return strconv.FormatUint(k.Uint(), 10), true, nil
	}
	return "", false, nil
}
