package realtime_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// Every failure is told in the one way or the other, and to nobody but the sender.
func TestFailures(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	run(t, func(t *testing.T, w *world) {
		a, b := w.connect(), w.connect()
		a.call("join-room", "r")
		b.call("join-room", "r")
		b.call("join-room", "private")
		forget(a, b)
		for _, c := range []struct {
			event string
			args  []any
			code  string
		}{
			{"message", nil, "invalid"},
			{"message", []any{json.RawMessage(strings.Repeat("[", 63) + strings.Repeat("]", 63))}, "invalid"},
			{"join-room", nil, "invalid"},
			{"join-room", []any{""}, "invalid"},
			{"join-room", []any{nil}, "invalid"},
			{"join-room", []any{7}, "invalid"},
			{"join-room", []any{object{"room": "r"}}, "invalid"},
			{"join-room", []any{[]byte("r")}, "invalid"},
			{"join-room", []any{long(129)}, "invalid"},
			{"join-room", []any{"a\x00"}, "invalid"},
			{"leave-room", nil, "invalid"},
			{"leave-room", []any{""}, "invalid"},
			{"leave-room", []any{long(129)}, "invalid"},
			{"room-message", nil, "invalid"},
			{"room-message", []any{"r"}, "invalid"},
			{"room-message", []any{object{"message": 1}}, "invalid"},
			{"room-message", []any{object{"room": "r"}}, "invalid"},
			{"room-message", []any{object{"room": 1, "message": 1}}, "invalid"},
			{"room-message", []any{object{"room": long(129), "message": 1}}, "invalid"},
			{"room-message", []any{object{"room": "private", "message": 1}}, "forbidden"},
			{"chat-message", nil, "invalid"},
			{"chat-message", []any{object{"text": "x"}}, "invalid"},
			{"chat-message", []any{object{"roomId": "r"}}, "invalid"},
			{"chat-message", []any{object{"roomId": "r", "text": ""}}, "invalid"},
			{"chat-message", []any{object{"roomId": "r", "text": 5}}, "invalid"},
			{"chat-message", []any{object{"roomId": "r", "text": long(4097)}}, "invalid"},
			{"chat-message", []any{object{"roomId": "r", "text": "a\x00"}}, "invalid"},
			{"chat-message", []any{object{"roomId": "r", "text": "x", "clientMessageId": ""}}, "invalid"},
			{"chat-message", []any{object{"roomId": "r", "text": "x", "clientMessageId": 1}}, "invalid"},
			{"chat-message", []any{object{"roomId": "r", "text": "x", "clientMessageId": long(129)}}, "invalid"},
			{"chat-message", []any{object{"roomId": "private", "text": "x"}}, "forbidden"},
			{"chat-history", nil, "invalid"},
			{"chat-history", []any{object{}}, "invalid"},
			{"chat-history", []any{object{"roomId": "r", "limit": 0}}, "invalid"},
			{"chat-history", []any{object{"roomId": "r", "limit": -1}}, "invalid"},
			{"chat-history", []any{object{"roomId": "r", "limit": 101}}, "invalid"},
			{"chat-history", []any{object{"roomId": "r", "limit": 1.5}}, "invalid"},
			{"chat-history", []any{object{"roomId": "r", "before": "x"}}, "invalid"},
			{"chat-history", []any{object{"roomId": "r", "before": "' OR 1=1 --"}}, "invalid"},
			{"chat-history", []any{object{"roomId": "r", "before": 5}}, "invalid"},
			{"chat-history", []any{object{"roomId": "private"}}, "forbidden"},
			{"user-online", nil, "invalid"},
			{"user-online", []any{""}, "invalid"},
			{"user-online", []any{nil}, "invalid"},
			{"user-online", []any{7}, "invalid"},
			{"user-online", []any{long(129)}, "invalid"},
		} {
			ack := a.call(c.event, c.args...)
			wantCode(t, ack, c.code)
			quiet(t, a, b) // an acknowledged failure is not an exception besides

			a.emit(c.event, c.args...)
			var answer struct {
				Error struct{ Message json.RawMessage }
			}
			if err := json.Unmarshal([]byte(ack), &answer); err != nil {
				t.Fatal(err)
			}
			want(t, a.event("exception"), `{"event":"`+c.event+`","code":"`+c.code+`","message":`+string(answer.Error.Message)+`}`)
			quiet(t, a, b)
			if strings.Contains(string(answer.Error.Message), "parser:") || strings.Contains(string(answer.Error.Message), "backend:") {
				t.Errorf("%s: message %s speaks of Parley's packages", c.event, answer.Error.Message)
			}
		}
		if n := w.logged.Load(); n != 0 {
			t.Errorf("%d lines were logged about the mistakes of clients", n)
		}
	})
}

// The greatest of everything is accepted.
func TestLimits(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a := w.connect()
		room := strings.Repeat("é", 64)
		want(t, a.call("join-room", room), joined(room, a))
		for _, payload := range []object{
			{"roomId": room, "text": strings.Repeat("🙂", 4096), "clientMessageId": strings.Repeat("c", 128)},
			{"roomId": room, "text": "x"},
		} {
			if ack := a.call("chat-message", payload); field(t, ack, "text") != payload["text"] {
				t.Errorf("%.200s", ack)
			}
		}
		if ack := a.call("chat-history", object{"roomId": room, "limit": 100}); len(field(t, ack, "messages").([]any)) != 2 {
			t.Errorf("%.200s", ack)
		}
		user := strings.Repeat("u", 128)
		want(t, a.call("user-online", user), `["`+user+`"]`)
	})
}
