package realtime_test

import (
	"encoding/json"
	"testing"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/realtime"
)

func TestNotify(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a, b, c := w.connect(), w.connect(), w.connect()
		a.call("join-room", "r")
		b.call("user-online", "bob")
		c.call("user-online", "bob")
		forget(a, b, c)
		n, err := backend.NewNotification("info", "hello")
		if err != nil {
			t.Fatal(err)
		}
		wanted := `{"id":"` + n.ID + `","type":"info","message":"hello","timestamp":NOW}`
		for _, test := range []struct {
			to  backend.Audience
			get []*peer
		}{
			{backend.Audience{}, []*peer{a, b, c}},
			{backend.Audience{Room: "r"}, []*peer{a}},
			{backend.Audience{User: "bob"}, []*peer{b, c}},
			{backend.Audience{Room: "empty"}, nil},
			{backend.Audience{User: "nobody"}, nil},
		} {
			if err := w.publish(backend.NotificationSent{Notification: n, To: test.to}); err != nil {
				t.Errorf("%+v: %v", test.to, err)
			}
			for _, p := range test.get {
				want(t, p.event("notification"), wanted)
			}
			quiet(t, a, b, c)
		}
		b.call("user-online", "ben") // what is for bob is not for this connection any more
		forget(a, b, c)
		w.publish(backend.NotificationSent{Notification: n, To: backend.Audience{User: "bob"}})
		c.event("notification")
		quiet(t, a, b, c)

		w.publish(backend.NotificationSent{Notification: backend.Notification{Type: "info", Message: "New notification", Time: backend.Now()}, To: backend.Audience{}})
		want(t, a.event("notification"), `{"type":"info","message":"New notification","timestamp":NOW}`)
	})
}

func TestDataUpdated(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a, b := w.connect(), w.connect()
		item := backend.Item{Key: "k", Value: json.RawMessage(`{"x":1}`), UpdatedAt: backend.Now()}
		if err := w.publish(backend.ItemChanged{Item: item}); err != nil {
			t.Fatal(err)
		}
		for _, p := range []*peer{a, b} {
			want(t, p.event("data-updated"), `{"key":"k","value":{"x":1},"updatedAt":NOW}`)
		}
		quiet(t, a, b)
	})
}

// No name that a client can join leads into the own room of a socket or of a user.
func TestPrivacy(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		victim, spy := w.connect(), w.connect()
		victim.call("user-online", "bob")
		victim.call("join-room", "r")
		for _, name := range []string{victim.id, "user:bob", "room:r", "room:room:r", "bob", "user:", "room:"} {
			spy.call("join-room", name)
		}
		spy.call("user-online", victim.id)
		forget(victim, spy)

		n, _ := backend.NewNotification("info", "secret")
		w.publish(backend.NotificationSent{Notification: n, To: backend.Audience{User: "bob"}})
		victim.event("notification")
		w.publish(backend.NotificationSent{Notification: n, To: backend.Audience{Room: "r"}})
		victim.event("notification")
		for _, socket := range w.server.Sockets() {
			if socket.ID() == victim.id {
				socket.Emit("private", "secret")
			}
		}
		victim.event("private")
		if err := w.server.To(victim.id).Emit("private", "secret"); err != nil {
			t.Fatal(err)
		}
		victim.event("private")
		victim.call("room-message", object{"room": "r", "message": "secret"})
		victim.event("room-broadcast")
		victim.call("chat-message", object{"roomId": "r", "text": "secret"})
		quiet(t, victim, spy)

		// Nor may it write there, or read what was written.
		for _, name := range []string{"r", "user:bob:r"} {
			wantCode(t, spy.call("room-message", object{"room": name, "message": "x"}), "forbidden")
			wantCode(t, spy.call("chat-message", object{"roomId": name, "text": "x"}), "forbidden")
			wantCode(t, spy.call("chat-history", object{"roomId": name}), "forbidden")
		}
		spy.call("room-message", object{"room": "user:bob", "message": "forged"}) // a room of that name, not the user's
		spy.call("room-message", object{"room": victim.id, "message": "forged"})
		spy.call("chat-message", object{"roomId": victim.id, "text": "forged"})
		quiet(t, victim)
	})
}

func TestNew_missingOptions(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic without a server and a service")
		}
	}()
	realtime.New(realtime.Options{})
}
