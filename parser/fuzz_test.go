package parser_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// FuzzDecode decodes a text message and messages that may be its attachments. Each packet must satisfy its documentation,
// be the same after encoding and decoding, and agree with encoding/json.
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

// checkPacket checks what every decoder guarantees for a packet.
func checkPacket(t *testing.T, p *parser.Packet) {
	t.Helper()
	if p.Namespace == "" || p.Namespace[0] != '/' || strings.Contains(p.Namespace, ",") || !utf8.ValidString(p.Namespace) {
		t.Fatalf("namespace %q", p.Namespace)
	}
	if p.Data != nil && (!json.Valid(p.Data) || !utf8.Valid(p.Data)) {
		t.Fatalf("payload %q", p.Data)
	}
	if p.Type == parser.Ack && (!p.HasID || p.Data == nil) {
		return // receivers ignore it
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
		name, rest, err := payload.EventName(p.Data)
		if err != nil || payload.Reserved(name) || len(name) > 512 {
			t.Fatalf("name %q, %v", name, err)
		}
		at, want = rest, want[1:]
	}
	var args []any
	for v, next, ok := payload.Next(p.Data, at); ok; v, next, ok = payload.Next(p.Data, next) {
		if i := len(args); i >= len(want) || string(v) != string(want[i]) {
			t.Fatalf("argument %d is %q of %q", i, v, want)
		}
		var dst any
		var misfit *payload.ValueError
		if err := payload.Unmarshal(v, p.Attachments, &dst); err != nil && !errors.As(err, &misfit) {
			t.Fatal(err)
		}
		args = append(args, payload.NewRaw(v, p.Attachments))
	}
	if len(args) != len(want) {
		t.Fatalf("%d arguments of %d", len(args), len(want))
	}
	checkRelay(t, p, args)
}

// checkRelay passes the arguments on behind other arguments, and compares them after decoding.
func checkRelay(t *testing.T, p *parser.Packet, args []any) {
	t.Helper()
	before := []byte("before")
	data, attachments, err := payload.MarshalArgs(append([]any{before}, args...), nil)
	if errors.Is(err, parser.ErrForgedPlaceholder) && len(p.Attachments) == 0 {
		return // the object is ordinary data here, but not in a packet with attachments
	}
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for v, at, ok := payload.Next(data, 0); ok; v, at, ok = payload.Next(data, at) {
		var got, want any = nil, before
		errGot := payload.Unmarshal(v, attachments, &got)
		var errWant error
		if i > 0 {
			arg := args[i-1].(parser.Raw)
			errWant = payload.Unmarshal(arg.JSON, arg.Attachments, &want)
		}
		if (errGot == nil) != (errWant == nil) || errGot == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("argument %d: %v (%v), want %v (%v)", i, got, errGot, want, errWant)
		}
		i++
	}
}

// FuzzRoundTrip encodes and decodes a Go value through every step.
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
		data, attachments, err := payload.MarshalEvent(name, []any{v, "last"}, nil)
		switch {
		case errors.Is(err, parser.ErrReservedEvent) && payload.Reserved(name):
			return
		case errors.Is(err, parser.ErrForgedPlaceholder) && strings.Contains(text, "placeholder"):
			return
		case errors.Is(err, parser.ErrForgedPlaceholder) && strings.Contains(text, `\u`):
			return // written with escapes
		case err != nil:
			t.Fatal(err)
		}
		if len(attachments) > 9 {
			return
		}
		p := recode(t, parser.JSON{}, &parser.Packet{Type: parser.Event, Namespace: "/n", ID: id, HasID: true, Data: data, Attachments: attachments})
		gotName, at, err := payload.EventName(p.Data)
		if want := strings.ToValidUTF8(name, "\ufffd"); err != nil || p.ID != id || len([]rune(gotName)) < len([]rune(want)) {
			t.Fatalf("%q %v %d, want %q %d", gotName, err, p.ID, want, id)
		}
		arg, at, _ := payload.Next(p.Data, at)
		last, _, ok := payload.Next(p.Data, at)
		var got any
		if err := payload.Unmarshal(arg, p.Attachments, &got); err != nil || !ok || string(last) != `"last"` {
			t.Fatalf("%v, last %q", err, last)
		}
		if !reflect.DeepEqual(got, v) {
			t.Fatalf("\n got %#v\nwant %#v", got, v)
		}
	})
}

// sprinkle replaces the string "binary", and empty strings, in a value by binary values.
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
