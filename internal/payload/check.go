package payload

import (
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// shape is what check needs to know of a type: the part that encoding/json is more tolerant about than [Decoding].
type shape struct {
	typ      reflect.Type
	kind     shapeKind
	nullable bool              // null is a value of the type
	plain    bool              // no part of a value needs a check
	fields   map[string]member // of a struct, by the exact key
	elem     *shape            // of a pointer, map, slice or array
}

// member is a field of a struct. Without a name in a tag, its key may have any letter case, as in encoding/json: the name of
// a Go field begins with an upper case letter, and is not meant as a key.
type member struct {
	name   string
	tagged bool
	shape  *shape
}

type shapeKind byte

const (
	leaf     shapeKind = iota // has no parts that are checked
	own                       // decodes itself: UnmarshalJSON or UnmarshalText
	pointer                   // to elem
	object                    // a struct
	members                   // a map
	elements                  // a slice or array
)

var timeType = reflect.TypeFor[time.Time]()

// newShape returns the shape of a type. done has those of the types that were visited, because types may be recursive.
func newShape(t reflect.Type, done map[reflect.Type]*shape) *shape {
	if s, ok := done[t]; ok {
		return s
	}
	s := &shape{typ: t}
	done[t] = s
	inner := func(t reflect.Type) { s.elem = newShape(t, done) }
	switch k := t.Kind(); {
	case k == reflect.Interface:
		s.nullable, s.plain = true, true
	case k == reflect.Pointer:
		s.kind, s.nullable = pointer, true
		inner(t.Elem())
		s.plain = s.elem.plain || s.elem.kind == leaf || s.elem.kind == own
	case reflect.PointerTo(t).Implements(jsonUnmarshaler) || reflect.PointerTo(t).Implements(textUnmarshaler):
		s.kind, s.nullable = own, t != timeType
		s.plain = s.nullable
	case k == reflect.Struct:
		s.kind = object
		fields := structFields(t)
		s.fields = make(map[string]member, len(fields))
		for _, f := range fields {
			s.fields[f.name] = member{f.name, f.tagged, newShape(f.typ, done)}
		}
	case k == reflect.Map:
		s.kind, s.nullable = members, true
		inner(t.Elem())
		s.plain = s.elem.plain
	case isBytes(t):
		s.nullable, s.plain = true, true
	case k == reflect.Slice || k == reflect.Array:
		s.kind, s.nullable = elements, k == reflect.Slice
		inner(t.Elem())
		s.plain = s.nullable && s.elem.plain
	}
	return s
}

// checker walks a JSON text along a shape and finds what encoding/json would accept without a word: keys in other letter
// case, unknown keys, and null where a value is needed.
type checker struct {
	data   []byte
	hidden []byte // a copy of data without the keys that must not be found; nil while it is the same
	marks  []Mark // not yet reached
	rules  *Decoding
	find   bool        // look for the value whose own method returns an error, instead of all that
	err    *ValueError // the first one

	path  [16]string // the outermost struct fields around the value; an array, so that checks allocate nothing
	depth int        // how many fields there are, also beyond the array
}

// check checks the text of a value of type t before it is decoded. It returns the text to decode, which has the same length
// and offsets.
func check(data []byte, marks []Mark, s *shape, d *Decoding) ([]byte, *ValueError) {
	at := SkipSpace(data, 0)
	if s.plain || at == len(data) || s.kind == leaf && data[at] != 'n' {
		return data, nil
	}
	c := checker{data: data, marks: marks, rules: d}
	c.value(at, s)
	if c.hidden != nil {
		data = c.hidden
	}
	return data, c.err
}

// locate returns the error of the first part of a value whose UnmarshalJSON or UnmarshalText method fails, with the field.
func locate(data []byte, marks []Mark, s *shape) *ValueError {
	c := checker{data: data, marks: marks, find: true}
	c.value(SkipSpace(data, 0), s)
	return c.err
}

// fail sets the error of a value, or of a field in it.
func (c *checker) fail(field, reason string, cause error) {
	if c.err != nil {
		return
	}
	path := strings.Join(c.path[:min(c.depth, len(c.path))], ".")
	switch {
	case path == "":
		path = field
	case field != "":
		path += "." + field
	}
	c.err = &ValueError{Field: path, Reason: reason, Err: cause}
}

// value checks the value at data[at] and returns the offset behind it.
func (c *checker) value(at int, s *shape) (end int) {
	for len(c.marks) > 0 && c.marks[0].Start < at {
		c.marks = c.marks[1:]
	}
	switch {
	case at >= len(c.data) || c.err != nil:
		return len(c.data)
	case len(c.marks) > 0 && c.marks[0].Start == at && c.marks[0].Num != Around:
		return c.marks[0].End // a binary value is checked when it is stored
	case c.data[at] == 'n' && !s.nullable && !c.find:
		c.fail("", misfit(s.typ, "null"), nil)
	}
	for s.kind == pointer {
		s = s.elem
	}
	switch first := c.data[at]; {
	case s.plain && !c.find:
	case first == '{' && s.kind == object:
		return c.object(at+1, s)
	case first == '{' && s.kind == members:
		return c.members(at+1, s)
	case first == '[' && s.kind == elements:
		return c.elements(at+1, s)
	}
	end = max(skipValue(c.data, at), at+1)
	if c.find && s.kind == own {
		text := c.data[at:min(end, len(c.data))]
		if err := unmarshal(text, reflect.New(s.typ).Interface()); err != nil {
			reason := "cannot decode"
			if s.typ == timeType {
				reason = "want time, such as 2006-01-02T15:04:05Z"
			}
			c.fail("", reason, err)
		}
	}
	return end
}

func (c *checker) elements(at int, s *shape) (end int) {
	for at = SkipSpace(c.data, at); at < len(c.data) && c.data[at] != ']'; {
		at = c.comma(c.value(at, s.elem))
	}
	return at + 1
}

func (c *checker) members(at int, s *shape) (end int) {
	for at = SkipSpace(c.data, at); at < len(c.data) && c.data[at] == '"'; {
		_, at = c.key(at)
		at = c.comma(c.value(at, s.elem))
	}
	return at + 1
}

func (c *checker) object(at int, s *shape) (end int) {
	var present map[string]bool // whether the object has a key, for keys that were looked for
	begin := at
	for at = SkipSpace(c.data, at); at < len(c.data) && c.data[at] == '"'; {
		quoted, valueAt := c.key(at)
		name := unquoted(quoted)
		field, ok := s.fields[string(name)]
		if !ok {
			field, ok = s.untagged(string(name))
		}
		if ok {
			if c.depth < len(c.path) {
				c.path[c.depth] = field.name
			}
			c.depth++
			at = c.comma(c.value(valueAt, field.shape))
			c.depth--
			continue
		}
		if !c.find {
			c.unknown(at, begin, name, s, &present)
		}
		if c.err != nil {
			return len(c.data)
		}
		at = c.comma(max(skipValue(c.data, valueAt), valueAt+1))
	}
	return at + 1
}

// untagged returns the field without a name in a tag that has the key in another letter case.
func (s *shape) untagged(key string) (field member, ok bool) {
	for _, field := range s.fields {
		if !field.tagged && strings.EqualFold(field.name, key) {
			return field, true
		}
	}
	return member{}, false
}

// unknown handles a key without a field. encoding/json would use the field whose name differs only in letter case.
func (c *checker) unknown(at, begin int, key []byte, s *shape, present *map[string]bool) {
	for name := range s.fields {
		if !strings.EqualFold(name, string(key)) {
			continue
		}
		has, known := (*present)[name]
		if !known {
			if *present == nil {
				*present = map[string]bool{}
			}
			has = c.has(begin, name)
			(*present)[name] = has
		}
		if !has {
			c.fail(name, "key has other upper and lower case letters", nil)
			return
		}
		if c.rules.RefuseUnknownKeys {
			break
		}
		c.hide(at)
	}
	if !c.rules.RefuseUnknownKeys || c.depth == 0 && slices.Contains(c.rules.Ignored, string(key)) {
		return
	}
	if len(key) > 64 || !utf8.Valid(key) {
		key = nil
	}
	c.fail(string(key), "unknown key", nil)
}

// has reports whether the object whose members begin at an offset has a key.
func (c *checker) has(at int, name string) bool {
	for at = SkipSpace(c.data, at); at < len(c.data) && c.data[at] == '"'; {
		quoted, valueAt := c.key(at)
		if string(unquoted(quoted)) == name {
			return true
		}
		at = c.comma(max(skipValue(c.data, valueAt), valueAt+1))
	}
	return false
}

// hide overwrites the key at data[at], so that no field has it.
func (c *checker) hide(at int) {
	if c.hidden == nil {
		c.hidden = Clone(c.data)
	}
	end := min(SkipString(c.data, at), len(c.data))
	for i := at + 1; i < end-1; i++ {
		c.hidden[i] = 0x7f // is not a letter, so no field of encoding/json has it
	}
}

// key returns the key at data[at] with its quotes, and the offset of its value.
func (c *checker) key(at int) (quoted []byte, valueAt int) {
	behind := min(SkipString(c.data, at), len(c.data))
	quoted = c.data[at:behind]
	at = SkipSpace(c.data, behind)
	return quoted, SkipSpace(c.data, at+1) // behind the colon
}

// unquoted returns a key without quotes and escapes.
func unquoted(quoted []byte) []byte {
	if n := len(quoted); n >= 2 {
		for _, b := range quoted {
			if b == '\\' {
				s, _ := Unquote(quoted)
				return []byte(s)
			}
		}
		return quoted[1 : n-1]
	}
	return nil
}

// comma skips the comma and the white space between two values.
func (c *checker) comma(at int) int {
	if at = SkipSpace(c.data, at); at < len(c.data) && c.data[at] == ',' {
		at = SkipSpace(c.data, at+1)
	}
	return at
}
