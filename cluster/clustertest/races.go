package clustertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

func testOrder(t *testing.T, n *node) {
	a, b := n.join("a", "red"), n.join("b", "red", "blue")
	targets := []*cluster.Target{
		toAll(),
		{Rooms: []string{"red"}},
		{Rooms: []string{"red", "blue"}},
		{Rooms: []string{"a", "b"}},
		{Everyone: true, Except: []string{"nobody"}},
		{Rooms: []string{"red"}, NoCompress: true},
	}
	if !n.shared { // what may be dropped does not wait for the log
		targets = append(targets, &cluster.Target{Everyone: true, Volatile: true})
	}
	var want []string
	for i := range 600 {
		label := fmt.Sprint(i)
		want = append(want, label)
		n.send(label, targets[i%len(targets)])
	}
	n.settle()
	for _, m := range []*member{a, b} {
		if got := n.labels(m); !slices.Equal(got, want) {
			t.Errorf("%s received %q", m.id, got)
		}
	}
}

func testOrders(t *testing.T, n *node) {
	const senders, packets = 4, 200
	a := n.join("a", "red")
	errs := make(chan error, senders)
	for sender := range senders {
		go func() {
			var err error
			for i := 0; i < packets && err == nil; i++ {
				err = n.broadcast(fmt.Sprintf("%d of %d", i, sender), &cluster.Target{Rooms: []string{"red"}})
			}
			errs <- err
		}()
	}
	for range senders {
		if err := <-errs; err != nil {
			t.Fatalf("Broadcast: %v", err)
		}
	}
	n.wait(func() bool { return len(n.received[a]) >= senders*packets })
	next := make([]int, senders)
	for _, label := range n.labels(a) {
		var i, sender int
		if _, err := fmt.Sscanf(label, "%d of %d", &i, &sender); err != nil {
			t.Fatalf("received %q", label)
		}
		if i != next[sender] {
			t.Fatalf("received packet %d of sender %d, want %d", i, sender, next[sender])
		}
		next[sender]++
	}
}

func testReentrance(t *testing.T, n *node) {
	n.join("a", "red")
	n.join("b", "red")
	n.join("c")
	done := make(chan struct{})
	n.hook(func(p *parser.Packet, members []cluster.Member, _ *cluster.Target) {
		if labelOf(p) != "first" {
			return
		}
		n.Members(toAll())
		for _, m := range members {
			n.Leave(m.ID(), "red")
			if err := n.Join(m.ID(), "blue"); err != nil {
				t.Errorf("Join inside Deliver: %v", err)
			}
		}
		n.Remove("c")
		n.Add(&member{id: "d"})
		close(done)
	})
	n.send("first", &cluster.Target{Rooms: []string{"red"}})
	<-done
	n.send("second", &cluster.Target{Rooms: []string{"blue"}})
	n.settle()
	if got, want := n.recipients("second"), []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("received by %q, want %q, who have joined inside Deliver", got, want)
	}
	if got, want := n.selected(toAll()), []string{"a", "b", "d"}; !slices.Equal(got, want) {
		t.Errorf("members %q, want %q", got, want)
	}
}

// testNodeOrders broadcasts from all nodes at once: what comes from one node comes in its order.
func testNodeOrders(t *testing.T, n *node) {
	const packets = 300
	members := []*member{n.join("a", "red"), n.join("b", "red"), n.join("c", "red")}
	var group sync.WaitGroup
	for sender, a := range n.adapters {
		group.Go(func() {
			for i := range packets {
				if err := n.broadcastFrom(a, fmt.Sprintf("%d of %d", i, sender), &cluster.Target{Rooms: []string{"red"}}); err != nil {
					t.Errorf("Broadcast: %v", err)
				}
			}
		})
	}
	group.Wait()
	for _, m := range members {
		n.wait(func() bool { return len(n.received[m]) >= packets*len(n.adapters) })
		next := make([]int, len(n.adapters))
		for _, label := range n.labels(m) {
			var i, sender int
			if _, err := fmt.Sscanf(label, "%d of %d", &i, &sender); err != nil || i != next[sender] {
				t.Fatalf("%s received %q, want packet %d", m.id, label, next[sender])
			}
			next[sender]++
		}
	}
}

// testModel compares the adapter with the plainest possible one over a long random sequence.
func testModel(t *testing.T, n *node) {
	const steps = 4000
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"red", "blue", "green", "m1", "m2"} // members' ids among them
	var ids []string
	for i := range 40 {
		ids = append(ids, fmt.Sprintf("m%d", i))
	}
	some := func(of []string, most int) (picked []string) {
		for range random.IntN(most + 1) {
			picked = append(picked, of[random.IntN(len(of))])
		}
		return picked
	}
	model := make(map[string][]string) // the rooms of each member, its own id first
	in := func(id string, rooms []string) bool {
		return slices.ContainsFunc(rooms, func(room string) bool { return slices.Contains(model[id], room) })
	}
	for step := range steps {
		id := ids[random.IntN(len(ids))]
		_, known := model[id]
		switch random.IntN(8) {
		case 0:
			n.Add(&member{id: id})
			model[id] = []string{id}
		case 1:
			n.Remove(id)
			delete(model, id)
		case 2, 3, 4:
			rooms := some(names, 3)
			if err := n.Join(id, rooms...); (err == nil) != known {
				t.Fatalf("step %d: Join of %q: %v", step, id, err)
			}
			for _, room := range rooms {
				if known && !slices.Contains(model[id], room) {
					model[id] = append(model[id], room)
				}
			}
		case 5:
			rooms := some(names, 2)
			n.Leave(id, rooms...)
			if known {
				model[id] = slices.DeleteFunc(model[id], func(room string) bool {
					return room != id && slices.Contains(rooms, room)
				})
			}
		case 6:
			want := slices.Clone(model[id])
			if known {
				want = want[1:]
			}
			slices.Sort(want)
			if got := n.Rooms(id); !slices.Equal(got, want) {
				t.Fatalf("step %d: rooms of %q: %q, want %q", step, id, got, want)
			}
		default:
			target := &cluster.Target{
				Everyone: random.IntN(3) == 0, Rooms: some(append(names, id), 3), Except: some(append(names, id), 2),
			}
			var want []string
			for id := range model {
				if (target.Everyone || in(id, target.Rooms)) && !in(id, target.Except) {
					want = append(want, id)
				}
			}
			slices.Sort(want)
			if got := n.selected(target); !slices.Equal(got, want) {
				t.Fatalf("step %d: members of %+v: %q, want %q", step, *target, got, want)
			}
		}
	}
}

// testGhosts lets joins race with the removal of the member, and then looks for members that were left behind.
func testGhosts(t *testing.T, n *node) {
	const rounds = 300
	for range rounds {
		n.Add(&member{id: "a"})
		var group sync.WaitGroup
		group.Go(func() {
			if err := n.Join("a", "red", "blue", "green"); err != nil && !errors.Is(err, cluster.ErrUnknownMember) {
				t.Errorf("Join: %v", err)
			}
		})
		group.Go(func() { n.Leave("a", "blue") })
		group.Go(func() { n.Remove("a") })
		group.Wait()
		for _, rooms := range [][]string{nil, {"red"}, {"blue"}, {"green"}, {"a"}} {
			if got := n.selected(choose(rooms)); got != nil {
				t.Fatalf("to %q: a was removed, but %q is selected", rooms, got)
			}
		}
	}
}

// testStress does everything from several goroutines, each with members of its own, and compares the end.
func testStress(t *testing.T, n *node) {
	const workers, steps = 6, 1500
	rooms := []string{"red", "blue", "green"}
	final := make([]map[string][]string, workers) // by worker: the rooms of its members
	witness := n.join("witness", rooms...)
	var group sync.WaitGroup
	for w := range workers {
		final[w] = make(map[string][]string)
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 0))
			mine := final[w]
			for range steps {
				id := fmt.Sprintf("w%d-%d", w, random.IntN(8))
				room := rooms[random.IntN(len(rooms))]
				switch random.IntN(6) {
				case 0:
					n.Add(&member{id: id})
					mine[id] = nil
				case 1:
					n.Remove(id)
					delete(mine, id)
				case 2, 3:
					err := n.Join(id, room)
					joined, known := mine[id]
					if (err == nil) != known {
						t.Errorf("Join of %q: %v", id, err)
					}
					if known && !slices.Contains(joined, room) {
						mine[id] = append(joined, room)
					}
				case 4:
					n.Leave(id, room)
					if joined, known := mine[id]; known {
						mine[id] = slices.DeleteFunc(joined, func(r string) bool { return r == room })
					}
				default:
					target := &cluster.Target{Rooms: []string{room}, Except: []string{id}, Volatile: true}
					if err := n.broadcast("stress", target); err != nil {
						t.Errorf("Broadcast: %v", err)
					}
					if slices.Contains(n.selected(target), id) {
						t.Errorf("to %q except %q: it is selected", room, id)
					}
				}
			}
		})
	}
	group.Wait()

	everyone := []string{witness.id}
	members := map[string][]string{}
	for _, room := range rooms {
		members[room] = []string{witness.id}
	}
	for _, mine := range final {
		for id, joined := range mine {
			everyone = append(everyone, id)
			for _, room := range joined {
				members[room] = append(members[room], id)
			}
		}
	}
	slices.Sort(everyone)
	if got := n.selected(toAll()); !slices.Equal(got, everyone) {
		t.Errorf("members %q, want %q", got, everyone)
	}
	for _, mine := range final {
		for id, joined := range mine {
			n.at(id).Subscribed(ctx(t), joined...)
		}
	}
	for _, room := range rooms {
		n.send("end of "+room, &cluster.Target{Rooms: []string{room}})
	}
	n.settle()
	for _, room := range rooms {
		want := members[room]
		slices.Sort(want)
		if got := n.recipients("end of " + room); !slices.Equal(got, want) {
			t.Errorf("room %q: received by %q, want %q", room, got, want)
		}
	}
}

func testClose(t *testing.T, n *node) {
	n.join("a", "red")
	n.join("b", "red")
	n.settle()
	for range 2 {
		n.front.Close()
	}
	if err := n.front.Broadcast(packet("late"), toAll()); !errors.Is(err, cluster.ErrClosed) {
		t.Errorf("Broadcast = %v, want ErrClosed", err)
	}
	if err := n.Join("a", "blue"); !errors.Is(err, cluster.ErrClosed) {
		t.Errorf("Join = %v, want ErrClosed", err)
	}
	if got := n.Rooms("a"); !slices.Equal(got, []string{"red"}) {
		t.Errorf("Rooms = %q, want red", got)
	}
	n.Leave("a", "red")
	n.Remove("b")
	if got := n.selected(toAll()); !slices.Equal(got, []string{"a"}) {
		t.Errorf("members %q, want a", got)
	}
	if got := n.recipients("late"); got != nil {
		t.Errorf("a closed adapter delivered to %q", got)
	}
}
