package parser_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parleyio/parley/parser"
)

// FuzzDecode feeds a decoder with a text message and what may be its attachments. Whatever comes out must be true to
// its description, go back through the encoder, and be what encoding/json makes of it.
func FuzzDecode(f *testing.F) {
	for _, v := range readVectors(f, decodeVectors) {
		seed := [3][]byte{}
		for i, m := range v.messages {
			if i < len(seed) {
				seed[i] = m.Data
			}
		}
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, text, first, second []byte) {
		dec := parser.JSON{}.NewDecoder(parser.Limits{})
		p, err := dec.Add(bytes.Clone(text), false)
		for _, attachment := range [][]byte{first, second} {
			if err == nil && dec.Waiting() {
				p, err = dec.Add(attachment, true)
			}
		}
		var syntax *parser.SyntaxError
		switch {
		case err != nil && (!errors.As(err, &syntax) || p != nil || dec.Waiting()):
			t.Fatalf("%v, %v, waiting %v", show(p), err, dec.Waiting())
		case err == nil && (p == nil) != dec.Waiting():
			t.Fatalf("%v, waiting %v", show(p), dec.Waiting())
		case p != nil:
			checkPacket(t, p)
		}
	})
}

// checkPacket checks what every decoder promises of a packet.
func checkPacket(t *testing.T, p *parser.Packet) {
	t.Helper()
	if p.Namespace == "" || p.Namespace[0] != '/' || strings.Contains(p.Namespace, ",") || !utf8.ValidString(p.Namespace) {
		t.Fatalf("namespace %q", p.Namespace)
	}
	if p.Data != nil && (!json.Valid(p.Data) || !utf8.Valid(p.Data)) {
		t.Fatalf("payload %q", p.Data)
	}
	if p.Type == parser.Ack && (!p.HasID || p.Data == nil) {
		return // to be ignored
	}
	if back := recode(t, parser.JSON{}, p); show(back) != show(p) {
		t.Fatalf("%s came back as %s", show(p), show(back))
	}
	if p.Type != parser.Event && p.Type != parser.Ack {
		return
	}
	var want []json.RawMessage
	if err := json.Unmarshal(p.Data, &want); err != nil {
		t.Fatal(err)
	}
	at := 0
	if p.Type == parser.Event {
		name, rest, err := parser.EventName(p.Data)
		if err != nil || parser.ReservedEvent(name) || len(name) > 128 {
			t.Fatalf("name %q, %v", name, err)
		}
		at, want = rest, want[1:]
	}
	var args []any
	for v, next, ok := parser.NextValue(p.Data, at); ok; v, next, ok = parser.NextValue(p.Data, next) {
		if i := len(args); i >= len(want) || string(v) != string(want[i]) {
			t.Fatalf("argument %d is %q of %q", i, v, want)
		}
		var dst any
		var misfit *parser.ValueError
		if err := parser.Unmarshal(v, p.Attachments, &dst); err != nil && !errors.As(err, &misfit) {
			t.Fatal(err)
		}
		args = append(args, parser.NewRaw(v, p.Attachments))
	}
	if len(args) != len(want) {
		t.Fatalf("%d arguments of %d", len(args), len(want))
	}
	checkRelay(t, p, args)
}

// checkRelay sends the arguments on, with others before them, and compares what arrives.
func checkRelay(t *testing.T, p *parser.Packet, args []any) {
	t.Helper()
	before := []byte("before")
	data, attachments, err := parser.MarshalArgs(append([]any{before}, args...))
	if errors.Is(err, parser.ErrForgedPlaceholder) && len(p.Attachments) == 0 {
		return // data in this packet, but not in one that has attachments
	}
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for v, at, ok := parser.NextValue(data, 0); ok; v, at, ok = parser.NextValue(data, at) {
		var got, want any = nil, before
		errGot := parser.Unmarshal(v, attachments, &got)
		var errWant error
		if i > 0 {
			arg := args[i-1].(parser.Raw)
			errWant = parser.Unmarshal(arg.JSON, arg.Attachments, &want)
		}
		if (errGot == nil) != (errWant == nil) || errGot == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("argument %d: %v (%v), want %v (%v)", i, got, errGot, want, errWant)
		}
		i++
	}
}

// FuzzRoundTrip sends a Go value through every step and back.
func FuzzRoundTrip(f *testing.F) {
	f.Add("event", `{"a":[1,"s",null,true],"b":"binary"}`, uint64(7), []byte("x"))
	f.Add("", `[[["deep"]],{"_placeholder":true,"num":0}]`, uint64(0), []byte{})
	f.Add("\xff", `"\u2028\ud800"`, uint64(1<<63), []byte("yy"))
	f.Fuzz(func(t *testing.T, name, text string, id uint64, binary []byte) {
		var v any
		if json.Unmarshal([]byte(text), &v) != nil {
			t.Skip("no value")
		}
		v = sprinkle(v, binary)
		data, attachments, err := parser.MarshalEvent(name, []any{v, "last"})
		switch {
		case errors.Is(err, parser.ErrReservedEvent) && parser.ReservedEvent(name):
			return
		case errors.Is(err, parser.ErrForgedPlaceholder) && strings.Contains(text, "placeholder"):
			return
		case errors.Is(err, parser.ErrForgedPlaceholder) && strings.Contains(text, `\u`):
			return // spelt with escapes
		case err != nil:
			t.Fatal(err)
		}
		if len(attachments) > 9 {
			return
		}
		p := recode(t, parser.JSON{}, &parser.Packet{Type: parser.Event, Namespace: "/n", ID: id, HasID: true, Data: data, Attachments: attachments})
		gotName, at, err := parser.EventName(p.Data)
		if want := strings.ToValidUTF8(name, "\ufffd"); err != nil || p.ID != id || len([]rune(gotName)) < len([]rune(want)) {
			t.Fatalf("%q %v %d, want %q %d", gotName, err, p.ID, want, id)
		}
		arg, at, _ := parser.NextValue(p.Data, at)
		last, _, ok := parser.NextValue(p.Data, at)
		var got any
		if err := parser.Unmarshal(arg, p.Attachments, &got); err != nil || !ok || string(last) != `"last"` {
			t.Fatalf("%v, last %q", err, last)
		}
		if !reflect.DeepEqual(got, v) {
			t.Fatalf("\n got %#v\nwant %#v", got, v)
		}
	})
}

// sprinkle puts binary where a value has the string "binary" and where it has an empty one.
func sprinkle(v any, binary []byte) any {
	switch v := v.(type) {
	case string:
		if v == "binary" || v == "" {
			return append([]byte{}, binary...)
		}
	case []any:
		for i := range v {
			v[i] = sprinkle(v[i], binary)
		}
	case map[string]any:
		for k := range v {
			v[k] = sprinkle(v[k], binary)
		}
	}
	return v
}

// quotable takes out what encoding/json escapes twice under the ",string" option, and the encoder only as often as need
// be.
var quotable = strings.NewReplacer("\u2028", "", "\u2029", "", "\ufffd", "")

// FuzzMarshalBinary compares the search for binary with what encoding/json writes, over types that have all it knows.
func FuzzMarshalBinary(f *testing.F) {
	f.Add("key", []byte("binary"), int64(7), 1.5, uint8(0xff))
	f.Add("é<\u2028\xff", []byte{}, int64(-1), 1e21, uint8(0x55))
	f.Add("", []byte(nil), int64(0), math.Copysign(0, -1), uint8(0))
	f.Fuzz(func(t *testing.T, s string, b []byte, n int64, x float64, bits uint8) {
		bit := func(i int) bool { return bits>>i&1 == 1 }
		pick := func(i int) []byte {
			if bit(i) {
				return b
			}
			return nil
		}
		var any1 any = []any{s, pick(0), n, x, map[string][]byte{s: pick(1)}}
		flag := bit(2)
		o := options{Empty: pick(0), Zero: pick(1), Hidden: b, Dash: pick(2), Number: int(n), Quoted: quotable.Replace(strings.ToValidUTF8(s, "")), NoName: pick(3), BadName: pick(4)}
		if bit(5) {
			o.Flag, o.Pointer, o.Time = &flag, &file{s, pick(6)}, time.Unix(n%1e9, 0).UTC()
			o.Map = map[string][]byte{s: b, "other": pick(7)}
		}
		e := embeds{inner{pick(0), s}, nil, pick(1)}
		if bit(3) {
			e.Inner = &Inner{pick(2), b}
		}
		m := &mixed{Any: any1, Slice: []any{&o, e}, Array: [2][]byte{pick(0), pick(1)}, Keys: map[int][]byte{int(n): b, 0: nil},
			Texts: map[asKey]blob{{int(n)}: b}, Plain: map[string]int{s: 1}, Quiet: quietInt(n), Blob: pick(5), Float: float32(x)}
		h := &holder{Value: pointed{b}, Secret: secret{pick(1)}, Text: asText{pick(2)}, Pointer: &pointed{b}}
		for _, v := range []any{o, &o, e, &e, m, *m, h, *h, embedsTagged{inner{b, s}, pick(0)}, map[string]any{s: m, "x": b}, node{b, &node{pick(0), nil}}} {
			if _, err := json.Marshal(v); err != nil {
				return // not a number, or a date that JSON cannot have
			}
			data, attachments, err := parser.MarshalArgs([]any{v})
			if err != nil {
				t.Fatalf("%T: %v", v, err)
			}
			if strings.Contains(s, "_placeholder") {
				continue
			}
			if got, want := inline(data, attachments), "["+reference(t, v)+"]"; got != want {
				t.Fatalf("%T:\n got %s\nwant %s", v, got, want)
			}
		}
	})
}

// FuzzUnmarshal decodes any text into types of all kinds: an error may come of it, but no panic, and no attachment may
// change.
func FuzzUnmarshal(f *testing.F) {
	for _, text := range []string{
		ph0, `[` + ph0 + `,` + ph1 + `]`, `{"data":` + ph0 + `,"name":"n"}`, `{"user":{"photo":` + ph1 + `,"nested":{"data":` + ph0 + `}}}`,
		`{"Any":` + ph0 + `,"Slice":[{"a":` + ph1 + `}],"Array":[null,` + ph0 + `],"Keys":{"7":` + ph1 + `},"Texts":{"key1":` + ph0 + `}}`,
		`{"Value":` + ph0 + `,"Raw":[` + ph1 + `],"When":"x"}`, `{"A":` + ph0 + `,"b":` + ph1 + `,"Own":null}`, `{"a":[` + ph0 + `],"a":1}`,
		`{"room":"r","message":{"a":` + ph1 + `}}`, `{"empty":` + ph0 + `,"map":{"k":` + ph1 + `},"pointer":{"data":null}}`, `{"`, `[{]}`, `{"a":}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		attachments := [][]byte{[]byte("zero"), []byte("one")}
		for _, dst := range []any{
			new(any), new([]byte), new(string), new(file), new([]any), new(map[string]any), new(map[string][]byte), new(map[int]blob), new(map[asKey]*[]byte),
			new(profile), new(options), new(embeds), new(embedsTagged), new(embedsHidden), new(holder), new(mixed), new(node), new(ping), new(shadows),
			new(relayed), new(json.RawMessage), new(parser.Raw), new(map[string]*parser.Raw), new(**file), new([2][]byte), new([][][]byte), new(twice),
		} {
			err := parser.Unmarshal(text, attachments, dst)
			var v *parser.ValueError
			if err != nil && !errors.As(err, &v) {
				t.Fatalf("%T: %v", dst, err)
			}
		}
		if string(attachments[0]) != "zero" || string(attachments[1]) != "one" {
			t.Fatal("an attachment was changed")
		}
		r := parser.NewRaw(text, attachments)
		_, _, _ = parser.MarshalArgs([]any{r, []byte("x")})
		_, _, _ = parser.EventName(text)
		for _, at, ok := parser.NextValue(text, 0); ok; _, at, ok = parser.NextValue(text, at) {
		}
		checkJSON(t, text)
	})
}
