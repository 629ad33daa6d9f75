package backend_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/parleyio/parley/backend"
)

func TestService_SendMessage(t *testing.T) {
	stores(t, func(t *testing.T, s backend.Store) {
		f := setup(t, s)
		a := f.as(f.member("a", "r"), "ann")
		ctx, gone := context.WithCancel(t.Context())
		gone() // what was sent before its sender went away is saved all the same
		sent, err := f.SendMessage(ctx, a.Principal(), backend.SendMessage{RoomID: "r", Text: "hello", ClientMessageID: new("c1")})
		if err != nil || !sent.Created {
			t.Fatalf("%+v, %v", sent, err)
		}
		m := sent.Message
		if m.ID == "" || m.RoomID != "r" || *m.User != "ann" || m.Text != "hello" || *m.ClientMessageID != "c1" || m.CreatedAt.IsZero() {
			t.Errorf("saved %+v", m)
		}
		if e := one[backend.MessageSent](t, f); e.Message.ID != m.ID || e.Message.Text != "hello" || e.Sender != "a" || e.EventID() != m.ID {
			t.Errorf("event %+v", e)
		}
		page, err := f.History(t.Context(), a.Principal(), backend.History{RoomID: "r"})
		if err != nil || len(page.Messages) != 1 || page.Messages[0].ID != m.ID || page.Next != nil {
			t.Errorf("history %+v, %v", page, err)
		}
	})
}

// However often and by whatever way an author sends a message, it is saved once, and others are told once.
func TestService_SendMessage_repeated(t *testing.T) {
	stores(t, func(t *testing.T, s backend.Store) {
		f := setup(t, s)
		socket := f.as(f.member("a", "r"), "ann")
		second := f.as(f.member("b", "r"), "ann")
		http := backend.Principal{User: "ann"}
		req := backend.SendMessage{RoomID: "r", Text: "hello", ClientMessageID: new("c1")}
		first, err := f.SendMessage(t.Context(), http, req)
		if err != nil {
			t.Fatal(err)
		}
		if e := one[backend.MessageSent](t, f); e.Sender != "" { // every member is to receive it
			t.Errorf("event %+v", e)
		}
		for name, p := range map[string]backend.Principal{"socket": socket.Principal(), "another socket": second.Principal(), "http": http} {
			again, err := f.SendMessage(t.Context(), p, req)
			if err != nil || again.Created || again.Message.ID != first.Message.ID {
				t.Errorf("%s: %+v, %v, want the first copy", name, again, err)
			}
			f.wantNoEvent(t)
		}
		other := f.member("c", "r")
		if sent, err := f.SendMessage(t.Context(), other.Principal(), req); err != nil || !sent.Created {
			t.Errorf("another author: %+v, %v", sent, err)
		}
		one[backend.MessageSent](t, f)
	})
}

func TestService_SendMessage_refuses(t *testing.T) {
	stores(t, func(t *testing.T, s backend.Store) {
		f := setup(t, s)
		a := f.member("a", "r").Principal()
		for name, c := range map[string]struct {
			p     backend.Principal
			req   backend.SendMessage
			code  backend.Code
			field string
		}{
			"no room":     {a, backend.SendMessage{Text: "x"}, backend.CodeInvalid, "roomId"},
			"no text":     {a, backend.SendMessage{RoomID: "r"}, backend.CodeInvalid, "text"},
			"long text":   {a, backend.SendMessage{RoomID: "r", Text: strings.Repeat("x", 4097)}, backend.CodeInvalid, "text"},
			"empty id":    {a, backend.SendMessage{RoomID: "r", Text: "x", ClientMessageID: new("")}, backend.CodeInvalid, "clientMessageId"},
			"other room":  {a, backend.SendMessage{RoomID: "q", Text: "x"}, backend.CodeForbidden, ""},
			"no author":   {backend.Principal{}, backend.SendMessage{RoomID: "r", Text: "x"}, backend.CodeInvalid, "user"},
			"both faulty": {a, backend.SendMessage{RoomID: "q"}, backend.CodeForbidden, ""},
		} {
			_, err := f.SendMessage(t.Context(), c.p, c.req)
			if e := backend.AsError(err); e == nil || e.Code != c.code || e.Field != c.field {
				t.Errorf("%s: %v, want %s about %q", name, err, c.code, c.field)
			}
		}
		f.wantNoEvent(t)
		page, err := f.History(t.Context(), a, backend.History{RoomID: "r"})
		if err != nil || len(page.Messages) > 0 {
			t.Errorf("saved %+v, %v", page, err)
		}
	})
}

// What was not stored is not published, and what was stored stays so when nobody can be told.
func TestService_store_then_publish(t *testing.T) {
	broken := newMemory()
	f := setup(t, broken)
	a := f.member("a", "r").Principal()
	broken.fails = errors.New("disk on fire")
	message := backend.SendMessage{RoomID: "r", Text: "x", ClientMessageID: new("c")}
	item := backend.PutItem{Key: "k", Value: []byte(`1`)}
	if _, err := f.SendMessage(t.Context(), a, message); !errors.Is(err, broken.fails) || codeOf(err) != backend.CodeInternal {
		t.Errorf("message: %v", err)
	}
	if _, err := f.PutItem(t.Context(), a, item); !errors.Is(err, broken.fails) || codeOf(err) != backend.CodeInternal {
		t.Errorf("item: %v", err)
	}
	f.wantNoEvent(t)

	broken.fails = nil
	f.events.err = errors.New("nobody hears")
	if sent, err := f.SendMessage(t.Context(), a, message); err != nil || !sent.Created {
		t.Errorf("message: %+v, %v", sent, err)
	}
	one[backend.MessageSent](t, f)
	if _, err := f.PutItem(t.Context(), a, item); err != nil {
		t.Errorf("item: %v", err)
	}
	one[backend.ItemChanged](t, f)
	if _, err := f.Notify(t.Context(), a, backend.Notify{Type: "info", Message: "x"}); !errors.Is(err, f.events.err) {
		t.Errorf("notification: %v, want the subscriber's error: nothing else has happened", err)
	}
	if _, err := f.Relay(t.Context(), a, backend.Relay{Message: backend.Value{JSON: []byte(`1`)}}); !errors.Is(err, f.events.err) {
		t.Errorf("relay: %v, want the subscriber's error", err)
	}
}

func TestService_History(t *testing.T) {
	stores(t, func(t *testing.T, s backend.Store) {
		f := setup(t, s)
		a := f.member("a", "r").Principal()
		var ids []string
		for range 5 {
			sent, err := f.SendMessage(t.Context(), a, backend.SendMessage{RoomID: "r", Text: "x"})
			if err != nil {
				t.Fatal(err)
			}
			ids = append([]string{sent.Message.ID}, ids...) // newest first
		}
		var got []string
		for before := ""; ; {
			page, err := f.History(t.Context(), a, backend.History{RoomID: "r", Before: before, Limit: new(2)})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.Messages {
				got = append(got, m.ID)
			}
			if page.Next == nil {
				break
			}
			before = *page.Next
		}
		if strings.Join(got, " ") != strings.Join(ids, " ") {
			t.Errorf("pages %v, want %v", got, ids)
		}
		for field, req := range map[string]backend.History{
			"roomId": {}, "before": {RoomID: "r", Before: "x"}, "limit": {RoomID: "r", Limit: new(0)},
		} {
			if _, err := f.History(t.Context(), a, req); codeOf(err) != backend.CodeInvalid || backend.AsError(err).Field != field {
				t.Errorf("%+v: %v, want invalid %s", req, err, field)
			}
		}
		if _, err := f.History(t.Context(), a, backend.History{RoomID: "r", Limit: new(101)}); codeOf(err) != backend.CodeInvalid {
			t.Errorf("a limit of 101: %v", err)
		}
	})
}
