package payload_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// Types for the search for binary values. They cover all features of encoding/json for structs, maps and methods.
type (
	blob     []byte
	ints     []uint8 // an alias in all but name
	letter   byte
	text     string
	secret   struct{ inner []byte }
	pointed  struct{ inner []byte }
	asText   struct{ inner []byte }
	quietInt int

	file struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}
	options struct {
		Empty  []byte `json:"empty,omitempty"`
		Zero   []byte `json:"zero,omitzero"`
		Hidden []byte `json:"-"`
		//lint:ignore SA5008 encoding/json takes the name "-" from it
		Dash    []byte      `json:"-,"`
		Number  int         `json:"number,string"`
		Flag    *bool       `json:"flag,string"`
		Quoted  string      `json:"quoted,string"`
		Literal json.Number `json:"literal,string"`
		NoName  []byte      `json:",omitempty"`
		//lint:ignore SA5008 encoding/json ignores the name
		BadName  []byte            `json:"a\"b"`
		Time     time.Time         `json:"time,omitzero"`
		Map      map[string][]byte `json:"map,omitempty"`
		Pointer  *file             `json:"pointer,omitempty"`
		unexport []byte
	}
	inner struct {
		A []byte
		B string `json:"b"`
	}
	Inner struct {
		A []byte
		C []byte `json:"b"` // tagged like a field of inner: when both are embedded, neither is encoded
	}
	embeds struct {
		inner
		*Inner
		Own []byte
	}
	embedsTagged struct {
		inner `json:"inner"`
		A     []byte
	}
	deep1   struct{ X, Y []byte }
	deep2   struct{ deep1 }
	shadows struct {
		deep2
		X []byte `json:"Y"`
	}
	twice struct {
		leftSide
		rightSide
	}
	leftSide  struct{ deep1 }
	rightSide struct{ deep1 }
	node      struct {
		Data []byte
		Next *node `json:",omitempty"`
	}
	ping struct{ Pong *pong }
	pong struct {
		Ping *ping
		Data []byte
	}
	holder struct {
		Value   pointed
		Pointer *pointed
		Raw     json.RawMessage
		When    time.Time
		Secret  secret
		Text    asText
	}
	mixed struct {
		Any   any
		Slice []any
		Array [2][]byte
		Bytes [2]byte
		Keys  map[int][]byte
		Texts map[asKey]blob
		Plain map[string]int
		Quiet quietInt
		Error error
		Char  letter
		Chars []letter
		Blob  blob
		Ints  ints
		Func  fmt.Stringer
		Float float32
	}
	asKey  struct{ n int }
	zeroes struct {
		Value     zero      `json:",omitzero"`
		Pointed   pointZero `json:",omitzero"`
		Pointer   *zero     `json:",omitzero"`
		Interface isZeroer  `json:",omitzero"`
		Plain     [1][]byte `json:",omitzero"`
	}
	zero      struct{ Data []byte }
	pointZero struct{ Data []byte }
	isZeroer  interface{ IsZero() bool }

	embedsTaggedPointer struct {
		*inner `json:"inner"`
		B      []byte
	}
	empties struct {
		B []byte
		I int            `json:",omitempty"`
		F bool           `json:",omitempty"`
		S struct{}       `json:",omitempty"`
		A any            `json:",omitempty"`
		M map[string]any `json:",omitempty"`
		N [0]int         `json:",omitempty"`
		P *int           `json:",omitempty"`
	}
)

func (z zero) IsZero() bool       { return string(z.Data) == "zero" }
func (z *pointZero) IsZero() bool { return string(z.Data) == "zero" }

func (s secret) MarshalJSON() ([]byte, error)   { return json.Marshal("secret:" + string(s.inner)) }
func (p *pointed) MarshalJSON() ([]byte, error) { return json.Marshal("pointed:" + string(p.inner)) }
func (a asText) MarshalText() ([]byte, error)   { return []byte("text:" + string(a.inner)), nil }
func (k asKey) MarshalText() ([]byte, error)    { return fmt.Appendf(nil, "key%d", k.n), nil }
func (k *asKey) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "key%d", &k.n)
	return err
}
func (q *quietInt) MarshalText() ([]byte, error) { return []byte("quiet"), nil }

func values() map[string]any {
	b := func(s string) []byte { return []byte(s) }
	yes := true
	data := b("pointer")
	return map[string]any{
		"nil":               nil,
		"string":            "a<b>&\"\\\u2028\x00\x1f\x7fé😀\xff",
		"empty string":      "",
		"named string":      text("t\n"),
		"bool":              true,
		"ints":              []any{0, -1, int8(1), int16(2), int32(3), int64(math.MinInt64), uint(1), uint8(2), uint16(3), uint32(4), uint64(math.MaxUint64)},
		"floats":            []any{0.1, 1e21, 1e20, 1e-6, 9e-7, 1e-7, -1.5e-10, 1e-100, math.MaxFloat64, math.SmallestNonzeroFloat64, float32(0.1), 3.0, -0.5, 0.0, math.Copysign(0, -1)},
		"pointer to string": new("s"),
		"bytes":             b("abc"),
		"empty bytes":       b(""),
		"nil bytes":         []byte(nil),
		"named bytes":       blob("abc"),
		"pointer to bytes":  &data,
		"nil pointer":       (*file)(nil),
		"nil slice":         [][]byte(nil),
		"nil map":           map[string][]byte(nil),
		"struct":            file{"f", b("data")},
		"pointer to struct": &file{"f", b("data")},
		"structs":           []file{{"f", b("1")}, {"g", nil}},
		"map":               map[string]any{"z": b("1"), "a": "x", "m": map[string]any{"b": b("2"), "é<": 1.5}, "n": nil},
		"nil inside":        []any{map[string]any(nil), []any(nil), map[string]any{}, []any{}},
		"map of bytes":      map[string][]byte{"b": b("2"), "a": b("1"), "": nil},
		"options, all":      options{b("1"), b("2"), b("3"), b("4"), 5, &yes, "q\"", "7", b("8"), b("9"), time.Unix(0, 0).UTC(), map[string][]byte{"k": b("10")}, &file{"n", b("11")}, b("12")},
		"options, none":     options{},
		"options, empty":    options{Empty: b(""), Zero: b(""), NoName: b("")},
		"embedded":          embeds{inner{b("a"), "b"}, &Inner{b("A"), b("C")}, b("own")},
		"embedded nil":      embeds{Own: b("own")},
		"embedded tagged":   embedsTagged{inner{b("a"), "b"}, b("outer")},
		"pointer to that":   &embedsTagged{inner{b("a"), "b"}, b("outer")},
		"shadowing":         shadows{deep2{deep1{b("x"), b("y")}}, b("outer")},
		"twice":             twice{leftSide{deep1{b("1"), b("2")}}, rightSide{deep1{b("3"), b("4")}}},
		"recursive":         node{b("1"), &node{b("2"), nil}},
		"mutual":            ping{&pong{&ping{&pong{nil, b("1")}}, b("2")}},
		"methods":           holder{pointed{b("v")}, &pointed{b("p")}, json.RawMessage(`{"_x":[1, 2]}`), time.Unix(0, 0).UTC(), secret{b("s")}, asText{b("t")}},
		"methods, pointer":  &holder{pointed{b("v")}, &pointed{b("p")}, nil, time.Unix(0, 0).UTC(), secret{b("s")}, asText{b("t")}},
		"methods in any":    []any{secret{b("s")}, &secret{b("s")}, pointed{b("p")}, &pointed{b("p")}, asText{b("t")}, json.RawMessage(`[1]`), b("x")},
		"mixed": &mixed{b("any"), []any{1, "s", b("2"), nil}, [2][]byte{b("a"), nil}, [2]byte{1, 2}, map[int][]byte{10: b("ten"), 9: b("nine")},
			map[asKey]blob{{2}: blob("two"), {1}: blob("one")}, map[string]int{"z": 1, "a": 2}, 7, nil, 'c', []letter{'d'}, blob("blob"), ints("ints"), nil, 0.1},
		"mixed, by value":     mixed{Quiet: 7, Any: &mixed{Quiet: 7}},
		"zero by method":      zeroes{Value: zero{b("zero")}, Pointed: pointZero{b("zero")}, Pointer: &zero{b("zero")}, Interface: &zero{b("zero")}},
		"zero, pointer":       &zeroes{Value: zero{b("zero")}, Pointed: pointZero{b("zero")}, Interface: (*zero)(nil)},
		"not zero":            &zeroes{zero{}, pointZero{}, &zero{}, zero{b("x")}, [1][]byte{b("y")}},
		"embedded pointer":    embedsTaggedPointer{&inner{b("a"), "b"}, b("c")},
		"embedded pointer, 0": embedsTaggedPointer{},
		"empty":               empties{},
		"empty, not":          empties{b("1"), 1, true, struct{}{}, b("2"), map[string]any{"a": b("3")}, [0]int{}, new(7)},
		"maps by other keys":  []any{map[uint8][]byte{200: b("a"), 3: b("b")}, map[*asKey]blob{nil: blob("a"), {1}: blob("b")}, map[text]any{"t": b("c")}},
		"basic kinds":         []any{letter('x'), quietInt(3), map[string]any{"u": uint16(7), "f": float32(1.5), "n": json.Number("12")}, b("x")},
		"anonymous": struct {
			file
			Extra any
		}{file{"n", b("d")}, []any{b("e")}},
	}
}

// raw returns a Raw with this text and these attachments.
func raw(text string, attachments ...string) payload.Raw {
	r := payload.Raw{JSON: []byte(text)}
	for _, a := range attachments {
		r.Attachments = append(r.Attachments, []byte(a))
	}
	return r
}

// reference is the output of encoding/json with the escapes of JSON.stringify.
func reference(t testing.TB, v any) string {
	t.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029", `\ufffd`, "\ufffd").Replace(strings.TrimSuffix(buf.String(), "\n"))
}

// inline replaces placeholders by their attachments in base64, as encoding/json writes them.
func inline(data []byte, attachments [][]byte) string {
	s := string(data)
	for i, a := range attachments {
		quoted := `"` + base64.StdEncoding.EncodeToString(a) + `"`
		s = strings.Replace(s, fmt.Sprintf(`{"_placeholder":true,"num":%d}`, i), quoted, 1)
	}
	return s
}

func TestMarshalArgs_AgreesWithEncodingJSON(t *testing.T) {
	for name, v := range values() {
		t.Run(name, func(t *testing.T) {
			data, attachments, err := payload.MarshalArgs([]any{v, "and", v}, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := reference(t, v)
			want = "[" + want + `,"and",` + want + "]"
			if got := inline(data, attachments); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
			if bytes.Contains(data, []byte("base64")) {
				t.Error("binary left in the text")
			}
		})
	}
}

func TestMarshalEvent(t *testing.T) {
	b := func(s string) []byte { return []byte(s) }
	for _, c := range []struct {
		name, event string
		args        []any
		data        string
		attachments []string
	}{
		{"no arguments", "e", nil, `["e"]`, nil},
		{"name with a quote", `a"<`, nil, `["a\"<"]`, nil},
		{"empty name", "", nil, `[""]`, nil},
		{"connection", "connection", nil, `["connection"]`, nil},
		{"plain", "e", []any{1, "x", nil, true, 1.5}, `["e",1,"x",null,true,1.5]`, nil},
		{"nothing escaped that need not be", "e", []any{"<>&\u2028\u2029/\x7f\b\f\n\r\t\x01"}, "[\"e\",\"<>&\u2028\u2029/\x7f\\b\\f\\n\\r\\t\\u0001\"]", nil},
		{"the same behind encoding/json", "e", []any{[]string{"<>&\u2028\u2029", `\u2028`, "\\\u2028", "\xff\b"}}, "[\"e\",[\"<>&\u2028\u2029\",\"\\\\u2028\",\"\\\\\u2028\",\"\ufffd\\b\"]]", nil},
		{"binary", "e", []any{b("1")}, `["e",{"_placeholder":true,"num":0}]`, []string{"1"}},
		{"empty binary", "e", []any{b("")}, `["e",{"_placeholder":true,"num":0}]`, []string{""}},
		{"nil binary", "e", []any{[]byte(nil)}, `["e",null]`, nil},
		{"order of the text", "e", []any{map[string]any{"b": b("2"), "a": b("1")}, b("3")}, `["e",{"a":{"_placeholder":true,"num":0},"b":{"_placeholder":true,"num":1}},{"_placeholder":true,"num":2}]`, []string{"1", "2", "3"}},
		{"raw", "e", []any{payload.Raw{JSON: b(`{ "a":1}`)}, payload.Raw{}}, `["e",{ "a":1},null]`, nil},
		{"raw with binary", "e", []any{raw(`[{"num":0,"_placeholder":true}]`, "1")}, `["e",[{"num":0,"_placeholder":true}]]`, []string{"1"}},
		{"raws with binary", "e", []any{b("0"), raw(`[{"_placeholder":true,"num":1}, {"num":0,"_placeholder":true}]`, "1", "2"), new(raw(`{"_placeholder":true,"num":0}`, "3")), b("4")},
			`["e",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":2}, {"_placeholder":true,"num":1}],{"_placeholder":true,"num":3},{"_placeholder":true,"num":4}]`, []string{"0", "1", "2", "3", "4"}},
		{"raw inside", "e", []any{map[string]any{"r": raw(`{"_placeholder":true,"num":0}`, "1"), "a": []payload.Raw{{JSON: b(`7`)}}}}, `["e",{"a":[7],"r":{"_placeholder":true,"num":0}}]`, []string{"1"}},
		{"raw inside a struct", "e", []any{&struct{ R payload.Raw }{raw(`{"_placeholder":true,"num":0}`, "1")}}, `["e",{"R":{"_placeholder":true,"num":0}}]`, []string{"1"}},
		{"a placeholder without binary is data", "e", []any{map[string]any{"_placeholder": true, "num": 0}}, `["e",{"_placeholder":true,"num":0}]`, nil},
		{"a placeholder that is a string is data", "e", []any{map[string]any{"_placeholder": "true", "num": 0}, b("1")}, `["e",{"_placeholder":"true","num":0},{"_placeholder":true,"num":0}]`, []string{"1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			data, attachments, err := payload.MarshalEvent(c.event, c.args, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range attachments {
				got = append(got, string(a))
			}
			if string(data) != c.data || !reflect.DeepEqual(got, c.attachments) {
				t.Errorf("\n got %s %q\nwant %s %q", data, got, c.data, c.attachments)
			}
			if back := received(t, parser.JSON{}, &parser.Packet{Type: parser.Event, Data: data, Attachments: attachments}); string(back.Data) != string(data) || !reflect.DeepEqual(back.Attachments, attachments) {
				t.Errorf("came back as %s %q", back.Data, back.Attachments)
			}
			text, lifted, err := payload.AppendEvent([]byte("before"), c.event, c.args, nil)
			if string(text) != "before"+c.data || len(lifted) != len(attachments) || err != nil {
				t.Errorf("appended: %s %q %v", text, lifted, err)
			}
		})
	}
}

// received encodes a packet and returns the packet that the receiver decodes.
func received(t *testing.T, format parser.Parser, sent *parser.Packet) (p *parser.Packet) {
	t.Helper()
	frames, err := format.Encode(sent)
	dec := format.NewDecoder(parser.Limits{Attachments: -1})
	for _, f := range frames {
		if p, err = dec.Add(f.Data, f.Binary); err != nil {
			break
		}
	}
	if err != nil || p == nil {
		t.Fatalf("%s: %v", sent.Data, err)
	}
	return p
}

// Values keep their meaning when they are received in one format and sent on in the other.
func TestMarshalArgs_CarriedByMessagePack(t *testing.T) {
	for name, v := range values() {
		data, attachments, err := payload.MarshalArgs([]any{v}, nil)
		if err != nil {
			t.Fatal(err)
		}
		p := received(t, parser.MessagePack{}, &parser.Packet{Type: parser.Ack, HasID: true, Data: data, Attachments: attachments})
		var got, want any
		if err := payload.Unmarshal(argument(p.Data, 0), p.Attachments, &got); err != nil {
			t.Fatal(err)
		}
		if err := payload.Unmarshal(argument(data, 0), attachments, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", name, got, want)
		}
	}
}

func TestMarshal_Errors(t *testing.T) {
	placeholder := func(num any) map[string]any { return map[string]any{"_placeholder": true, "num": num} }
	cycle := &node{Data: []byte("x")}
	cycle.Next = cycle
	loop := map[string]any{}
	loop["self"] = []any{loop}
	failing := errors.New("no")
	for _, c := range []struct {
		name string
		args []any
		is   error
	}{
		{"forged beside binary", []any{placeholder(0), []byte("x")}, payload.ErrForgedPlaceholder},
		{"forged behind binary", []any{[]byte("x"), placeholder(0)}, payload.ErrForgedPlaceholder},
		{"forged out of range", []any{[]byte("x"), placeholder(7)}, payload.ErrForgedPlaceholder},
		{"forged without a number", []any{[]byte("x"), map[string]bool{"_placeholder": true}}, payload.ErrForgedPlaceholder},
		{"forged by a struct", []any{[]byte("x"), struct {
			P bool `json:"_placeholder"`
		}{true}}, payload.ErrForgedPlaceholder},
		{"forged with the binary inside", []any{map[string]any{"_placeholder": true, "num": []byte("x")}}, payload.ErrForgedPlaceholder},
		{"forged in raw JSON", []any{[]byte("x"), json.RawMessage(`{"\u005fplaceholder":true,"num":0}`)}, payload.ErrForgedPlaceholder},
		{"forged in a Raw", []any{[]byte("x"), payload.Raw{JSON: []byte(`{"_placeholder":true,"num":0}`)}}, payload.ErrForgedPlaceholder},
		{"a Raw's reference out of range", []any{raw(`{"_placeholder":true,"num":1}`, "1")}, payload.ErrForgedPlaceholder},
		{"a Raw's reference into its neighbour", []any{raw(`{"_placeholder":true,"num":1}`, "1"), []byte("x")}, payload.ErrForgedPlaceholder},
		{"a Raw's second reference", []any{raw(`[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`, "1")}, payload.ErrForgedPlaceholder},
		{"an attachment that a Raw leaves unused, forged", []any{raw(`1`, "1"), placeholder(0)}, payload.ErrForgedPlaceholder},
		{"too many attachments", []any{make([][]byte, 0), bytesOf(10_000)}, payload.ErrInvalidPacket},
		{"channel", []any{make(chan int)}, nil},
		{"function in any", []any{[]any{func() {}, []byte("x")}}, nil},
		{"not a number", []any{math.NaN()}, nil},
		{"keys that are none", []any{map[bool][]byte{true: nil}}, nil},
		{"cycle with binary", []any{cycle}, nil},
		{"cycle of maps", []any{loop}, nil},
		{"key with an error", []any{map[badKey][]byte{{}: nil}}, nil},
		{"error inside a slice", []any{[]any{make(chan int)}}, nil},
		{"error inside a map", []any{map[string]any{"a": make(chan int)}}, nil},
		{"error inside a typed map", []any{map[string]node{"a": *cycle}}, nil},
		{"own error", []any{errorMarshaler{failing}}, failing},
		{"own bad JSON", []any{json.RawMessage(`{`)}, nil},
		{"own bad UTF-8", []any{json.RawMessage("\"\xff\"")}, nil},
		{"bad UTF-8 in a Raw", []any{payload.Raw{JSON: []byte("\"\xff\"")}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			data, attachments, err := payload.MarshalArgs(c.args, nil)
			if err == nil || data != nil || attachments != nil {
				t.Fatalf("%.100q, %d attachments, %v", data, len(attachments), err)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v, want %v", err, c.is)
			}
		})
	}
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		if _, _, err := payload.MarshalEvent(name, nil, nil); !errors.Is(err, payload.ErrReservedEvent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type errorMarshaler struct{ err error }

func (e errorMarshaler) MarshalJSON() ([]byte, error) { return nil, e.err }

func bytesOf(n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = []byte{}
	}
	return all
}

// After a panic in a MarshalJSON method, the next packet is encoded correctly.
func TestMarshal_PanicLeavesNothingBehind(t *testing.T) {
	for range 3 {
		func() {
			defer func() { _ = recover() }()
			_, _, _ = payload.MarshalArgs([]any{"x", []byte("y"), panicMarshaler{}}, nil)
		}()
		if data, attachments, err := payload.MarshalArgs([]any{1}, nil); string(data) != "[1]" || attachments != nil || err != nil {
			t.Fatalf("%s %v %v", data, attachments, err)
		}
	}
}

type badKey struct{}

func (badKey) MarshalText() ([]byte, error) { return nil, errors.New("no") }

type panicMarshaler struct{}

func (panicMarshaler) MarshalJSON() ([]byte, error) { panic("mine") }

// The caller may reuse its buffers.
func TestMarshal_CopiesBinary(t *testing.T) {
	buf := []byte("before")
	_, attachments, err := payload.MarshalArgs([]any{buf, &file{Data: buf}}, nil)
	copy(buf, "after!")
	if err != nil || string(attachments[0]) != "before" || string(attachments[1]) != "before" {
		t.Errorf("%q, %v", attachments, err)
	}
}

func TestMarshalValue(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, `null`},
		{map[string]any{"message": "a<\u2028"}, "{\"message\":\"a<\u2028\"}"},
		{file{"n", []byte("abc")}, `{"name":"n","data":"YWJj"}`},
		{payload.Raw{JSON: []byte(`{"a":1}`)}, `{"a":1}`},
		{payload.Raw{}, `null`},
		{json.RawMessage(`{"a": 1}`), `{"a":1}`},
	} {
		if got, err := payload.MarshalValue(c.v); err != nil || string(got) != c.want {
			t.Errorf("%v: %s, %v", c.v, got, err)
		}
	}
	for _, v := range []any{math.Inf(1), make(chan int), json.RawMessage("\"\xff\""), raw(`{}`, "1")} {
		if got, err := payload.MarshalValue(v); err == nil {
			t.Errorf("%v: %s", v, got)
		}
	}
}
