package realtime_test

import (
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/realtime"
	"github.com/parleyio/parley/parser"
)

// FuzzEvents sends any payload with each of the events. The answer must be a value or an error that is meant for clients,
// nothing may be logged for an operator but the name of an event without a handler, and another client must be served afterwards.
func FuzzEvents(f *testing.F) {
	events := []string{
		string(realtime.Message), string(realtime.JoinRoom), string(realtime.LeaveRoom), string(realtime.RoomMessage),
		string(realtime.ChatMessage), string(realtime.ChatHistory), string(realtime.UserOnline), "unknown",
	}
	for i, payload := range []string{
		`"hello"`, `"room"`, `"room"`, `{"room":"room","message":{"a":[1]}}`, `{"roomId":"room","text":"hi","clientMessageId":"1"}`,
		`{"roomId":"room","limit":2,"before":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}`, `"bob"`, `null`, `[]`, `{}`, `""`, `{"roomId":null,"text":7}`, `1e999`,
		`{"room":{"_placeholder":true,"num":0}}`, `{"roomId":"room","text":"\ud800"}`, `{"roomId":"room","limit":-1}`, `"\u0000"`, `{"roomId":"room","before":"x"}`,
	} {
		f.Add(uint8(i), payload, i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, which uint8, payload string, member bool) {
		if !json.Valid([]byte(payload)) || !utf8.ValidString(payload) {
			t.Skip("the parser's affair")
		}
		run(t, func(t *testing.T, w *world) {
			sender, other := w.connect(), w.connect()
			if member {
				sender.call(string(realtime.JoinRoom), "room")
			}
			name := events[int(which)%len(events)]
			data, err := json.Marshal([]any{name, json.RawMessage(payload)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := (parser.JSON{}).NewDecoder(parser.Limits{}).Add(append([]byte("2"), data...), false); err != nil {
				return // too deep
			}
			sender.acks++
			sender.send(&parser.Packet{Type: parser.Event, Data: data, ID: sender.acks, HasID: true})
			if name != "unknown" {
				check(t, sender)
			}
			if got := text(other.callRaw(string(realtime.UserOnline), "other"), 0); got != `["other"]` && name != string(realtime.UserOnline) {
				t.Errorf("another client was answered with %s", got)
			}
			if s := w.server.Stats(); s.HandlerPanics+s.Panics+s.Engine.Panics > 0 {
				t.Error("there was a panic")
			}
			want := int32(0)
			if name == "unknown" {
				want = 1 // that nobody handles it
			}
			synctest.Wait()
			if n := w.logged.Load(); n != want {
				t.Errorf("%d lines for an operator, want %d", n, want)
			}
		})
	})
}

// check takes the acknowledgement of the latest event.
func check(t *testing.T, p *peer) {
	t.Helper()
	for {
		packet := p.next()
		if packet.Type != parser.Ack {
			continue
		}
		var answer []struct {
			Error *struct{ Code, Message string }
		}
		if json.Unmarshal(packet.Data, &answer) != nil || len(answer) != 1 || answer[0].Error == nil {
			return // a value
		}
		codes := []string{string(backend.CodeInvalid), string(backend.CodeForbidden), string(backend.CodeNotFound)}
		if e := answer[0].Error; !slices.Contains(codes, e.Code) || e.Message == "" {
			t.Errorf("the answer is %s", packet.Data)
		}
		return
	}
}
