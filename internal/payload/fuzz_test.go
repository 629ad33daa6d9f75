package payload_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parleyio/parley/internal/payload"
)

// quotable removes characters that encoding/json escapes twice under the ",string" option and the encoder only once.
var quotable = strings.NewReplacer("\u2028", "", "\u2029", "", "\ufffd", "")

// FuzzMarshalBinary compares encoding with that of encoding/json, for types that use all its features.
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
				return // not a number, or a date that JSON cannot express
			}
			data, attachments, err := payload.MarshalArgs([]any{v}, nil)
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

// FuzzUnmarshal decodes any text into types of all kinds. Errors are allowed, but no panics and no changed attachments.
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
			new(relayed), new(json.RawMessage), new(payload.Raw), new(map[string]*payload.Raw), new(**file), new([2][]byte), new([][][]byte), new(twice),
		} {
			err := payload.Unmarshal(text, attachments, dst)
			var v *payload.ValueError
			if err != nil && !errors.As(err, &v) {
				t.Fatalf("%T: %v", dst, err)
			}
		}
		if string(attachments[0]) != "zero" || string(attachments[1]) != "one" {
			t.Fatal("an attachment was changed")
		}
		r := payload.NewRaw(text, attachments)
		_, _, _ = payload.MarshalArgs([]any{r, []byte("x")}, nil)
		_, _, _ = payload.EventName(text)
		for _, at, ok := payload.Next(text, 0); ok; _, at, ok = payload.Next(text, at) {
		}
	})
}

// FuzzValidate compares Validate with encoding/json. Both must accept the same texts.
func FuzzValidate(f *testing.F) {
	for _, text := range []string{`[1,{"a":[true,null]}]`, `{"a":}`, `"\u00zz"`, `01`, ` [ ] `, `-1.5e+3`, `"\\\""`, "[[[[", "nul"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		end, err := payload.Validate(text, 0, 10_000)
		valid := err == nil && payload.SkipSpace(text, end) == len(text)
		if want := json.Valid(text); valid != want && utf8.Valid(text) {
			t.Errorf("%q: encoding/json says %v, Validate %v", text, want, err)
		}
		var syntax *payload.SyntaxError
		if err != nil && (!errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(text)+1) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
