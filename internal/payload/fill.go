package payload

import (
	"reflect"
	"strings"
)

// filler walks a JSON text together with the value decoded from it, and stores the binary values in that value.
type filler struct {
	data        []byte
	attachments [][]byte
	marks       []Mark      // not yet reached; values without a mark hold no binary and are skipped
	path        []string    // of struct fields; without map keys, which a peer may choose freely
	err         *ValueError // the first one
}

func (f *filler) fail(reason string, cause error) {
	if f.err == nil {
		f.err = &ValueError{Field: strings.Join(f.path, "."), Reason: reason, Err: cause}
	}
}

// value fills v from the JSON value at data[at] and returns the offset behind it. If v is invalid, it only skips the value.
func (f *filler) value(at int, v reflect.Value) (end int) {
	if len(f.marks) == 0 || f.marks[0].Start != at {
		return max(skipValue(f.data, at), at+1)
	}
	m := f.marks[0]
	f.marks = f.marks[1:]
	if m.hidden {
		v = reflect.Value{}
	}
	what := "binary"
	if m.Num == Around {
		what = "array"
		if f.data[at] == '{' {
			what = "object"
		}
	}
	v, done := f.indirect(at, v, what)
	switch {
	case m.Num != Around:
		if !done {
			f.binary(f.attachments[m.Num], v)
		}
		return m.End
	case done:
		v = reflect.Value{}
	}
	if f.data[at] == '{' {
		return f.object(at+1, v)
	}
	return f.array(at+1, v)
}

// indirect follows pointers and interfaces to the destination of the value. done means that a type on the way has decoded
// the value itself.
func (f *filler) indirect(at int, v reflect.Value, what string) (_ reflect.Value, done bool) {
	for i := 0; v.IsValid() && i < maxNesting; i++ {
		if v.Type() == rawType && v.CanSet() {
			end := max(skipValue(f.data, at), at)
			v.Set(reflect.ValueOf(NewRaw(f.data[at:end:end], f.attachments)))
			return v, true
		}
		if p := v; v.Type() != rawPointer && (v.CanAddr() || v.Kind() == reflect.Pointer) {
			if v.Kind() != reflect.Pointer {
				p = v.Addr()
			}
			if p.CanInterface() && !(p.Kind() == reflect.Pointer && p.IsNil()) {
				switch {
				case p.Type().Implements(jsonUnmarshaler):
					end := max(skipValue(f.data, at), at)
					if err := unmarshalJSON(p, f.data[at:end]); err != nil {
						f.fail("cannot decode", err)
					}
					return v, true
				case p.Type().Implements(textUnmarshaler):
					f.fail("want text, got "+what, nil)
					return v, true
				}
			}
		}
		switch v.Kind() {
		case reflect.Pointer:
			if v.IsNil() {
				if !v.CanSet() {
					return v, false
				}
				v.Set(reflect.New(v.Type().Elem()))
				continue
			}
			v = v.Elem()
		case reflect.Interface:
			// As in encoding/json, a pointer in the interface is followed, and any other value is replaced.
			if inner := v.Elem(); inner.Kind() == reflect.Pointer && !inner.IsNil() {
				v = inner
				continue
			}
			return v, false
		default:
			return v, false
		}
	}
	return v, false
}

// binary stores an attachment.
func (f *filler) binary(b []byte, v reflect.Value) {
	switch {
	case !v.IsValid():
	case !v.CanSet():
		f.fail("cannot be set", nil)
	case v.Kind() == reflect.Interface && v.NumMethod() == 0:
		v.Set(reflect.ValueOf(Clone(b)))
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		v.SetBytes(Clone(b))
	default:
		f.fail(misfit(v.Type(), "binary"), nil)
	}
}

func (f *filler) object(at int, v reflect.Value) (end int) {
	depth := len(f.path)
	for at = SkipSpace(f.data, at); at < len(f.data) && f.data[at] == '"'; at = SkipSpace(f.data, at) {
		behind := min(SkipString(f.data, at), len(f.data))
		quoted := f.data[at:behind]
		at = SkipSpace(f.data, behind)
		at = SkipSpace(f.data, at+1) // the colon
		if len(f.marks) == 0 || f.marks[0].Start != at {
			at = max(skipValue(f.data, at), at+1)
		} else {
			at = f.member(at, v, quoted)
			f.path = f.path[:depth]
		}
		if at = SkipSpace(f.data, at); at < len(f.data) && f.data[at] == ',' {
			at++
		}
	}
	return at + 1
}

// member fills the member of v that an object's key names.
func (f *filler) member(at int, v reflect.Value, quoted []byte) (end int) {
	if !v.IsValid() {
		return f.value(at, v)
	}
	key, _ := Unquote(quoted)
	switch v.Kind() {
	case reflect.Struct:
		return f.value(at, f.field(v, key))
	case reflect.Interface:
		m, ok := v.Interface().(map[string]any)
		if !ok {
			f.fail("an object's key is repeated", nil)
			return f.value(at, reflect.Value{})
		}
		value := m[key]
		end = f.value(at, reflect.ValueOf(&value).Elem())
		m[key] = value
		return end
	case reflect.Map:
		k, ok := mapKeyOf(v.Type(), quoted, key)
		if !ok || v.IsNil() {
			f.fail("cannot decode the key", nil)
			return f.value(at, reflect.Value{})
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		if present := v.MapIndex(k); present.IsValid() {
			elem.Set(present)
		}
		end = f.value(at, elem)
		v.SetMapIndex(k, elem)
		return end
	}
	f.fail(misfit(v.Type(), "object"), nil)
	return f.value(at, reflect.Value{})
}

// field returns the struct's field for a key, exactly spelt or else in another case; invalid when it has none.
func (f *filler) field(v reflect.Value, key string) reflect.Value {
	info := infoOf(v.Type())
	i, ok := info.byName[key]
	for j := 0; !ok && j < len(info.fields); j++ {
		i, ok = j, strings.EqualFold(info.fields[j].name, key)
	}
	if !ok {
		return reflect.Value{}
	}
	f.path = append(f.path, info.fields[i].name)
	// encoding/json has allocated the embedded structs on the way.
	fv, ok := info.fields[i].in(v)
	if !ok {
		return reflect.Value{}
	}
	return fv
}

// mapKeyOf converts a key to the key type of a map.
func mapKeyOf(t reflect.Type, quoted []byte, key string) (k reflect.Value, ok bool) {
	if infoOf(t).mapKeys {
		return reflect.ValueOf(key).Convert(t.Key()), true
	}
	one := reflect.New(reflect.MapOf(t.Key(), reflect.TypeFor[any]()))
	text := append(append([]byte{'{'}, quoted...), ":null}"...)
	if err := unmarshal(text, one.Interface()); err != nil {
		return k, false
	}
	keys := one.Elem().MapKeys()
	if len(keys) != 1 {
		return k, false
	}
	return keys[0], true
}

func (f *filler) array(at int, v reflect.Value) (end int) {
	at = SkipSpace(f.data, at)
	for i := 0; at < len(f.data) && f.data[at] != ']'; i++ {
		if len(f.marks) == 0 || f.marks[0].Start != at {
			at = max(skipValue(f.data, at), at+1)
		} else {
			at = f.element(at, v, i)
		}
		if at = SkipSpace(f.data, at); at < len(f.data) && f.data[at] == ',' {
			at = SkipSpace(f.data, at+1)
		}
	}
	return at + 1
}

func (f *filler) element(at int, v reflect.Value, i int) (end int) {
	if !v.IsValid() {
		return f.value(at, v)
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		if i < v.Len() {
			return f.value(at, v.Index(i))
		}
		// An array that is shorter than the JSON one ignores the rest, as encoding/json does.
		return f.value(at, reflect.Value{})
	case reflect.Interface:
		if s, ok := v.Interface().([]any); ok && i < len(s) {
			return f.value(at, reflect.ValueOf(s).Index(i))
		}
		f.fail("an object's key is repeated", nil)
		return f.value(at, reflect.Value{})
	}
	f.fail(misfit(v.Type(), "array"), nil)
	return f.value(at, reflect.Value{})
}
