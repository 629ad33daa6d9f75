package cluster

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// TestIndex_invariants lets everything happen at once to the same few members and rooms, and then looks at the index
// from inside: what nobody can see from outside (an empty room, a place that points elsewhere) would grow for ever.
func TestIndex_invariants(t *testing.T) {
	const workers, steps = 8, 4000
	x := newIndex()
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1))
			name := func() string { return fmt.Sprint(random.IntN(12)) } // of rooms and of members
			for range steps {
				switch id := name(); random.IntN(8) {
				case 0:
					x.add(named(id))
				case 1:
					x.remove(id, nil)
				case 2, 3, 4:
					_ = x.join(id, []string{name(), name()}) // the member may be gone
				case 5:
					x.leave(id, []string{name(), name()})
				case 6:
					x.roomsOf(id)
					x.inRoom(id, name())
				default:
					x.release(x.snapshot(&Target{Rooms: []string{name()}, Except: []string{id}}))
					x.release(x.snapshot(&Target{Everyone: true, Except: []string{id}}))
					x.release(x.snapshot(&Target{Rooms: []string{name(), name()}, Except: []string{id, name()}}))
				}
			}
		})
	}
	group.Wait()
	checkIndex(t, x)

	for i := range 12 {
		x.remove(fmt.Sprint(i), nil)
	}
	checkIndex(t, x)
	for i := range x.shards {
		if s := &x.shards[i]; len(s.residents) > 0 || len(s.rooms) > 0 {
			t.Errorf("after the last member: %d members and %d rooms are left", len(s.residents), len(s.rooms))
		}
	}
	if n := len(x.everyone.members); n > 0 {
		t.Errorf("after the last member: %d places are left in the room of everyone", n)
	}
}

// TestIndex_removedMeanwhile looks at the moments between finding a member and using what was found.
func TestIndex_removedMeanwhile(t *testing.T) {
	setup := func(t *testing.T) (*index, *resident) {
		x := newIndex()
		for _, id := range []string{"a", "b", "c"} {
			x.add(named(id))
			if err := x.join(id, []string{"room"}); err != nil {
				t.Fatal(err)
			}
		}
		a := x.find("a")
		x.remove("a", nil)
		return x, a
	}
	for _, target := range []*Target{{Everyone: true}, {Rooms: []string{"room"}}} {
		t.Run("a stale place leaves nobody else out", func(t *testing.T) {
			x, a := setup(t)
			s := new(snapshot)
			x.selectRoom(s, target, a)
			if len(s.members) != 2 {
				t.Errorf("to %q: %d members, want the 2 that are left", target.Rooms, len(s.members))
			}
			x.remove("b", nil)
			x.remove("c", nil) // the room is empty, and the place behind its end
			s = new(snapshot)
			x.selectRoom(s, target, a)
			if len(s.members) != 0 {
				t.Errorf("to %q: %d members, want none", target.Rooms, len(s.members))
			}
		})
	}
	t.Run("whoever has left an excepted room on the way out is still excepted", func(t *testing.T) {
		_, a := setup(t)
		if !a.inAny([]string{"room"}) {
			t.Error("it would receive the packet")
		}
	})
	t.Run("joins nothing", func(t *testing.T) {
		x, a := setup(t)
		if x.joinRoom(a, "room") {
			t.Error("it joined")
		}
		checkIndex(t, x)
	})
}

// TestIndex_shrink fills and empties a room, and expects its memory back.
func TestIndex_shrink(t *testing.T) {
	const most = 10_000
	x := newIndex()
	for i := range most {
		x.add(named(fmt.Sprint(i)))
		if err := x.join(fmt.Sprint(i), []string{"room"}); err != nil {
			t.Fatal(err)
		}
	}
	checkIndex(t, x)
	for i := range most - 10 {
		x.remove(fmt.Sprint(i), nil)
	}
	checkIndex(t, x)
	for _, o := range []*room{&x.everyone.room, x.shard("room").rooms["room"]} {
		if len(o.places) != 10 || cap(o.places) > 100 || cap(o.members) > 100 {
			t.Errorf("room %q of %d members keeps %d and %d places", o.name, len(o.places), cap(o.places), cap(o.members))
		}
	}
}

// checkIndex looks for contradictions. Nothing else may use the index.
func checkIndex(t *testing.T, x *index) {
	t.Helper()
	residents := make(map[*resident]bool)
	seats := 0
	for i := range x.shards {
		for id, r := range x.shards[i].residents {
			residents[r] = true
			seats += len(r.rooms)
			if r.id != id || x.shard(id) != &x.shards[i] || r.gone {
				t.Errorf("member %q is kept as %q, gone: %t", r.id, id, r.gone)
			}
			if at := r.lobby.at; at >= len(x.everyone.places) || x.everyone.places[at] != &r.lobby {
				t.Errorf("member %q has no place in the room of everyone", id)
			}
		}
	}
	if len(x.everyone.places) != len(residents) {
		t.Errorf("%d members, but %d places in the room of everyone", len(residents), len(x.everyone.places))
	}
	checkRoom := func(o *room) {
		if len(o.members) != len(o.places) {
			t.Errorf("room %q has %d members in %d places", o.name, len(o.members), len(o.places))
		}
		for at, m := range o.places {
			if m.at != at || m.resident.member != o.members[at] {
				t.Errorf("room %q: place %d belongs to place %d", o.name, at, m.at)
			}
			if !residents[m.resident] {
				t.Errorf("room %q: %q is a ghost", o.name, m.resident.id)
			}
		}
	}
	checkRoom(&x.everyone.room)
	for i := range x.shards {
		for name, o := range x.shards[i].rooms {
			if len(o.places) == 0 || o.name != name || x.shard(name) != &x.shards[i] {
				t.Errorf("room %q is kept as %q with %d members", o.name, name, len(o.places))
			}
			checkRoom(o)
			for _, m := range o.places {
				if m.resident.rooms[name] != m {
					t.Errorf("room %q: %q does not know of its place", name, m.resident.id)
				}
			}
			seats -= len(o.places)
		}
	}
	if seats != 0 {
		t.Errorf("members know of %d places more than rooms have", seats)
	}
}

// named is a member that is nothing but its id.
type named string

func (n named) ID() string          { return string(n) }
func (n named) Progress() *Progress { return nil }
