package payload_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/payload"
)

// TestUnmarshal_RoundTrip decodes the output of MarshalArgs into the same type.
func TestUnmarshal_RoundTrip(t *testing.T) {
	for name, v := range values() {
		switch name {
		case "nil", "methods", "methods, pointer", "methods in any": // cannot be decoded
			continue
		case "embedded pointer", "embedded pointer, 0": // encoding/json panics
			continue
		case "mixed", "not zero": // encoding/json writes what it cannot read
			continue
		}
		t.Run(name, func(t *testing.T) {
			// Once through encoding/json alone, to learn whether the value can be decoded at all.
			want, got := reflect.New(reflect.TypeOf(v)), reflect.New(reflect.TypeOf(v))
			if err := json.Unmarshal([]byte(reference(t, v)), want.Interface()); err != nil {
				t.Fatal("encoding/json cannot decode it either:", err)
			}
			data, attachments, err := payload.MarshalArgs([]any{"first", []byte("another"), v}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := payload.Unmarshal(argument(data, 2), attachments, got.Interface()); err != nil {
				t.Fatal(err)
			}
			// In an any, encoding/json leaves base64 and Unmarshal the bytes, so the test compares the encoded forms.
			if a, b := reference(t, want.Interface()), reference(t, got.Interface()); a != b {
				t.Errorf("\n got %s\nwant %s", b, a)
			}
		})
	}
}

// argument returns element i of an array.
func argument(data []byte, i int) []byte {
	v, at, ok := payload.Next(data, 0)
	for ; ok && i > 0; i-- {
		v, at, ok = payload.Next(data, at)
	}
	return v
}

const ph0, ph1 = `{"_placeholder":true,"num":0}`, `{"_placeholder":true,"num":1}`

func TestUnmarshal_Binary(t *testing.T) {
	attachments := [][]byte{[]byte("zero"), []byte("one")}
	zero := []byte("zero")
	for _, c := range []struct {
		name, data string
		dst        any // a pointer, possibly to an existing value
		want       any
	}{
		{"bytes", ph0, new([]byte), zero},
		{"bytes over others", ph0, new([]byte("something longer")), zero},
		{"named bytes", ph1, new(blob), blob("one")},
		{"any", ph0, new(any), any(zero)},
		{"pointer", ph0, new(*[]byte), &zero},
		{"pointer to pointer", ph0, new(**[]byte), new(new([]byte("zero")))},
		{"white space", " \n" + ph0 + " ", new([]byte), zero},
		{"the other spelling", `{ "num" : 0 , "x":[1], "_placeholder" : true }`, new([]byte), zero},
		{"in any, deeply", `{"a":[1,{"b":` + ph1 + `,"c":"s"},` + ph0 + `]}`, new(any),
			map[string]any{"a": []any{1.0, map[string]any{"b": []byte("one"), "c": "s"}, zero}}},
		{"slice", `[` + ph1 + `,null,` + ph0 + `]`, new([][]byte), [][]byte{[]byte("one"), nil, zero}},
		{"short array", `[` + ph1 + `,` + ph0 + `]`, new([1][]byte), [1][]byte{[]byte("one")}},
		{"map", `{"k":` + ph0 + `,"l":null}`, new(map[string][]byte), map[string][]byte{"k": zero, "l": nil}},
		{"map of structs", `{"k":{"name":"n","data":` + ph0 + `}}`, new(map[string]file), map[string]file{"k": {"n", zero}}},
		{"map of pointers", `{"k":{"name":"n","data":` + ph0 + `}}`, new(map[string]*file), map[string]*file{"k": {"n", zero}}},
		{"map by number", `{"-7":` + ph0 + `}`, new(map[int][]byte), map[int][]byte{-7: zero}},
		{"map by text", `{"key3":` + ph0 + `}`, new(map[asKey][]byte), map[asKey][]byte{{3}: zero}},
		{"map by named string", `{"k\n":` + ph0 + `}`, new(map[text][]byte), map[text][]byte{"k\n": zero}},
		{"map that is there", `{"k":` + ph0 + `}`, new(map[string]any{"old": 1}), map[string]any{"old": 1, "k": zero}},
		{"key in another case", `{"NAME":"n","DATA":` + ph0 + `}`, new(file), file{"n", zero}},
		{"key without a field", `{"other":` + ph0 + `,"name":"n","more":[` + ph1 + `]}`, new(file), file{"n", nil}},
		{"embedded", `{"A":` + ph0 + `}`, new(embedsOne), embedsOne{Inner: &Inner{A: zero}}},
		{"pointer field", `{"Data":` + ph0 + `,"Next":{"Data":` + ph1 + `}}`, new(node), node{zero, &node{[]byte("one"), nil}}},
		{"raw JSON", ph0, new(json.RawMessage), json.RawMessage(ph0)},
		{"raw JSON inside", `{"Raw":[` + ph0 + `]}`, new(holder), holder{Raw: json.RawMessage(`[` + ph0 + `]`)}},
		{"Raw", `[` + ph1 + `]`, new(payload.Raw), raw(`[`+ph0+`]`, "one")},
		{"Raw inside", `{"room":"r","message":{"a":` + ph1 + `}}`, new(relayed), relayed{"r", raw(`{"a":`+ph0+`}`, "one")}},
		{"Raw without binary inside", `{"room":"r","message":{"a":1},"x":` + ph0 + `}`, new(relayed), relayed{"r", raw(`{"a":1}`)}},
		{"Raws in a map", `{"a":` + ph0 + `,"b":1}`, new(map[string]payload.Raw), map[string]payload.Raw{"a": raw(ph0, "zero"), "b": raw("1")}},
		{"pointer to Raw", `{"a":` + ph0 + `}`, new(map[string]*payload.Raw), map[string]*payload.Raw{"a": new(raw(ph0, "zero"))}},
		{"any that holds a pointer", `{"data":` + ph0 + `}`, new(any(&file{Name: "kept"})), any(&file{"kept", zero})},
		{"repeated key, binary last", `{"data":"eA==","data":` + ph0 + `}`, new(file), file{Data: zero}},
		{"nothing binary in this one", `{"name":"n","data":"eA=="}`, new(file), file{"n", []byte("x")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := payload.Unmarshal([]byte(c.data), attachments, c.dst); err != nil {
				t.Fatal(err)
			}
			if got := reflect.ValueOf(c.dst).Elem().Interface(); !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n got %#v\nwant %#v", got, c.want)
			}
		})
	}
	if string(attachments[0]) != "zero" || string(attachments[1]) != "one" {
		t.Error("attachments were changed")
	}
}

type (
	embedsOne struct {
		*Inner
		Other string `json:",omitempty"`
	}
	relayed struct {
		Room    string      `json:"room"`
		Message payload.Raw `json:"message"`
	}
	embedsHidden struct{ *inner }
	profile      struct {
		User struct {
			Age    uint8             `json:"age"`
			Admin  bool              `json:"admin"`
			Photo  []byte            `json:"photo"`
			Tags   []string          `json:"tags"`
			Names  map[string]string `json:"names"`
			Ratio  float64           `json:"ratio"`
			Nested *file             `json:"nested"`
		} `json:"user"`
	}
)

// The receiver gets a copy.
func TestUnmarshal_CopiesBinary(t *testing.T) {
	attachments := [][]byte{[]byte("zero")}
	var (
		b   []byte
		a   any
		all [][]byte
	)
	for text, dst := range map[string]any{ph0: &b, " " + ph0: &a, "[" + ph0 + "]": &all} {
		if err := payload.Unmarshal([]byte(text), attachments, dst); err != nil {
			t.Fatal(err)
		}
	}
	b[0], a.([]byte)[0], all[0][0] = 'x', 'x', 'x'
	if string(attachments[0]) != "zero" {
		t.Errorf("attachment became %q", attachments[0])
	}
}

func TestUnmarshal_Errors(t *testing.T) {
	attachments := [][]byte{[]byte("zero")}
	for _, c := range []struct {
		name, data    string
		dst           any
		field, reason string
	}{
		{"string for a number", `{"user":{"age":"old"}}`, new(profile), "user.age", "want integer, got string"},
		{"number too large", `{"user":{"age":300}}`, new(profile), "user.age", "want uint8, got a number that does not fit"},
		{"fraction", `{"user":{"age":1.5}}`, new(profile), "user.age", "want uint8, got a number that does not fit"},
		{"number for a string", `{"user":{"tags":[7]}}`, new(profile), "user.tags", "want string, got number"},
		{"array for an object", `[]`, new(profile), "", "want object, got array"},
		{"string for a boolean", `{"user":{"admin":"x"}}`, new(profile), "user.admin", "want boolean, got string"},
		{"boolean for a number", `{"user":{"ratio":true}}`, new(profile), "user.ratio", "want number, got boolean"},
		{"number for binary", `{"user":{"photo":7}}`, new(profile), "user.photo", "want binary, got number"},
		{"string for a slice", `{"user":{"tags":"x"}}`, new(profile), "user.tags", "want array, got string"},
		{"bad base64", `{"user":{"photo":"?"}}`, new(profile), "", "cannot decode"},
		{"number past float64", `1e999`, new(any), "", "want float64, got a number that does not fit"},
		{"broken", `{"a":`, new(any), "", "invalid JSON"},
		{"a type's own refusal", `"x"`, new(asKey), "", "cannot decode"},

		{"binary for a string", `{"user":{"names":{"a":` + ph0 + `}}}`, new(profile), "user.names", "want string, got binary"},
		{"binary for a number", `{"user":{"age":` + ph0 + `}}`, new(profile), "user.age", "want integer, got binary"},
		{"binary for an object", `{"user":{"nested":` + ph0 + `}}`, new(profile), "user.nested", "want object, got binary"},
		{"binary for an array", `{"user":{"tags":` + ph0 + `}}`, new(profile), "user.tags", "want array, got binary"},
		{"binary for text", ph0, new(asKey), "", "want text, got binary"},
		{"binary for an array of bytes", ph0, new([4]byte), "", "want array, got binary"},
		{"binary for a string, alone", ph0, new(string), "", "want string, got binary"},
		{"binary for an interface with methods", `{"Error":` + ph0 + `}`, new(mixed), "Error", "want error, got binary"},
		{"the first of two", `{"user":{"age":` + ph0 + `,"x":1},"name":[]}`, new(profile), "user.age", "want integer, got binary"},
		{"a type's own refusal of binary", `{"a":` + ph0 + `}`, new(map[string]*refuses), "", "cannot decode"},
		{"keys that differ in case, binary first", `{"value":[` + ph0 + `],"VALUE":1}`, new(struct{ Value any }), "Value", "an object's key is repeated"},
		{"keys that differ in case, other kind", `{"value":{"b":` + ph0 + `},"VALUE":[1]}`, new(struct{ Value any }), "Value", "an object's key is repeated"},
		{"illegal reference", `{"_placeholder":true,"num":1}`, new(any), "", "illegal attachment reference"},
		{"embedded struct that cannot be made", `{"A":` + ph0 + `}`, new(embedsHidden), "", "cannot decode"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := payload.Unmarshal([]byte(c.data), attachments, c.dst)
			var v *payload.ValueError
			if !errors.As(err, &v) || v.Field != c.field || v.Reason != c.reason {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Of repeated keys the last one counts, as in JavaScript: a server that relays the text must see the same value as the
// clients that receive it.
func TestUnmarshal_repeatedKeys(t *testing.T) {
	attachments := [][]byte{[]byte("zero"), []byte("one")}
	object := func(a any) map[string]any { return map[string]any{"a": a} }
	for data, want := range map[string]any{
		`{"a":` + ph0 + `,"a":1}`:                               object(1.0),
		`{"a":` + ph0 + `,"a":null}`:                            object(nil),
		`{"a":1,"a":` + ph0 + `}`:                               object([]byte("zero")),
		`{"a":` + ph0 + `,"a":` + ph1 + `}`:                     object([]byte("one")),
		`{"a":` + ph0 + `,"\u0061":"x"}`:                        object("x"),
		`{"a":[` + ph0 + `],"a":1}`:                             object(1.0),
		`{"a":{"b":` + ph0 + `},"a":[1]}`:                       object([]any{1.0}),
		`{"a":{"a":` + ph0 + `},"a":{"a":1}}`:                   object(object(1.0)),
		`{"a":{"a":` + ph0 + `,"a":` + ph1 + `}}`:               object(object([]byte("one"))),
		`{"a":[{"a":` + ph0 + `},{"a":1}]}`:                     object([]any{object([]byte("zero")), object(1.0)}),
		`{ "a" : ` + ph0 + ` , "b" : 1 , "a" : [ ] , "b" : 2 }`: map[string]any{"a": []any{}, "b": 2.0},
		`{"a":` + ph0 + `,"b":` + ph1 + `,"a":1}`:               map[string]any{"a": 1.0, "b": []byte("one")},
	} {
		var got any
		if err := payload.Unmarshal([]byte(data), attachments, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s became %#v (%v), want %#v", data, got, err, want)
		}
	}
	var typed struct{ A []byte }
	data := []byte(`{"A":` + ph0 + `,"A":"Yg==","B":` + ph1 + `}`)
	if err := payload.Unmarshal(data, attachments, &typed); err != nil || string(typed.A) != "b" {
		t.Errorf("a field became %q (%v)", typed.A, err)
	}
}

type refuses struct{}

func (*refuses) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte("{")) {
		return errors.New("no")
	}
	return nil
}

// The text of an error must not contain values that the peer sent.
func TestValueError_RepeatsNothing(t *testing.T) {
	for _, text := range []string{`"7777"`, `7777` + strings.Repeat("7", 1000), `{"7777":1}`, `["7777"]`} {
		if err := payload.Unmarshal([]byte(text), nil, new(int32)); err == nil || strings.Contains(err.Error(), "7777") {
			t.Errorf("%v", err)
		}
	}
}

func TestUnmarshal_Misuse(t *testing.T) {
	var v *payload.ValueError
	for _, dst := range []any{nil, 7, file{}, (*file)(nil), (*string)(nil), (*[]byte)(nil), (*payload.Raw)(nil)} {
		for _, attachments := range [][][]byte{nil, {{1}}} {
			for _, text := range []string{`"s"`, ph0} {
				if err := payload.Unmarshal([]byte(text), attachments, dst); err == nil || errors.As(err, &v) {
					t.Errorf("%T: %v", dst, err)
				}
			}
		}
	}
}

func TestNewRaw(t *testing.T) {
	all := [][]byte{[]byte("0"), []byte("1"), []byte("2")}
	for _, c := range []struct {
		name, value string
		want        payload.Raw
	}{
		{"nothing binary", `[1,"x"]`, raw(`[1,"x"]`)},
		{"the first", ph0, raw(ph0, "0")},
		{"the first, in its own spelling", `{"num":0, "_placeholder":true}`, raw(`{"num":0, "_placeholder":true}`, "0")},
		{"the second", `{"a": ` + ph1 + ` }`, raw(`{"a": `+ph0+` }`, "1")},
		{"two in another order", `[` + ph1 + `,` + ph0 + `]`, raw(`[`+ph0+`,`+ph1+`]`, "1", "0")},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := payload.NewRaw([]byte(c.value), all)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %s %q", got.JSON, got.Attachments)
			}
		})
	}
	t.Run("no attachments", func(t *testing.T) {
		if got := payload.NewRaw([]byte(ph0), nil); !reflect.DeepEqual(got, raw(ph0)) {
			t.Errorf("got %s %q", got.JSON, got.Attachments)
		}
	})
	t.Run("an illegal reference is refused when it is sent", func(t *testing.T) {
		got := payload.NewRaw([]byte(`{"_placeholder":true,"num":3}`), all)
		if _, _, err := payload.MarshalArgs([]any{got}, nil); !errors.Is(err, payload.ErrForgedPlaceholder) {
			t.Errorf("got %v", err)
		}
	})
}
