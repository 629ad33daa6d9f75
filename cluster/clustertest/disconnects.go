package clustertest

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parleyio/parley/cluster"
)

// testOffsetOrder broadcasts from several goroutines to rooms that overlap. One member receives everything; the others
// must see its order.
func testOffsetOrder(t *testing.T, n *node) {
	const senders, packets = 4, 150
	rooms := []string{"red", "green", "blue"}
	all := n.enterClient("all", rooms...)
	clients := []*client{n.enterClient("r", "red"), n.enterClient("gb", "green", "blue"), n.enterClient("none")}
	var group sync.WaitGroup
	for sender := range senders {
		group.Go(func() {
			for i := range packets {
				target := &cluster.Target{Rooms: rooms[(sender+i)%3 : (sender+i)%3+1]}
				if i%5 == 0 {
					target = &cluster.Target{Everyone: true, Except: []string{"none"}}
				}
				if err := n.broadcast(fmt.Sprintf("%d of %d", i, sender), target); err != nil {
					t.Errorf("Broadcast: %v", err)
				}
			}
		})
	}
	group.Wait()
	n.settle()
	place := make(map[string]int)
	for i, p := range all.received() {
		if strings.HasPrefix(p.label, "fence ") {
			continue
		}
		if _, double := place[p.offset]; double {
			t.Fatalf("offset %q was given twice", p.offset)
		}
		place[p.offset] = i
	}
	if want := senders * packets; len(place) != want {
		t.Errorf("%d packets, want %d", len(place), want)
	}
	for _, c := range append(clients, all) {
		last := -1
		for _, p := range c.received() {
			if strings.HasPrefix(p.label, "fence ") {
				continue
			}
			at, ok := place[p.offset]
			if !ok || at <= last {
				t.Fatalf("%s received %q with offset %q out of order", c.member.id, p.label, p.offset)
			}
			last = at
		}
	}
}

// testDisconnects lets clients lose their connections, and a part of what was sent into them, while packets are
// broadcast all the time. In the end each has everything that was meant for it once, in order.
func testDisconnects(t *testing.T, n *node) {
	const senders, most, rounds = 3, 1000, 100
	witness := n.enterClient("witness", "red", "blue")
	clients := []*client{
		n.enterClient("a", "red"), n.enterClient("b", "blue"), n.enterClient("c", "red", "blue"), n.enterClient("d"),
	}
	var coming, sending sync.WaitGroup
	var still atomic.Int32 // clients that are at it
	var sent [senders]int
	still.Store(int32(len(clients)))
	for sender := range senders {
		sending.Go(func() {
			for i := 0; i < most && still.Load() > 0; i++ {
				target := toAll()
				switch i % 4 {
				case 0:
					target = choose([]string{"red"})
				case 1:
					target = choose([]string{"blue", "green"})
				case 2:
					target.Except = []string{"red"}
				}
				if err := n.broadcast(fmt.Sprintf("%d of %d", i, sender), target); err != nil {
					t.Errorf("Broadcast: %v", err)
				}
				sent[sender]++
				runtime.Gosched()
			}
		})
	}
	for i, c := range clients {
		coming.Go(func() {
			defer still.Add(-1)
			random := rand.New(rand.NewPCG(uint64(i), 3))
			for range rounds {
				before := len(c.has)
				if random.IntN(2) == 0 {
					c.suspend()
				} else {
					c.detach() // its old member is still there
				}
				c.has = c.has[:len(c.has)-random.IntN(len(c.has)-before+1)]
				r, err := c.restore()
				if err != nil {
					t.Errorf("Restore: %v", err)
					return
				}
				c.resume(r)
			}
		})
	}
	coming.Wait()
	sending.Wait()
	if t.Failed() {
		return
	}
	n.settle()

	order := witness.received() // lacks what excepts "red"; all have an order in which this is a part
	place := make(map[string]int)
	for i, p := range order {
		place[p.offset] = i
	}
	for _, c := range clients {
		count, last := make(map[string]int), -1
		for _, p := range c.received() {
			if strings.HasPrefix(p.label, "fence ") {
				continue
			}
			count[p.label]++
			if at, ok := place[p.offset]; ok {
				if at <= last {
					t.Fatalf("%s received %q out of order", c.member.id, p.label)
				}
				last = at
			}
		}
		rooms := n.Rooms(c.member.id)
		for sender := range senders {
			for i := range sent[sender] {
				want := 1
				red := slices.Contains(rooms, "red")
				switch i % 4 {
				case 0:
					want = number(red)
				case 1:
					want = number(slices.Contains(rooms, "blue"))
				case 2:
					want = number(!red)
				}
				if label := fmt.Sprintf("%d of %d", i, sender); count[label] != want {
					t.Errorf("%s has packet %q %d times, want %d", c.member.id, label, count[label], want)
				}
			}
		}
	}
}

// testJoinSuspend lets joins race with the loss of the connection: one that succeeds is remembered.
func testJoinSuspend(t *testing.T, n *node) {
	c := n.enterClient("a")
	for round := range 100 {
		var joined []string
		begun := make(chan struct{})
		var group sync.WaitGroup
		group.Go(func() {
			for i := range 100 {
				room := fmt.Sprintf("room %d of %d", i, round)
				if n.Join("a", room) != nil {
					break
				}
				joined = append(joined, room)
				if i == 3 {
					close(begun)
				}
			}
		})
		<-begun
		home := n.at("a") // the joins go there
		rooms := home.Suspend(c.member, dataOf("a"))
		group.Wait()
		c.detach()
		slices.Sort(joined)
		if !slices.Equal(rooms, joined) {
			t.Fatalf("the session has rooms %q, but joined were %q", rooms, joined)
		}
		c.back()
		n.Leave("a", joined...)
	}
}
