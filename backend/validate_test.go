package backend_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/parleyio/parley/backend"
)

func TestValidate(t *testing.T) {
	rep := strings.Repeat
	room := func(s string) error { return backend.ValidateRoom("room", s) }
	user := func(s string) error { return backend.ValidateUser("user", s) }
	text := func(s string) error { return backend.ValidateText("text", s) }
	value := func(s string) error { return backend.ValidateValue(json.RawMessage(s)) }
	for _, c := range []struct {
		name     string
		validate func(string) error
		input    string
		ok       bool
	}{
		{"room/one byte", room, "r", true},
		{"room/128 bytes", room, rep("r", 128), true},
		{"room/64 characters of 2 bytes", room, rep("é", 64), true},
		{"room/empty", room, "", false},
		{"room/129 bytes", room, rep("r", 129), false},
		{"room/65 characters of 2 bytes", room, rep("é", 65), false},
		{"room/bad UTF-8", room, "a\xffb", false},
		{"room/NUL", room, "a\x00b", false},
		{"user/128 bytes", user, rep("u", 128), true},
		{"user/129 bytes", user, rep("u", 129), false},
		{"user/empty", user, "", false},
		{"text/one character", text, " ", true},
		{"text/4096 characters of 4 bytes", text, rep("🙂", 4096), true},
		{"text/4097 characters", text, rep("x", 4097), false},
		{"text/empty", text, "", false},
		{"text/bad UTF-8", text, "\xed\xa0\x80", false},
		{"key/256 bytes", backend.ValidateKey, rep("k", 256), true},
		{"key/257 bytes", backend.ValidateKey, rep("k", 257), false},
		{"value/null", value, "null", true},
		{"value/1,000,000 bytes", value, `"` + rep("x", 999_998) + `"`, true},
		{"value/1,000,001 bytes", value, `"` + rep("x", 999_999) + `"`, false},
		{"value/nothing", value, "", false},
		{"value/two values", value, "1 2", false},
		{"value/bad UTF-8", value, "\"\xff\"", false},
		{"before/empty", backend.ValidateBefore, "", true},
		{"before/an id", backend.ValidateBefore, "01ARZ3NDEKTSV4RRFFQ69G5FAV", true},
		{"before/lower case", backend.ValidateBefore, "01arz3ndektsv4rrffq69g5fav", false},
		{"before/too great", backend.ValidateBefore, "81ARZ3NDEKTSV4RRFFQ69G5FAV", false},
		{"before/too short", backend.ValidateBefore, "01ARZ3NDEKTSV4RRFFQ69G5FA", false},
		{"before/SQL", backend.ValidateBefore, "' OR '1'='1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.validate(c.input)
			if c.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e, ok := errors.AsType[*backend.Error](err)
			if !ok || e.Code != backend.CodeInvalid || e.Field == "" || !strings.HasPrefix(e.Message, e.Field+" ") {
				t.Errorf("error %+v, want code invalid and a message that starts with the field", err)
			}
		})
	}
}

func TestValidateLimit(t *testing.T) {
	for limit, want := range map[int]int{0: backend.DefaultLimit, 1: 1, 100: 100} {
		if got, err := backend.ValidateLimit(limit); got != want || err != nil {
			t.Errorf("ValidateLimit(%d) = %d, %v, want %d", limit, got, err, want)
		}
	}
	for _, limit := range []int{-1, 101} {
		if _, err := backend.ValidateLimit(limit); backend.AsError(err).Code != backend.CodeInvalid {
			t.Errorf("ValidateLimit(%d): %v", limit, err)
		}
	}
}

func TestNewMessage_AuthorKey(t *testing.T) {
	user := backend.NewMessage{User: new("socket:x"), Socket: "y"}
	socket := backend.NewMessage{Socket: "x"}
	if user.AuthorKey() == socket.AuthorKey() {
		t.Errorf("the user and the socket share the key %q", user.AuthorKey())
	}
}

func TestNotification(t *testing.T) {
	a, err := backend.NewNotification("info", "hello")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := backend.NewNotification("info", "hello")
	if a.ID == "" || a.ID >= b.ID {
		t.Errorf("ids %q and %q, want them different and in order", a.ID, b.ID)
	}
	for _, c := range [][2]string{{"", "m"}, {"t", ""}, {strings.Repeat("t", 65), "m"}, {"t", strings.Repeat("m", 4097)}} {
		if _, err := backend.NewNotification(c[0], c[1]); backend.AsError(err) == nil {
			t.Errorf("%.10q %.10q is accepted", c[0], c[1])
		}
	}
	for audience, ok := range map[backend.Audience]bool{
		{}: true, {Room: "r"}: true, {User: "u"}: true, {Room: "r", User: "u"}: false, {Room: "\xff"}: false,
	} {
		if err := audience.Validate(); (err == nil) != ok {
			t.Errorf("%+v: %v", audience, err)
		}
	}
}

func TestWireForm(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{backend.ChatMessage{ID: "1", RoomID: "r", Text: "<b>"},
			`{"id":"1","roomId":"r","user":null,"text":"\u003cb\u003e","clientMessageId":null,"createdAt":"0001-01-01T00:00:00Z"}`},
		{backend.ChatMessage{User: new("u"), ClientMessageID: new("c")},
			`{"id":"","roomId":"","user":"u","text":"","clientMessageId":"c","createdAt":"0001-01-01T00:00:00Z"}`},
		{backend.Page{Messages: []backend.ChatMessage{}}, `{"messages":[],"next":null}`},
		{backend.Item{Key: "k", Value: json.RawMessage(`[1]`)}, `{"key":"k","value":[1],"updatedAt":"0001-01-01T00:00:00Z"}`},
		{backend.Notification{Type: "info", Message: "m"}, `{"type":"info","message":"m","timestamp":"0001-01-01T00:00:00Z"}`},
		{backend.Notification{ID: "1", Type: "info"}, `{"id":"1","type":"info","message":"","timestamp":"0001-01-01T00:00:00Z"}`},
	} {
		got, err := json.Marshal(c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("%+v is\n%s, %v; want\n%s", c.value, got, err, c.want)
		}
	}
}

func TestAsError(t *testing.T) {
	if backend.AsError(nil) != nil {
		t.Error("nil is an error")
	}
	wrapped := errors.Join(errors.New("x"), backend.Forbidden("not a member of %q", "r"))
	if e := backend.AsError(wrapped); e.Code != backend.CodeForbidden || e.Message != `not a member of "r"` {
		t.Errorf("wrapped: %+v", e)
	}
	if e := backend.AsError(errors.New("password is secret")); e.Code != backend.CodeInternal || e.Message != "internal" {
		t.Errorf("any other: %+v, want one that tells nothing", e)
	}
}
