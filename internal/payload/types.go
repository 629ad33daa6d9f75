package payload

import (
	"cmp"
	"encoding"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"
)

var (
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	rawType         = reflect.TypeFor[Raw]()
	rawPointer      = reflect.TypeFor[*Raw]()
	isZeroer        = reflect.TypeFor[interface{ IsZero() bool }]()
)

// typeInfo holds the properties of a type that encoding and decoding use. They are computed once for each type.
type typeInfo struct {
	binary bool // values can hold a []byte, directly, in a part or in an interface
	bytes  bool // the type is a []byte
	own    bool // the pointer type has MarshalJSON or MarshalText, which is used for addressable values
	basic  bool // a string, boolean or integer without methods that encoding/json would call

	fields  []field        // of a struct that can hold binary
	byName  map[string]int // index in fields
	mapKeys bool           // of a map: keys are plain strings

	// For decoding, of the type or the type that it points to.
	shape     *shape
	validates bool // a pointer to it is a Validator
	structure bool // a struct
}

// types caches typeInfo. It grows with the number of the program's types, not with its input.
var types sync.Map // reflect.Type -> *typeInfo

func infoOf(t reflect.Type) *typeInfo {
	if info, ok := types.Load(t); ok {
		return info.(*typeInfo)
	}
	info := &typeInfo{
		binary: reachesBinary(t, map[reflect.Type]bool{}),
		bytes:  isBytes(t),
		own:    t.Kind() != reflect.Pointer && marshals(reflect.PointerTo(t)),
	}
	info.shape = newShape(t, map[reflect.Type]*shape{})
	base := t
	for base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	info.validates = reflect.PointerTo(base).Implements(validatorType)
	info.structure = base.Kind() == reflect.Struct
	switch t.Kind() {
	case reflect.String, reflect.Bool,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		info.basic = !info.own && t != jsonNumber
	case reflect.Struct:
		info.fields = structFields(t)
		info.byName = make(map[string]int, len(info.fields))
		for i := range info.fields {
			info.byName[info.fields[i].name] = i
		}
	case reflect.Map:
		info.mapKeys = t.Key().Kind() == reflect.String && !reflect.PointerTo(t.Key()).Implements(textUnmarshaler)
	}
	actual, _ := types.LoadOrStore(t, info)
	return actual.(*typeInfo)
}

// marshals reports whether the type has a MarshalJSON or MarshalText method.
func marshals(t reflect.Type) bool {
	return t.Implements(jsonMarshaler) || t.Implements(textMarshaler)
}

// isBytes reports whether encoding/json would write the type as base64.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 &&
		!marshals(reflect.PointerTo(t.Elem())) && !marshals(t)
}

// reachesBinary searches the graph of types below t for a type that can hold binary values. The result is exact only for
// the type at which the search began, because types that were visited before count as false.
func reachesBinary(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	if t == rawType || t == rawPointer || isBytes(t) {
		return true
	}
	if marshals(t) {
		return false
	}
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return reachesBinary(t.Elem(), seen)
	case reflect.Struct:
		for _, f := range structFields(t) {
			if reachesBinary(f.typ, seen) {
				return true
			}
		}
	}
	return false
}

// field is a struct field as encoding/json sees it.
type field struct {
	name      string
	key       string // encoded, with the colon
	tagged    bool
	index     []int // through embedded structs
	typ       reflect.Type
	omitEmpty bool
	omitZero  bool
	quoted    bool // the ",string" option is set and applies to the type
}

// structFields returns the fields that encoding/json uses, in its order. If several fields have the same name, the least
// deeply embedded one is used, then the tagged one. If two fields remain, none is used.
func structFields(t reflect.Type) []field {
	type embedded struct {
		typ   reflect.Type
		index []int
		twice bool // embedded more than once at this depth, so all its names are ambiguous
	}
	var (
		all   []field
		seen  = map[reflect.Type]bool{t: true}
		level = []embedded{{typ: t}}
	)
	for len(level) > 0 {
		var next []embedded
		for _, e := range level {
			for i := range e.typ.NumField() {
				f, inner, ok := newField(e.typ.Field(i), append(slices.Clone(e.index), i))
				switch {
				case !ok:
				case inner == nil:
					all = append(all, f)
					if e.twice {
						all = append(all, f)
					}
				case seen[inner]:
				default:
					if at := slices.IndexFunc(next, func(e embedded) bool { return e.typ == inner }); at >= 0 {
						next[at].twice = true
					} else {
						next = append(next, embedded{typ: inner, index: f.index})
					}
				}
			}
		}
		for _, e := range next {
			seen[e.typ] = true
		}
		level = next
	}
	byName := make(map[string][]field)
	for _, f := range all {
		byName[f.name] = append(byName[f.name], f)
	}
	var fields []field
	for _, same := range byName {
		slices.SortStableFunc(same, func(a, b field) int {
			if c := cmp.Compare(len(a.index), len(b.index)); c != 0 || a.tagged == b.tagged {
				return c
			}
			if a.tagged {
				return -1
			}
			return 1
		})
		if len(same) == 1 || len(same[0].index) != len(same[1].index) || same[0].tagged != same[1].tagged {
			fields = append(fields, same[0])
		}
	}
	slices.SortFunc(fields, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return fields
}

// newField reads the tag of a struct field. For an embedded struct whose fields are promoted, inner is its type.
func newField(sf reflect.StructField, index []int) (f field, inner reflect.Type, ok bool) {
	elem := sf.Type
	if elem.Kind() == reflect.Pointer && (sf.Anonymous || elem.Name() == "") {
		elem = elem.Elem()
	}
	tag := sf.Tag.Get("json")
	if tag == "-" || !sf.IsExported() && !(sf.Anonymous && elem.Kind() == reflect.Struct) {
		return f, nil, false
	}
	name, options, _ := strings.Cut(tag, ",")
	f = field{name: name, tagged: true, index: index, typ: sf.Type}
	if !validName(name) {
		if sf.Anonymous && elem.Kind() == reflect.Struct {
			return f, elem, true
		}
		f.name, f.tagged = sf.Name, false
	}
	f.key = string(appendString(nil, f.name)) + ":"
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			f.omitEmpty = true
		case "omitzero":
			f.omitZero = true
		case "string":
			switch k := elem.Kind(); {
			case k >= reflect.Bool && k <= reflect.Float64, k == reflect.String:
				f.quoted = true
			}
		}
	}
	return f, nil, true
}

// validName reports whether encoding/json accepts the name in a tag.
func validName(s string) bool {
	for _, c := range s {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return s != ""
}
