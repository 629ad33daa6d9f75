package cluster_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/cluster"
)

func TestRoomEvents_panic(t *testing.T) {
	logged := captureLog(t)
	synctest.Test(t, func(t *testing.T) {
		n := newRecovery(t, limits{})
		n.enter("a")
		rooms := n.Adapter
		t.Cleanup(rooms.ObserveRooms(func(e cluster.RoomEvent) {
			if e.Room == "x" {
				panic("oh no")
			}
		}))
		var told []string
		t.Cleanup(rooms.ObserveRooms(func(e cluster.RoomEvent) { told = append(told, e.Kind.String()+" "+e.Room) }))
		for _, room := range []string{"x", "y"} {
			if err := n.Join("a", room); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if want := []string{"create-room x", "join-room x", "create-room y", "join-room y"}; !slices.Equal(told, want) {
			t.Errorf("the other observer was told %q, want %q", told, want)
		}
	})
	if text := logged.String(); strings.Count(text, "panic in an adapter") != 2 || !strings.Contains(text, "oh no") {
		t.Errorf("logged %q, want two panics", text)
	}
}
