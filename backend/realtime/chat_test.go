package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/store"
)

type object = map[string]any

// field returns a field of a JSON object.
func field(t *testing.T, text, name string) any {
	t.Helper()
	var o object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return o[name]
}

func TestChatMessage(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a, b, c := w.connect(), w.connect(), w.connect()
		a.call("join-room", "r")
		b.call("join-room", "r")
		a.call("user-online", "ann")
		forget(a, b, c)

		saved := a.call("chat-message", object{"roomId": "r", "text": "hello <b>", "clientMessageId": "c1"})
		id, _ := field(t, saved, "id").(string)
		if backend.ValidateBefore(id) != nil || id == "" {
			t.Errorf("id %q", id)
		}
		want(t, saved, `{"id":"`+id+`","roomId":"r","user":"ann","text":"hello <b>","clientMessageId":"c1","createdAt":NOW}`)
		if got := b.event("new-chat-message"); got != saved {
			t.Errorf("event %s, saved %s", got, saved)
		}
		quiet(t, a, b, c) // not to the sender, not outside the room

		b.emit("chat-message", object{"roomId": "r", "text": "without an acknowledgement"})
		got := a.event("new-chat-message")
		want(t, got, `{"id":"`+field(t, got, "id").(string)+
			`","roomId":"r","user":null,"text":"without an acknowledgement","clientMessageId":null,"createdAt":NOW}`)
		quiet(t, a, b, c)

		wantCode(t, c.call("chat-message", object{"roomId": "r", "text": "x"}), "forbidden")
		quiet(t, a, b, c)
		history := a.call("chat-history", object{"roomId": "r"})
		want(t, history, `{"messages":[`+got+`,`+saved+`],"next":null}`)
	})
}

func TestChatMessage_repeated(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a, a2, b, c := w.connect(), w.connect(), w.connect(), w.connect()
		for _, p := range []*peer{a, a2, b, c} {
			p.call("join-room", "r")
		}
		a.call("user-online", "ann")
		a2.call("user-online", "ann")
		forget(a, a2, b, c)

		send := func(p *peer, text string) string {
			return p.call("chat-message", object{"roomId": "r", "text": text, "clientMessageId": "c1"})
		}
		first := send(a, "first")
		for _, p := range []*peer{a2, b, c} {
			p.event("new-chat-message")
		}
		for _, p := range []*peer{a, a2} { // the same user from two connections
			if again := send(p, "again"); again != first {
				t.Errorf("repeat %s, want %s", again, first)
			}
		}
		quiet(t, a, a2, b, c)

		// Without a user the key is the socket.
		fromB := send(b, "b")
		if fromB == first || send(b, "again") != fromB {
			t.Error("the socket's own message is not told from others")
		}
		if send(c, "c") == fromB {
			t.Error("two sockets share a clientMessageId")
		}
		// Nor can a user take over a socket's messages by its name.
		c.call("user-online", b.id)
		if send(c, "c") == fromB {
			t.Error("a user shares a clientMessageId with the socket that it is named after")
		}
	})
}

func TestChatHistory(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a, b := w.connect(), w.connect()
		a.call("join-room", "r")
		want(t, a.call("chat-history", object{"roomId": "r"}), `{"messages":[],"next":null}`)
		var saved []string // newest first
		for range 7 {
			saved = append([]string{a.call("chat-message", object{"roomId": "r", "text": "x"})}, saved...)
		}
		next := func(i int) string { return `"` + field(t, saved[i], "id").(string) + `"` }
		page := func(from, to int) string { return `{"messages":[` + strings.Join(saved[from:to], ",") + `],"next":` }

		first := a.call("chat-history", object{"roomId": "r", "limit": 3})
		want(t, first, page(0, 3)+next(2)+`}`)
		second := a.call("chat-history", object{"roomId": "r", "limit": 3, "before": field(t, first, "next")})
		want(t, second, page(3, 6)+next(5)+`}`)
		third := a.call("chat-history", object{"roomId": "r", "limit": 3, "before": field(t, second, "next")})
		want(t, third, page(6, 7)+`null}`)
		want(t, a.call("chat-history", object{"roomId": "r", "limit": nil, "before": nil}), page(0, 7)+`null}`)

		wantCode(t, b.call("chat-history", object{"roomId": "r"}), "forbidden")
		b.call("join-room", "r")
		want(t, b.call("chat-history", object{"roomId": "r"}), page(0, 7)+`null}`)
		b.call("leave-room", "r")
		wantCode(t, b.call("chat-history", object{"roomId": "r"}), "forbidden")
	})
}

// What was sent before the sender went away is saved, and the others hear of it.
func TestChatMessage_senderGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(t.Context(), ":memory:", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		gate := &gate{Store: s, entered: make(chan struct{}), open: make(chan struct{})}
		w := start(t, gate)
		a, b := w.connect(), w.connect()
		a.call("join-room", "r")
		b.call("join-room", "r")
		forget(a, b)
		a.emit("chat-message", object{"roomId": "r", "text": "one"})
		a.emit("chat-message", object{"roomId": "r", "text": "two"})
		a.emit("join-room", "another") // what only the sender would have of use is not done
		a.emit("user-online", "ghost")
		a.emit("chat-history", object{"roomId": "r"})
		a.emit("leave-room", "r")
		a.emit("leave-room", "r")
		a.emit("chat-message", object{"roomId": "r", "text": "from outside"})
		<-gate.entered
		time.Sleep(10 * time.Millisecond) // a handler that waits holds up the reading for a moment
		a.drop()
		synctest.Wait() // the server knows that a is gone
		close(gate.open)
		for _, text := range []string{"one", "two"} {
			if got := field(t, b.event("new-chat-message"), "text"); got != text {
				t.Errorf("got %v, want %s", got, text)
			}
		}
		b.event("user-left")
		time.Sleep(time.Minute)
		quiet(t, b)
		if n := w.logged.Load(); n != 0 {
			t.Errorf("%d lines were logged about a client that went away", n)
		}
	})
}

// gate is a store whose first save waits.
type gate struct {
	backend.Store
	entered chan struct{} // closed when the first save has begun
	open    chan struct{} // closed to let saves through
	began   bool
}

func (g *gate) SaveMessage(ctx context.Context, m backend.NewMessage) (backend.ChatMessage, bool, error) {
	if !g.began {
		g.began = true
		close(g.entered)
	}
	<-g.open
	return g.Store.SaveMessage(ctx, m)
}

// A failure of the store is not the client's business, and its reason is not told.
func TestChat_storeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, broken{})
		a, b := w.connect(), w.connect()
		a.call("join-room", "r")
		b.call("join-room", "r")
		forget(a, b)
		for _, event := range []string{"chat-message", "chat-history"} {
			payload := object{"roomId": "r", "text": "x"}
			want(t, a.call(event, payload), `{"error":{"code":"internal","message":"internal"}}`)
			a.emit(event, payload)
			want(t, a.event("exception"), `{"event":"`+event+`","code":"internal","message":"internal"}`)
		}
		quiet(t, a, b)
		if n := w.logged.Load(); n != 4 {
			t.Errorf("%d lines were logged about 4 failures", n)
		}
	})
}

// A handler that panics fails in the same way, and the connection lives.
func TestChat_storePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, broken{panics: true})
		a := w.connect()
		a.call("join-room", "r")
		want(t, a.call("chat-history", object{"roomId": "r"}), `{"error":{"code":"internal","message":"internal"}}`)
		a.emit("chat-history", object{"roomId": "r"})
		want(t, a.event("exception"), `{"event":"chat-history","code":"internal","message":"internal"}`)
		want(t, a.call("leave-room", "r"), `{"room":"r"}`)
		quiet(t, a)
	})
}

type broken struct {
	backend.Store
	panics bool
}

var errBroken = errors.New("disk of db.internal is on fire")

func (broken) SaveMessage(context.Context, backend.NewMessage) (backend.ChatMessage, bool, error) {
	return backend.ChatMessage{}, false, errBroken
}

func (b broken) Messages(context.Context, string, string, int) (backend.Page, error) {
	if b.panics {
		panic(errBroken)
	}
	return backend.Page{}, errBroken
}
