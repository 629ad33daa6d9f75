package payload_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/internal/payload"
)

type (
	chatMessage struct {
		Room   string    `json:"room"`
		Text   *string   `json:"text"`
		Sent   time.Time `json:"sent"`
		Sender struct {
			Age int `json:"age"`
		} `json:"sender"`
		Files [][]byte               `json:"files"`
		Tags  []string               `json:"tags"`
		Extra any                    `json:"extra"`
		Next  *chatMessage           `json:"next"`
		Rooms map[string]chatMessage `json:"rooms"`
		Raw   payload.Raw            `json:"raw"`
	}
	untagged struct{ Room, Text string }
	fieldErr struct{}
	valid    struct {
		Room string `json:"room"`
	}
	validValue struct{ N int }
)

func (fieldErr) Error() string { return "too long" }
func (fieldErr) Field() string { return "text" }

func (v *valid) Validate() error {
	switch v.Room {
	case "":
		return &payload.ValueError{Field: "room", Reason: "is empty"}
	case "long":
		return fieldErr{}
	case "plain":
		return errors.New("plain text")
	}
	return nil
}

func (v validValue) Validate() error {
	if v.N < 0 {
		return errors.New("negative")
	}
	return nil
}

// TestDecoding decodes what encoding/json accepts without a word.
func TestDecoding(t *testing.T) {
	attachments := [][]byte{[]byte("zero")}
	refusing := &payload.Decoding{RefuseUnknownKeys: true, Ignored: []string{"pid"}}
	for name, tt := range map[string]struct {
		rules *payload.Decoding
		data  string
		dst   any
		want  string // the field and the reason; empty: accepted
	}{
		"exact keys":                  {nil, `{"room":"r","text":"t","sender":{"age":1}}`, new(chatMessage), ""},
		"an unknown key":              {nil, `{"room":"r","extras":1}`, new(chatMessage), ""},
		"another letter case":         {nil, `{"Room":"x","extra":1}`, new(chatMessage), "room: key has other upper and lower case letters"},
		"another letter case, nested": {nil, `{"sender":{"AGE":1}}`, new(chatMessage), "sender.age: key has other"},
		"in a pointer":                {nil, `{"next":{"next":{"ROOM":"x"}}}`, new(chatMessage), "next.next.room: key has other"},
		"in a map":                    {nil, `{"rooms":{"a":{"room":"x"},"B":{"Room":"x"}}}`, new(chatMessage), "rooms.room: key has other"},
		"in a slice":                  {nil, `[{"room":"x"},{"rOOm":"x"}]`, new([]chatMessage), "room: key has other"},
		"written with escapes":        {nil, `{"\u0052oom":"x"}`, new(chatMessage), "room: key has other"},
		"exact, written with escapes": {nil, `{"\u0072oom":"x"}`, new(chatMessage), ""},
		"folded by Unicode":           {nil, `{"\u017fent":1}`, new(chatMessage), "sent: key has other"},
		"without tags":                {nil, `{"room":"x","TEXT":"t"}`, new(untagged), ""},
		"null without tags":           {nil, `{"room":null}`, new(untagged), "Room: want string, got null"},
		"beside binary":               {nil, `{"files":[` + ph0 + `],"Room":"x"}`, new(chatMessage), "room: key has other"},

		"unknown keys refused":           {refusing, `{"room":"r","extras":1}`, new(chatMessage), "extras: unknown key"},
		"unknown keys refused, nested":   {refusing, `{"sender":{"x":1}}`, new(chatMessage), "sender.x: unknown key"},
		"a long unknown key":             {refusing, `{"sender":{"` + strings.Repeat("x", 65) + `":1}}`, new(chatMessage), "sender: unknown key"},
		"both letter cases refused":      {refusing, `{"room":"r","Room":"x"}`, new(chatMessage), "Room: unknown key"},
		"an ignored key":                 {refusing, `{"pid":1,"room":"r"}`, new(chatMessage), ""},
		"an ignored key, but nested":     {refusing, `{"sender":{"pid":1}}`, new(chatMessage), "sender.pid: unknown key"},
		"known keys":                     {refusing, `{"room":"r","next":{"room":"s","rooms":{"any":{}}},"extra":{"x":1},"raw":{"y":2}}`, new(chatMessage), ""},
		"binary is not an unknown key":   {refusing, `{"room":` + ph0 + `,"text":"t"}`, new(chatMessage), "room: want string, got binary"},
		"binary where there is a struct": {refusing, `{"sender":` + ph0 + `}`, new(chatMessage), "sender: want object, got binary"},
		"keys of a map":                  {refusing, `{"a":1}`, new(map[string]int), ""},

		"null for a string":          {nil, `null`, new(string), ": want string, got null"},
		"null for a number":          {nil, ` null`, new(int), ": want integer, got null"},
		"null for a boolean":         {nil, `null`, new(bool), ": want boolean, got null"},
		"null for a struct":          {nil, `null`, new(chatMessage), ": want object, got null"},
		"null for an array":          {nil, `null`, new([2]int), ": want array, got null"},
		"null for a time":            {nil, `{"sent":null}`, new(chatMessage), "sent: want time, got null"},
		"null in a field":            {nil, `{"room":null}`, new(chatMessage), "room: want string, got null"},
		"null in a slice":            {nil, `{"tags":["a",null]}`, new(chatMessage), "tags: want string, got null"},
		"null in a map":              {nil, `{"a":null}`, new(map[string]int), ": want integer, got null"},
		"null where there is a nil":  {nil, `{"text":null,"files":null,"tags":null,"extra":null,"next":null,"rooms":null,"raw":null}`, new(chatMessage), ""},
		"null for a pointer":         {nil, `null`, new(*string), ""},
		"null for a slice":           {nil, `null`, new([]string), ""},
		"null for any":               {nil, `[null]`, new(any), ""},
		"null for JSON":              {nil, `null`, new(json.RawMessage), ""},
		"a time":                     {nil, `{"sent":"2026-01-02T15:04:05Z"}`, new(chatMessage), ""},
		"a time that is not one":     {nil, `{"next":{"sent":"tomorrow"}}`, new(chatMessage), "next.sent: want time, such as 2006-01-02T15:04:05Z"},
		"a number for a time":        {nil, `{"sent":12}`, new(chatMessage), "sent: want time, such as"},
		"a time, beside binary":      {nil, `{"files":[` + ph0 + `],"sent":"x"}`, new(chatMessage), "sent: want time, such as"},
		"a time alone":               {nil, `"x"`, new(time.Time), ": want time, such as"},
		"a time in a list":           {nil, `["2026-01-02T15:04:05Z","x"]`, new([]time.Time), ": want time, such as"},
		"a type with its own method": {nil, `{"k":"x"}`, new(map[string]asKey), ": cannot decode"},

		"Validate":                        {nil, `{"room":"r"}`, new(valid), ""},
		"Validate, a field":               {nil, `{}`, new(valid), "room: is empty"},
		"Validate, an error with a field": {nil, `{"room":"long"}`, new(valid), "text: too long"},
		"Validate, plain text":            {nil, `{"room":"plain"}`, new(valid), ": plain text"},
		"Validate of a pointer":           {nil, `{}`, new(*valid), "room: is empty"},
		"Validate, nil":                   {nil, `null`, new(*valid), ""},
		"Validate of a value":             {nil, `{"N":-1}`, new(validValue), ": negative"},
		"Validate after decoding":         {nil, `{"room":1}`, new(valid), "room: want string, got number"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.rules.Unmarshal([]byte(tt.data), attachments, tt.dst)
			field, reason, ok := payload.Problem(err)
			if got := field + ": " + reason; ok != (tt.want != "") || (err != nil) != ok || ok && !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// TestDecoding_hides checks that a key in another letter case does not replace the value of the exact key.
func TestDecoding_hides(t *testing.T) {
	text := "t"
	want := chatMessage{Room: "r", Text: &text, Files: [][]byte{[]byte("zero")}}
	for _, data := range []string{
		`{"room":"r","Room":"x","TEXT":1,"text":"t","FILES":7,"files":[` + ph0 + `],"Room":"y","rOOm":null}`,
		`{"FILES":[[]],"files":[` + ph0 + `],"\u0052oom":"x","room":"r","text":"t"}`,
	} {
		before := strings.Clone(data)
		var got chatMessage
		if err := (*payload.Decoding)(nil).Unmarshal([]byte(data), [][]byte{[]byte("zero")}, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", data, got, err)
		}
		if data != before {
			t.Error("the input was changed")
		}
	}
}

// TestDecoding_Validate checks what the function receives: pointers to structs, after their own methods.
func TestDecoding_Validate(t *testing.T) {
	var seen []any
	refusal := errors.New("refused")
	rules := &payload.Decoding{Validate: func(v any) error {
		seen = append(seen, v)
		if c, ok := v.(*chatMessage); ok && c.Room == "bad" {
			return refusal
		}
		return nil
	}}
	var (
		message chatMessage
		own     valid
		behind  *chatMessage
	)
	for _, c := range []struct {
		data string
		dst  any
		err  bool
	}{
		{`{"room":"r"}`, &message, false}, {`{"room":"bad"}`, &message, true}, {`{"room":"r"}`, &own, false}, {`{}`, new(valid), true},
		{`{"room":"r"}`, &behind, false}, {`null`, &behind, false},
		{`"text"`, new(string), false}, {`[{}]`, new([]chatMessage), false}, {`{}`, new(map[string]int), false}, {`{}`, new(any), false},
		{`{}`, new(payload.Raw), false},
	} {
		if err := rules.Unmarshal([]byte(c.data), nil, c.dst); (err != nil) != c.err {
			t.Errorf("%s into %T: %v", c.data, c.dst, err)
		}
	}
	if len(seen) != 4 || seen[0] != any(&message) || seen[1] != any(&message) || seen[2] != any(&own) || reflect.TypeOf(seen[3]) != reflect.TypeFor[*chatMessage]() {
		t.Errorf("called with %v", seen)
	}
	if err := rules.Unmarshal([]byte(`{"room":"bad"}`), nil, &message); !errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
}

// FuzzDecoding compares strict decoding with encoding/json: a value that is accepted is the same, unless a key in another
// letter case was ignored. It must not panic.
func FuzzDecoding(f *testing.F) {
	for _, s := range []string{`{"room":"r"}`, `{"Room":"r","room":"x"}`, `{"next":{"tags":[null]}}`, `{"sent":"x"}`, `{"a`, `{"room"`, `[`, `{"room":}`} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, text string, refuse bool) {
		var strict, lenient chatMessage
		err := (&payload.Decoding{RefuseUnknownKeys: refuse}).Unmarshal([]byte(text), nil, &strict)
		if err == nil && refuse {
			if want := payload.Unmarshal([]byte(text), nil, &lenient); want != nil || !reflect.DeepEqual(strict, lenient) {
				t.Errorf("%q: %+v, want %+v, %v", text, strict, lenient, want)
			}
		}
	})
}
