package backend_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/backend"
)

func TestService_Notify(t *testing.T) {
	f := setup(t, newMemory())
	for name, c := range map[string]struct {
		req backend.Notify
		to  backend.Audience
	}{
		"everybody": {backend.Notify{Type: "info", Message: "hello"}, backend.Audience{}},
		"a room":    {backend.Notify{Type: "info", Message: "hello", Room: new("r")}, backend.Audience{Room: "r"}},
		"a user":    {backend.Notify{Type: "info", Message: "hello", User: new("ann")}, backend.Audience{User: "ann"}},
	} {
		n, err := f.Notify(t.Context(), backend.Principal{}, c.req)
		if err != nil || n.ID == "" || n.Type != "info" || n.Message != "hello" || n.Time.IsZero() {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
		if e := one[backend.NotificationSent](t, f); e.To != c.to || e.Notification != n || e.EventID() != n.ID {
			t.Errorf("%s: event %+v", name, e)
		}
	}
	if n, err := f.Notify(t.Context(), backend.Principal{}, backend.Notify{Type: "info", Message: "x", WithoutID: true}); err != nil || n.ID != "" {
		t.Errorf("%+v, %v, want no id", n, err)
	}
	f.events.take()
	for field, req := range map[string]backend.Notify{
		"type":    {Message: "x"},
		"message": {Type: "t"},
		"room":    {Type: "t", Message: "x", Room: new("")},
		"user":    {Type: "t", Message: "x", Room: new("r"), User: new("u")},
	} {
		_, err := f.Notify(t.Context(), backend.Principal{}, req)
		if codeOf(err) != backend.CodeInvalid || backend.AsError(err).Field != field {
			t.Errorf("%+v: %v, want invalid %s", req, err, field)
		}
	}
	f.wantNoEvent(t)
}

func TestService_items(t *testing.T) {
	stores(t, func(t *testing.T, s backend.Store) {
		f := setup(t, s)
		p := backend.Principal{}
		if _, err := f.ReadItem(t.Context(), p, backend.ReadItem{Key: "k"}); codeOf(err) != backend.CodeNotFound {
			t.Errorf("%v, want not_found", err)
		}
		for _, key := range []string{"k", "a"} {
			item, err := f.PutItem(t.Context(), p, backend.PutItem{Key: key, Value: []byte(`{"x":1}`)})
			if err != nil || item.Key != key || string(item.Value) != `{"x":1}` {
				t.Errorf("%+v, %v", item, err)
			}
			if e := one[backend.ItemChanged](t, f); e.Item.Key != key || !e.Item.UpdatedAt.Equal(item.UpdatedAt) || e.EventID() == "" {
				t.Errorf("event %+v", e)
			}
		}
		list, err := f.ListItems(t.Context(), p, backend.ListItems{})
		if err != nil || len(list.Items) != 2 || list.Items[0].Key != "a" || list.Items[1].Key != "k" {
			t.Errorf("%+v, %v", list, err)
		}
		for field, req := range map[string]backend.PutItem{"key": {Value: []byte(`1`)}, "value": {Key: "k", Value: []byte(`{`)}} {
			if _, err := f.PutItem(t.Context(), p, req); codeOf(err) != backend.CodeInvalid || backend.AsError(err).Field != field {
				t.Errorf("%+v: %v, want invalid %s", req, err, field)
			}
		}
		f.wantNoEvent(t)

		first, err := f.ListItems(t.Context(), p, backend.ListItems{Limit: new(1)})
		if err != nil || len(first.Items) != 1 || first.Next == nil || *first.Next != "a" {
			t.Errorf("first page %+v, %v", first, err)
		}
		last, err := f.ListItems(t.Context(), p, backend.ListItems{After: "a", Limit: new(1)})
		if err != nil || len(last.Items) != 1 || last.Items[0].Key != "k" || last.Next != nil {
			t.Errorf("last page %+v, %v", last, err)
		}
		for _, req := range []backend.ListItems{{Limit: new(0)}, {Limit: new(1001)}, {After: strings.Repeat("k", 257)}} {
			if _, err := f.ListItems(t.Context(), p, req); codeOf(err) != backend.CodeInvalid {
				t.Errorf("%+v: %v, want invalid", req, err)
			}
		}
	})
}

func TestService_items_expire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service, err := backend.NewService(backend.Options{Store: newMemory(), ItemTTL: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ ttl, want time.Duration }{{0, time.Hour}, {time.Second, time.Second}, {backend.MaxItemTTL, backend.MaxItemTTL}} {
			req := backend.PutItem{Key: "k", Value: []byte(`1`)}
			if c.ttl > 0 {
				req.TTL = &c.ttl
			}
			item, err := service.PutItem(t.Context(), backend.Principal{}, req)
			if err != nil || item.ExpiresAt == nil || item.ExpiresAt.Sub(backend.Now()) != c.want {
				t.Errorf("ttl %s: expires at %v, %v, want in %s", c.ttl, item.ExpiresAt, err, c.want)
			}
		}
		for _, ttl := range []time.Duration{-1, 0, time.Second - 1, backend.MaxItemTTL + 1} {
			req := backend.PutItem{Key: "k", Value: []byte(`1`), TTL: &ttl}
			if _, err := service.PutItem(t.Context(), backend.Principal{}, req); codeOf(err) != backend.CodeInvalid {
				t.Errorf("ttl %s: %v, want invalid", ttl, err)
			}
		}
	})
}

// Each change of an item has an id of its own, also within a millisecond.
func TestItemChanged_EventID(t *testing.T) {
	f := setup(t, nil)
	seen := map[string]bool{}
	for range 5 {
		if _, err := f.PutItem(t.Context(), backend.Principal{}, backend.PutItem{Key: "k", Value: []byte(`1`)}); err != nil {
			t.Fatal(err)
		}
		id := one[backend.ItemChanged](t, f).EventID()
		if seen[id] {
			t.Errorf("id %q twice", id)
		}
		seen[id] = true
	}
}

func TestService_Relay(t *testing.T) {
	f := setup(t, newMemory())
	a := f.as(f.member("a", "r"), "ann").Principal()
	binary := backend.Value{JSON: []byte(`{"_placeholder":true,"num":0}`), Attachments: [][]byte{{1, 2}}}
	got, err := f.Relay(t.Context(), a, backend.Relay{Message: binary})
	if err != nil || got.Sender != "a" || *got.User != "ann" || string(got.Message.JSON) != string(binary.JSON) || len(got.Message.Attachments) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if e := one[backend.Relayed](t, f); e.Sender != "a" || len(e.Message.Attachments) != 1 || !e.Time.Equal(got.Time) {
		t.Errorf("event %+v", e)
	}
	if _, err := f.RelayToRoom(t.Context(), a, backend.RelayToRoom{Room: "r", Message: value}); err != nil {
		t.Error(err)
	}
	if e := one[backend.RelayedToRoom](t, f); e.Room != "r" || e.Sender != "a" || *e.User != "ann" {
		t.Errorf("event %+v", e)
	}
	if _, err := f.RelayToRoom(t.Context(), a, backend.RelayToRoom{Room: "r"}); codeOf(err) != backend.CodeInvalid {
		t.Errorf("no message: %v", err)
	}
	f.wantNoEvent(t)
}

func TestService_presence(t *testing.T) {
	f := setup(t, newMemory())
	a, b := f.client("a"), f.client("b")
	for _, c := range []struct {
		client *backend.Client
		user   string
		want   string
		told   bool
	}{{a, "bob", "[bob]", true}, {b, "ann", "[ann bob]", true}, {a, "ann", "[ann]", true}, {a, "ann", "[ann]", false}} {
		online, err := f.GoOnline(t.Context(), c.client.Principal(), backend.GoOnline{User: c.user})
		if err != nil || text(online.Users) != c.want {
			t.Errorf("%s: %v, %v, want %s", c.user, online.Users, err, c.want)
		}
		if !c.told {
			f.wantNoEvent(t)
		} else if e := one[backend.PresenceChanged](t, f); text(e.Users) != c.want {
			t.Errorf("event %v, want %s", e.Users, c.want)
		}
		if listed, err := f.ListUsers(t.Context(), backend.Principal{}, backend.ListUsers{}); err != nil || text(listed.Users) != c.want {
			t.Errorf("listed %v, %v, want %s", listed.Users, err, c.want)
		}
	}
	f.Disconnected(t.Context(), a)
	f.wantNoEvent(t) // ann has another connection
	f.Disconnected(t.Context(), b)
	one[backend.PresenceChanged](t, f)
}
