package clustertest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parleyio/parley/cluster"
)

// observation is the events of rooms that were seen so far.
type observation struct {
	node *node
	stop func()
	seen []cluster.RoomEvent // guarded by node.mu
}

// observe observes the rooms of all nodes.
func observe(n *node) *observation {
	o := &observation{node: n}
	var stops []func()
	for _, a := range n.adapters {
		stops = append(stops, a.ObserveRooms(func(e cluster.RoomEvent) {
			n.mu.Lock()
			defer n.mu.Unlock()
			o.seen = append(o.seen, e)
			n.delivered.Broadcast()
		}))
	}
	o.stop = func() {
		for _, stop := range stops {
			stop()
		}
	}
	return o
}

// events waits until all events have come, and returns those of one room.
func (o *observation) events(room string) (of []string) {
	o.node.t.Helper()
	o.node.fences++
	fence := fmt.Sprintf("fence %d", o.node.fences)
	o.node.join("observer", fence)
	o.node.Remove("observer")
	last := cluster.RoomEvent{Kind: cluster.RoomDeleted, Room: fence}
	o.node.wait(func() bool { return slices.Contains(o.seen, last) })
	o.node.mu.Lock()
	defer o.node.mu.Unlock()
	for _, e := range o.seen {
		if e.Room == room {
			of = append(of, strings.TrimSpace(e.Kind.String()+" "+e.ID))
		}
	}
	return of
}

func testRoomEvents(t *testing.T, n *node) {
	n.join("early", "old")
	o := observe(n)
	n.join("a", "red", "red", "a")
	n.join("b", "red", "old")
	n.enter("a", "red")
	n.Leave("a", "red", "nobody's")
	n.Leave("a", "red")
	n.Remove("b")
	n.enter("a", "red")
	n.join("a", "blue") // replaced
	n.Remove("early")
	for room, want := range map[string][]string{
		"red": {
			"create-room", "join-room a", "join-room b", "leave-room a", "leave-room b", "delete-room",
			"create-room", "join-room a", "leave-room a", "delete-room",
		},
		"old":      {"join-room b", "leave-room b", "leave-room early", "delete-room"},
		"blue":     {"create-room", "join-room a"},
		"a":        nil, // the room of a member's own id
		"nobody's": nil,
	} {
		if got := o.events(room); !slices.Equal(got, want) {
			t.Errorf("room %q: %q, want %q", room, got, want)
		}
	}

	second := observe(n)
	o.stop()
	o.stop()
	n.Leave("a", "blue")
	if got, want := second.events("blue"), []string{"leave-room a", "delete-room"}; !slices.Equal(got, want) {
		t.Errorf("the second observer saw %q, want %q", got, want)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if slices.Contains(o.seen, cluster.RoomEvent{Kind: cluster.RoomLeft, Room: "blue", ID: "a"}) {
		t.Error("the first observer was told of an event after it was stopped")
	}
}

// testRoomEventsRace follows the events of rooms in which many come and go, and compares what it has learned with what
// is so.
func testRoomEventsRace(t *testing.T, n *node) {
	const workers, steps = 4, 500
	o := observe(n)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 2))
			for range steps {
				id, room := fmt.Sprintf("m%d-%d", w, random.IntN(2)), fmt.Sprintf("room %d", random.IntN(2))
				switch random.IntN(5) {
				case 0:
					n.Add(&member{id: id})
				case 1:
					n.Remove(id)
				case 2, 3:
					_ = n.Join(id, room) // it may be gone
				default:
					n.Leave(id, room)
				}
			}
		})
	}
	group.Wait()
	o.events("") // waits for all
	rooms := make(map[string][]string)
	for i, e := range o.seen {
		members, exists := rooms[e.Room]
		in := slices.Contains(members, e.ID)
		ok := e.Missed == 0
		switch e.Kind {
		case cluster.RoomCreated:
			ok = ok && !exists
			rooms[e.Room] = nil
		case cluster.RoomJoined:
			ok = ok && exists && !in
			rooms[e.Room] = append(members, e.ID)
		case cluster.RoomLeft:
			ok = ok && in
			rooms[e.Room] = slices.DeleteFunc(members, func(id string) bool { return id == e.ID })
		case cluster.RoomDeleted:
			ok = ok && exists && len(members) == 0
			delete(rooms, e.Room)
		}
		if !ok {
			t.Fatalf("event %d, %+v, when the room (%t) had %q", i, e, exists, members)
		}
	}
	for _, name := range []string{"room 0", "room 1"} {
		want := idsOf(n.Members(&cluster.Target{Rooms: []string{name}}))
		slices.Sort(rooms[name])
		if !slices.Equal(rooms[name], want) {
			t.Errorf("by its events %q has %q, but it has %q", name, rooms[name], want)
		}
	}
}
