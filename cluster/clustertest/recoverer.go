package clustertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parleyio/parley/cluster"
)

// TestRecovery runs the conformance suite of connection state recovery, beside TestAdapter: with one, two and three nodes
// for a log that is Shared, whose clients come back to another node each time, and with one for a log that is not. Sessions
// and a few thousand packets have to be kept for a minute.
func TestRecovery(t *testing.T, configure Configure) {
	cases := []struct {
		name string
		test func(t *testing.T, n *node)
	}{
		{"offsets", testOffsets},
		{"the order of offsets is the order of delivery", testOffsetOrder},
		{"a session is restored once", testSession},
		{"a session is claimed once", testClaims},
		{"a client is back before the connection is lost", testSupersede},
		{"a removed member cannot come back", testDropped},
		{"missed packets", testMissed},
		{"packets that were lost on their way", testLostOnTheWay},
		{"from the beginning of the session", testNoOffset},
		{"an offset of an earlier session", testStaleOffset},
		{"unknown offsets", testUnknownOffset},
		{"more than the limit", testLimit},
		{"again and again", testAgain},
		{"an attempt that fails is made again", testCancel},
		{"disconnects among broadcasts", testDisconnects},
		{"joining while the connection is lost", testJoinSuspend},
		{"members that are not there", testSuspendUnknown},
		{"close", testRecoveryClose},
	}
	probe := configure(t, 1)
	if len(probe) != 1 || probe[0].Log == nil {
		t.Fatal("the configuration has no log")
	}
	most := 1
	if probe[0].Log.Traits().Shared {
		most = 3
	}
	for _, c := range cases {
		for nodes := 1; nodes <= most; nodes++ {
			t.Run(fmt.Sprintf("%s/%d", c.name, nodes), func(t *testing.T) { c.test(t, start(t, nodes, configure)) })
		}
	}
}

func testOffsets(t *testing.T, n *node) {
	a := n.enterClient("a", "red")
	targets := []*cluster.Target{
		toAll(), {Rooms: []string{"a"}}, {Rooms: []string{"red"}, Except: []string{"b"}},
		{Everyone: true, NoCompress: true},
	}
	if !n.shared { // in a log that all nodes have there is nothing for one node alone
		targets = append(targets, &cluster.Target{Everyone: true, Local: true})
	}
	for i, target := range targets {
		n.send(fmt.Sprint("event ", i), target)
	}
	n.settle()
	n.send("volatile", &cluster.Target{Everyone: true, Volatile: true})
	if err := n.front.Broadcast(question(), &cluster.Target{Rooms: []string{"red"}}); err != nil {
		t.Fatal(err)
	}
	n.settle()
	received := slices.DeleteFunc(a.received(), func(p arrival) bool { return strings.HasPrefix(p.label, "fence ") })
	if len(received) != len(targets)+2 {
		t.Fatalf("received %+v", received)
	}
	known := make(map[string]bool)
	for _, p := range received[:len(targets)] {
		if p.offset == "" || known[p.offset] || strings.ContainsAny(p.offset, `"\`) {
			t.Errorf("packet %q has offset %q", p.label, p.offset)
		}
		known[p.offset] = true
	}
	for _, p := range received[len(targets):] {
		if p.offset != "" {
			t.Errorf("packet %q must not have an offset: %q", p.label, p.offset)
		}
	}
}

func testSession(t *testing.T, n *node) {
	a := n.enterClient("a", "red", "blue")
	n.enterClient("b", "red")
	n.send("first", toAll())
	n.settle()
	if rooms := a.suspend(); !slices.Equal(rooms, []string{"blue", "red"}) {
		t.Errorf("rooms of the session: %q", rooms)
	}
	check := func(when string, want ...string) {
		t.Helper()
		for _, rooms := range [][]string{nil, {"red"}, {"a", "b"}} {
			if got := n.selected(choose(rooms)); !slices.Equal(got, want) {
				t.Errorf("%s: to %q: %q, want %q", when, rooms, got, want)
			}
		}
	}
	check("suspended", "b")
	if _, err := n.at("a").Restore(ctx(t), "another pid", a.offset(), 0); !errors.Is(err, cluster.ErrUnknownSession) {
		t.Errorf("Restore of another pid = %v, want ErrUnknownSession", err)
	}
	taken := a.take()
	if taken.ID() != "a" || string(taken.Data()) != string(dataOf("a")) || !slices.Equal(taken.Rooms(), []string{"blue", "red"}) {
		t.Errorf("took %q with rooms %q and data %s", taken.ID(), taken.Rooms(), taken.Data())
	}
	check("taken", "b")
	for i, adapter := range n.adapters {
		if _, err := adapter.Restore(ctx(t), a.pid, a.offset(), 0); !errors.Is(err, cluster.ErrUnknownSession) {
			t.Errorf("the second Restore, on node %d, = %v, want ErrUnknownSession", i, err)
		}
	}
	a.resume(taken)
	check("resumed", "a", "b")
	if got := n.Rooms("a"); !slices.Equal(got, []string{"blue", "red"}) {
		t.Errorf("rooms after Enter: %q", got)
	}
	a.check("first")
}

func testMissed(t *testing.T, n *node) {
	a := n.enterClient("a", "red", "blue")
	n.enterClient("b", "red")
	n.send("before", toAll())
	n.settle()
	a.suspend()
	want := []string{"before"}
	for i, c := range []struct {
		target *cluster.Target
		meant  bool
	}{
		{toAll(), true},
		{nil, false},
		{&cluster.Target{Except: []string{"b"}}, false},
		{&cluster.Target{Everyone: true, Rooms: []string{"green"}}, true},
		{&cluster.Target{Rooms: []string{"red"}}, true},
		{&cluster.Target{Rooms: []string{"green"}}, false},
		{&cluster.Target{Rooms: []string{"green", "blue"}}, true},
		{&cluster.Target{Rooms: []string{"a"}}, true},
		{&cluster.Target{Rooms: []string{"b"}}, false},
		{&cluster.Target{Everyone: true, Except: []string{"a"}}, false},
		{&cluster.Target{Everyone: true, Except: []string{"blue", "green"}}, false},
		{&cluster.Target{Everyone: true, Except: []string{"b", "green"}}, true},
		{&cluster.Target{Rooms: []string{"red"}, Except: []string{"blue"}}, false},
		{&cluster.Target{Rooms: []string{"red", "a"}, Except: []string{"b"}}, true},
		{&cluster.Target{Everyone: true, Volatile: true}, false},
		{&cluster.Target{Rooms: []string{"red"}, Local: true}, !n.shared},
	} {
		label := fmt.Sprint("packet ", i)
		n.send(label, c.target)
		if c.meant {
			want = append(want, label)
		}
	}
	if err := n.front.Broadcast(question(), toAll()); err != nil {
		t.Fatal(err)
	}
	n.settle()
	a.back()
	a.check(want...)
	n.send("after", &cluster.Target{Rooms: []string{"blue"}})
	n.settle()
	a.check(append(want, "after")...)
}

// testLostOnTheWay lets packets be put into the queue of a connection that delivers them no more.
func testLostOnTheWay(t *testing.T, n *node) {
	a := n.enterClient("a", "red")
	for i := range 4 {
		n.send(fmt.Sprint(i), &cluster.Target{Rooms: []string{"red"}})
	}
	n.settle()
	a.suspend()
	n.send("4", toAll())
	n.settle()
	a.lose("2", "3")
	a.back()
	a.check("0", "1", "2", "3", "4")
}

func testNoOffset(t *testing.T, n *node) {
	n.enterClient("b")
	n.send("earlier", toAll())
	n.settle()
	a := n.enterClient("a")
	n.send("volatile", &cluster.Target{Everyone: true, Volatile: true})
	n.settle()
	a.suspend()
	n.send("missed", toAll())
	n.settle()
	a.back()
	a.check("volatile", "missed")

	c := n.enterClient("c")
	n.send("lost", toAll())
	n.settle()
	c.suspend()
	c.lose("lost")
	c.back()
	c.check("lost")
}

// testStaleOffset comes with the offset of an earlier session, as a client does that has received nothing in its new one.
func testStaleOffset(t *testing.T, n *node) {
	a := n.enterClient("a")
	n.send("old", toAll())
	n.settle()
	stale := a.offset()
	n.Remove("a")
	n.send("between", toAll())
	n.settle()
	b := n.enterClient("b")
	n.settle()
	n.send("lost", toAll())
	n.settle()
	b.suspend()
	b.lose("lost")
	taken, err := b.restoreAt(stale)
	if err != nil {
		t.Fatalf("Restore: %v", err)
	}
	b.resume(taken)
	b.check("lost")
}

func testUnknownOffset(t *testing.T, n *node) {
	for i, change := range []func(offset string) string{
		func(string) string { return "x" },
		func(string) string { return " " },
		func(string) string { return "0" },
		func(string) string { return "-1" },
		func(string) string { return "." },
		func(string) string { return "\x00\xff" },
		func(string) string { return strings.Repeat("9", 100_000) },
		func(o string) string { return o + "zz" },
		func(o string) string { return " " + o },
		func(o string) string { return "0" + o },
		func(o string) string { return "z" + o },
		func(o string) string { return strings.ToUpper(o) + "." },
	} {
		a := n.enterClient(fmt.Sprint("a", i))
		n.send("x", toAll())
		n.settle()
		a.suspend()
		offset := change(a.offset())
		if _, err := a.restoreAt(offset); !errors.Is(err, cluster.ErrUnknownOffset) {
			t.Errorf("Restore with offset %.20q = %v, want ErrUnknownOffset", offset, err)
		}
		if _, err := a.restore(); !errors.Is(err, cluster.ErrUnknownSession) {
			t.Errorf("Restore after one with a wrong offset = %v, want ErrUnknownSession", err)
		}
	}
}

func testAgain(t *testing.T, n *node) {
	a := n.enterClient("a", "red")
	var want []string
	send := func(label string) {
		n.send(label, &cluster.Target{Rooms: []string{"red"}})
		n.settle()
		want = append(want, label)
	}
	for i := range 5 {
		a.suspend() // at first without any packet
		a.back()
		a.check(want...)
		send(fmt.Sprint("connected ", i))
		a.suspend()
		send(fmt.Sprint("away ", i))
		a.back()
		a.check(want...)
		a.suspend() // the missed packets are lost once more
		a.lose(fmt.Sprint("away ", i))
		a.back()
		a.check(want...)
	}
}

func testSuspendUnknown(t *testing.T, n *node) {
	n.at("never").Suspend(n.newClientMember("never", "pid"), nil)
	a := n.enterClient("a", "red")
	a.suspend()
	a.back()
	n.Remove("a")
	n.at("a").Suspend(a.member, nil)
	dropped := make(chan struct{})
	n.at("a").Drop(a.member, func() { close(dropped) })
	<-dropped
	a.detach()
	for _, pid := range []string{"", "pid", a.pid} {
		for _, adapter := range n.adapters {
			if _, err := adapter.Restore(ctx(t), pid, "", 0); !errors.Is(err, cluster.ErrUnknownSession) {
				t.Errorf("Restore = %v, want ErrUnknownSession: its member was not there", err)
			}
		}
	}
}
