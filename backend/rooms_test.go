package backend_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/parleyio/parley/backend"
)

func TestService_JoinRoom(t *testing.T) {
	f := setup(t, newMemory())
	a := f.as(f.member("a", "r"), "ann")
	b := f.client("b")
	joined, err := f.JoinRoom(t.Context(), b.Principal(), backend.JoinRoom{Room: "r"})
	if err != nil || joined.Room != "r" || len(joined.Members) != 2 {
		t.Fatalf("%+v, %v", joined, err)
	}
	if first, second := joined.Members[0], joined.Members[1]; first.ID != "a" || *first.User != "ann" || second.ID != "b" || second.User != nil {
		t.Errorf("members %+v", joined.Members)
	}
	if e := one[backend.RoomJoined](t, f); e.Connection != "b" || e.User != nil || e.Room != "r" || e.Time.IsZero() {
		t.Errorf("event %+v", e)
	}
	if again, err := f.JoinRoom(t.Context(), a.Principal(), backend.JoinRoom{Room: "r"}); err != nil || len(again.Members) != 2 {
		t.Errorf("again: %+v, %v", again, err)
	}
	f.wantNoEvent(t)
	if _, err := f.JoinRoom(t.Context(), a.Principal(), backend.JoinRoom{}); codeOf(err) != backend.CodeInvalid {
		t.Errorf("a room without a name: %v", err)
	}
}

func TestService_LeaveRoom(t *testing.T) {
	f := setup(t, newMemory())
	a := f.as(f.member("a", "r"), "ann").Principal()
	for i := range 2 {
		if left, err := f.LeaveRoom(t.Context(), a, backend.LeaveRoom{Room: "r"}); err != nil || left.Room != "r" {
			t.Errorf("%+v, %v", left, err)
		}
		if i > 0 {
			f.wantNoEvent(t)
		} else if e := one[backend.RoomLeft](t, f); e.Connection != "a" || *e.User != "ann" || e.Room != "r" {
			t.Errorf("event %+v", e)
		}
	}
	if _, err := f.SendMessage(t.Context(), a, backend.SendMessage{RoomID: "r", Text: "x"}); codeOf(err) != backend.CodeForbidden {
		t.Errorf("sending afterwards: %v", err)
	}
}

func TestService_Disconnected(t *testing.T) {
	f := setup(t, newMemory())
	transport := &conn{hub: f.hub, id: "a"}
	a := backend.NewClient(transport)
	for _, room := range []string{"r2", "r1", "left"} {
		if _, err := f.JoinRoom(t.Context(), a.Principal(), backend.JoinRoom{Room: room}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.LeaveRoom(t.Context(), a.Principal(), backend.LeaveRoom{Room: "left"}); err != nil {
		t.Fatal(err)
	}
	f.as(a, "ann")
	transport.ended = true

	// What it sent before is still handled.
	if _, err := f.SendMessage(t.Context(), a.Principal(), backend.SendMessage{RoomID: "r1", Text: "last words"}); err != nil {
		t.Error(err)
	}
	one[backend.MessageSent](t, f)
	if _, err := f.JoinRoom(t.Context(), a.Principal(), backend.JoinRoom{Room: "new"}); err != errGone {
		t.Errorf("joining: %v, want the connection's error", err)
	}
	if _, err := f.GoOnline(t.Context(), a.Principal(), backend.GoOnline{User: "ghost"}); err != errGone {
		t.Errorf("coming online: %v, want the connection's error", err)
	}
	f.wantNoEvent(t)

	f.Disconnected(t.Context(), a)
	list := f.events.take()
	if len(list) != 3 {
		t.Fatalf("events %+v", list)
	}
	for i, room := range []string{"r1", "r2"} {
		if e, ok := list[i].(backend.RoomLeft); !ok || e.Room != room || e.Connection != "a" || *e.User != "ann" {
			t.Errorf("event %d: %+v", i, list[i])
		}
	}
	if e, ok := list[2].(backend.PresenceChanged); !ok || len(e.Users) != 0 {
		t.Errorf("event %+v, want that nobody is online", list[2])
	}
}

// Until a client has its answer, nobody else changes the room; and a caller that says nothing about its answer waits for
// nobody.
func TestClient_Begin(t *testing.T) {
	for name, request := range map[string]func(f *fixture, c *backend.Client) error{
		"JoinRoom": func(f *fixture, c *backend.Client) error {
			_, err := f.JoinRoom(f.t.Context(), c.Principal(), backend.JoinRoom{Room: "r"})
			return err
		},
		"GoOnline": func(f *fixture, c *backend.Client) error {
			_, err := f.GoOnline(f.t.Context(), c.Principal(), backend.GoOnline{User: c.Principal().User + "x"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t, newMemory())
			a, b := f.client("a"), f.client("b")
			a.Begin()
			if err := request(f, a); err != nil {
				t.Fatal(err)
			}
			f.events.take()
			var wg sync.WaitGroup
			started := make(chan struct{})
			wg.Go(func() {
				close(started)
				if err := request(f, b); err != nil {
					t.Error(err)
				}
			})
			<-started
			for range 1000 {
				runtime.Gosched() // who waits for a lock cannot be seen from here
			}
			f.wantNoEvent(t)
			a.End()
			wg.Wait()
			if err := request(f, a); err != nil { // b holds nothing
				t.Fatal(err)
			}
		})
	}
}
