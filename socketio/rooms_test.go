package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/socketio"
)

func TestSocket_Join(t *testing.T) {
	long := strings.Repeat("r", 512)
	for name, tt := range map[string]struct {
		opts  socketio.Options
		rooms []string
		err   error
		after []string
	}{
		"some, sorted, each once": {socketio.Options{}, []string{"b", "a", "b"}, nil, []string{"a", "b", "old"}},
		"none":                    {socketio.Options{}, nil, nil, []string{"old"}},
		"one it is in":            {socketio.Options{MaxRooms: 1}, []string{"old"}, nil, []string{"old"}},
		"its own id":              {socketio.Options{MaxRooms: 1}, []string{"ID"}, nil, []string{"old"}},
		"as many as allowed":      {socketio.Options{MaxRooms: 3}, []string{"a", "b", "a", "old"}, nil, []string{"a", "b", "old"}},
		"more than allowed":       {socketio.Options{MaxRooms: 3}, []string{"a", "b", "c"}, socketio.ErrTooManyRooms, []string{"old"}},
		"without a limit":         {socketio.Options{MaxRooms: -1}, []string{"a"}, nil, []string{"a", "old"}},
		"an empty name":           {socketio.Options{}, []string{"a", ""}, socketio.ErrRoomName, []string{"old"}},
		"the longest name":        {socketio.Options{}, []string{long}, nil, []string{"old", long}},
		"too long a name":         {socketio.Options{}, []string{"a", long + "r"}, socketio.ErrRoomName, []string{"old"}},
		"its own limit of names":  {socketio.Options{MaxRoomName: 3}, []string{"four"}, socketio.ErrRoomName, []string{"old"}},
	} {
		bubble(t, name, func(t *testing.T) {
			n := serve(t, &tt.opts)
			s := n.socket(t, n.join(t), "/")
			if err := s.Join("old"); err != nil {
				t.Fatal(err)
			}
			for i, room := range tt.rooms {
				tt.rooms[i] = strings.Replace(room, "ID", s.ID(), 1)
			}
			if err := s.Join(tt.rooms...); !errors.Is(err, tt.err) {
				t.Errorf("got %v", err)
			}
			if got := s.Rooms(); !slices.Equal(got, tt.after) {
				t.Errorf("rooms %.40q", got)
			}
			for _, room := range append(tt.after, s.ID()) {
				if !s.InRoom(room) {
					t.Errorf("not in %.40q", room)
				}
			}
			if counted := n.Stats().TooManyRooms; (counted == 1) != (tt.err == socketio.ErrTooManyRooms) {
				t.Errorf("%d counted", counted)
			}
		})
	}
}

func TestSocket_Leave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, &socketio.Options{MaxRooms: 3})
		c := n.join(t)
		s := n.socket(t, c, "/")
		for range 5 { // what is left makes room again, however often a name is given
			if err := s.Join("a", "b", "c"); err != nil {
				t.Fatal(err)
			}
			s.Leave("a", "a", "unknown", s.ID())
			s.Leave("a")
			if got := s.Rooms(); !slices.Equal(got, []string{"b", "c"}) || s.InRoom("a") {
				t.Errorf("rooms %q", got)
			}
			if err := s.Join("d", "e"); !errors.Is(err, socketio.ErrTooManyRooms) {
				t.Errorf("got %v", err)
			}
		}
		if err := n.To(s.ID()).Emit("x"); err != nil {
			t.Fatal(err)
		}
		c.expect(`42["x"]`) // nobody leaves the room of its id
	})
}

func TestSocket_Rooms_at_the_disconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		told := newJournal()
		n.OnDisconnect(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) {
			told.add("%q %v %v %v", s.Rooms(), s.InRoom("a"), s.InRoom("b"), s.InRoom(s.ID()))
			told.add("%d others, %v", len(s.To("a").Sockets()), s.Join("c"))
			s.Leave("a")
			told.add(`%q`, s.Rooms())
		})
		c, other := n.join(t), n.join(t)
		if err := errors.Join(n.socket(t, c, "/").Join("a"), n.socket(t, other, "/").Join("a")); err != nil {
			t.Fatal(err)
		}
		c.send("41")
		told.expect(t, `["a"] true false true`, fmt.Sprint("1 others, ", socketio.ErrClosed), `["a"]`)
	})
}

func TestServer_Rooms(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		n := serve(t, nil)
		if got := n.Rooms(); len(got) > 0 {
			t.Errorf("before anybody has come: %q", got)
		}
		n.Of("/other")
		a, b := n.join(t, "/other", "/"), n.join(t)
		first, second := n.socket(t, a, "/"), n.socket(t, b, "/")
		must(t, first.Join("y", "x"), second.Join("x", "z"), n.Of("/other").Sockets()[0].Join("elsewhere"))
		if got := strings.Join(n.Rooms(), " "); got != "x y z" {
			t.Errorf("got %q", got)
		}
		if got := strings.Join(n.Of("/other").Rooms(), " "); got != "elsewhere" {
			t.Errorf("another namespace: %q", got)
		}
		second.Leave("z")
		must(t, second.Join(first.ID()))
		want := []string{first.ID(), "x", "y"}
		slices.Sort(want)
		if got := n.Rooms(); !slices.Equal(got, want) {
			t.Errorf("with another socket's own room: %q, want %q", got, want)
		}
		first.Disconnect(true)
		second.Leave(first.ID())
		if got := strings.Join(n.Rooms(), " "); got != "x" {
			t.Errorf("after the first has gone: %q", got)
		}
	})
}
