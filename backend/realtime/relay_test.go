package realtime_test

import (
	"bytes"
	"testing"

	"github.com/parleyio/parley/parser"
)

// values are relayed as they are: no number is rounded, no key reordered, nothing escaped anew.
var values = []string{
	`"hello"`, `null`, `false`, `0`, `""`, `[]`, `{}`,
	`12345678901234567890.1234567890e-400`,
	`{"b":1,"a":[1,{"ž":"🙂"}],"b":2}`,
	`"<script>"`,
}

func TestMessage(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a, b := w.connect(), w.connect()
		a.call("user-online", "ann")
		forget(a, b)
		for _, value := range values {
			ack := a.call("message", parser.Raw{JSON: []byte(value)})
			want(t, ack, `{"id":"`+a.id+`","user":"ann","message":`+value+`,"timestamp":NOW}`)
			if !bytes.Contains([]byte(ack), []byte(`"message":`+value+`,`)) {
				t.Errorf("%s has become %s", value, ack)
			}
			for _, p := range []*peer{a, b} {
				if got := p.event("new-message"); got != ack {
					t.Errorf("event %s, acknowledged %s", got, ack)
				}
			}
		}
		b.emit("message", "without an acknowledgement")
		for _, p := range []*peer{a, b} {
			want(t, p.event("new-message"), `{"id":"`+b.id+`","user":null,"message":"without an acknowledgement","timestamp":NOW}`)
		}
		quiet(t, a, b)
	})
}

func TestRoomMessage(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a, b, c := w.connect(), w.connect(), w.connect()
		a.call("join-room", "r")
		b.call("join-room", "r")
		c.call("join-room", "another")
		forget(a, b, c)
		for _, value := range values {
			ack := a.call("room-message", parser.Raw{JSON: []byte(`{"room":"r","message":` + value + `}`)})
			want(t, ack, `{"id":"`+a.id+`","user":null,"room":"r","message":`+value+`,"timestamp":NOW}`)
			for _, p := range []*peer{a, b} {
				if got := p.event("room-broadcast"); got != ack {
					t.Errorf("event %s, acknowledged %s", got, ack)
				}
			}
		}
		quiet(t, a, b, c)
		wantCode(t, c.call("room-message", map[string]any{"room": "r", "message": 1}), "forbidden")
		quiet(t, a, b, c)
	})
}

func TestRelay_binary(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a, b := w.connect(), w.connect()
		a.call("join-room", "r")
		b.call("join-room", "r")
		forget(a, b)
		one, two := []byte{1, 2, 3}, []byte{0xff}
		value := map[string]any{"x": one, "y": []any{two, "text"}}
		for _, c := range []struct {
			event, relayed string
			payload        any
		}{
			{"message", "new-message", value},
			{"room-message", "room-broadcast", map[string]any{"room": "r", "message": value}},
		} {
			ack := a.callRaw(c.event, c.payload)
			for name, packet := range map[string]*parser.Packet{
				"acknowledgement": ack, "sender": a.eventRaw(c.relayed), "other": b.eventRaw(c.relayed),
			} {
				if len(packet.Attachments) != 2 || !bytes.Equal(packet.Attachments[0], one) || !bytes.Equal(packet.Attachments[1], two) ||
					!bytes.Contains(packet.Data, []byte(`"message":{"x":{"_placeholder":true,"num":0},"y":[{"_placeholder":true,"num":1},"text"]}`)) {
					t.Errorf("%s: %s: %s with %v", c.event, name, packet.Data, packet.Attachments)
				}
			}
		}
		got := a.callRaw("message", one)
		if len(got.Attachments) != 1 || !bytes.Equal(got.Attachments[0], one) {
			t.Errorf("bare binary: %s with %v", got.Data, got.Attachments)
		}
		forget(a, b)
		wantCode(t, a.call("room-message", one), "invalid")
		wantCode(t, a.call("room-message", map[string]any{"room": one, "message": 1}), "invalid")
		quiet(t, a, b)
	})
}

// Unusual keys are ignored or refused, but never change the room: an event never reaches more than one room of the sender's.
func TestRoomMessage_unusualKeys(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a, b, c := w.connect(), w.connect(), w.connect()
		a.call("join-room", "r")
		b.call("join-room", "r")
		c.call("join-room", "private")
		forget(a, b, c)
		for payload, code := range map[string]string{
			`{"room":"r","message":1,"extra":{"room":"private"}}`: "",
			`{"Room":"r","message":1}`:                            "invalid",
			`{"room":"private","room":"r","message":1}`:           "",
			`{"room":"r","room":null,"message":1}`:                "invalid",
			`{"room":"r","Room":"private","message":1}`:           "",
			`{"room":"r","room":"","message":1}`:                  "invalid",
			`{"room":null,"message":1}`:                           "invalid",
		} {
			ack := a.call("room-message", parser.Raw{JSON: []byte(payload)})
			if code != "" {
				wantCode(t, ack, code)
			} else {
				want(t, ack, `{"id":"`+a.id+`","user":null,"room":"r","message":1,"timestamp":NOW}`)
				a.event("room-broadcast")
				b.event("room-broadcast")
			}
			quiet(t, a, b, c)
		}
	})
}
