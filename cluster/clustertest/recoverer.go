package clustertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// TestRecoverer runs the conformance suite of cluster.Recoverer, beside TestAdapter. The factory is asked once per case;
// sessions and a few thousand packets have to be kept for a minute.
func TestRecoverer(t *testing.T, factory func(t *testing.T) cluster.Factory) {
	cases := []struct {
		name string
		test func(t *testing.T, n *recovering)
	}{
		{"offsets", testOffsets},
		{"the order of offsets is the order of delivery", testOffsetOrder},
		{"a session is restored once", testSession},
		{"missed packets", testMissed},
		{"packets that were lost on their way", testLostOnTheWay},
		{"from the beginning of the session", testNoOffset},
		{"an offset of an earlier session", testStaleOffset},
		{"unknown offsets", testUnknownOffset},
		{"again and again", testAgain},
		{"disconnects among broadcasts", testDisconnects},
		{"joining while the connection is lost", testJoinSuspend},
		{"members that are not there", testSuspendUnknown},
		{"close", testRecovererClose},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			n := start(t, factory)
			r, ok := n.Adapter.(cluster.Recoverer)
			if !ok {
				t.Fatalf("%T does not implement cluster.Recoverer", n.Adapter)
			}
			c.test(t, &recovering{node: n, Recoverer: r})
		})
	}
}

func testOffsets(t *testing.T, n *recovering) {
	a := n.enterClient("a", "red")
	targets := []*cluster.Target{
		toAll(), {Rooms: []string{"a"}}, {Rooms: []string{"red"}, Except: []string{"b"}},
		{Everyone: true, Local: true}, {Everyone: true, NoCompress: true},
	}
	for i, target := range targets {
		n.send(fmt.Sprint("event ", i), target)
	}
	n.send("volatile", &cluster.Target{Everyone: true, Volatile: true})
	if err := n.node.Broadcast(question(), &cluster.Target{Rooms: []string{"red"}}); err != nil {
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
	if a.member.wrong {
		t.Error("the member was told positions that do not increase")
	}
}

func testSession(t *testing.T, n *recovering) {
	a := n.enterClient("a", "red", "blue")
	n.enterClient("b", "red")
	n.send("first", toAll())
	n.settle()
	s := a.suspend()
	if !slices.Equal(s.Rooms, []string{"blue", "red"}) {
		t.Errorf("rooms of the session: %q", s.Rooms)
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
	if _, err := n.Take(ctx(t), "another pid", a.offset()); !errors.Is(err, cluster.ErrUnknownSession) {
		t.Errorf("Take of another pid = %v, want ErrUnknownSession", err)
	}
	taken := a.take()
	if taken.ID != s.ID || taken.PID != s.PID || taken.Data != s.Data || taken.Joined != s.Joined ||
		!slices.Equal(taken.Rooms, []string{"blue", "red"}) {
		t.Errorf("took %+v, want %+v", taken, s)
	}
	check("taken", "b")
	if _, err := n.Take(ctx(t), s.PID, a.offset()); !errors.Is(err, cluster.ErrUnknownSession) {
		t.Errorf("the second Take = %v, want ErrUnknownSession", err)
	}
	a.resume(taken)
	check("resumed", "a", "b")
	if got := n.Rooms("a"); !slices.Equal(got, []string{"blue", "red"}) {
		t.Errorf("rooms after Resume: %q", got)
	}
	if _, err := n.Take(ctx(t), s.PID, a.offset()); !errors.Is(err, cluster.ErrUnknownSession) {
		t.Errorf("Take of a resumed session = %v, want ErrUnknownSession", err)
	}
	a.check("first")
}

func testMissed(t *testing.T, n *recovering) {
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
		{&cluster.Target{Rooms: []string{"red"}, Local: true}, true},
	} {
		label := fmt.Sprint("packet ", i)
		n.send(label, c.target)
		if c.meant {
			want = append(want, label)
		}
	}
	if err := n.node.Broadcast(question(), toAll()); err != nil {
		t.Fatal(err)
	}
	n.settle()
	a.resume(a.take())
	a.check(want...)
	n.send("after", &cluster.Target{Rooms: []string{"blue"}})
	n.settle()
	a.check(append(want, "after")...)
}

// testLostOnTheWay lets packets be put into the queue of a connection that delivers them no more.
func testLostOnTheWay(t *testing.T, n *recovering) {
	a := n.enterClient("a", "red")
	for i := range 4 {
		n.send(fmt.Sprint(i), &cluster.Target{Rooms: []string{"red"}})
	}
	n.settle()
	a.suspend()
	n.send("4", toAll())
	n.settle()
	a.lose("2", "3")
	a.resume(a.take())
	a.check("0", "1", "2", "3", "4")
}

func testNoOffset(t *testing.T, n *recovering) {
	n.enterClient("b")
	n.send("earlier", toAll())
	n.settle()
	a := n.enterClient("a")
	n.send("volatile", &cluster.Target{Everyone: true, Volatile: true})
	n.settle()
	a.suspend()
	n.send("missed", toAll())
	n.settle()
	a.resume(a.take())
	a.check("volatile", "missed")

	c := n.enterClient("c")
	n.send("lost", toAll())
	n.settle()
	c.suspend()
	c.lose("lost")
	c.resume(c.take())
	c.check("lost")
}

// testStaleOffset comes with the offset of an earlier session, as a client does that has received nothing in its new one.
func testStaleOffset(t *testing.T, n *recovering) {
	a := n.enterClient("a")
	n.send("old", toAll())
	n.settle()
	stale := a.offset()
	n.Remove("a")
	n.send("between", toAll())
	b := n.enterClient("b")
	n.settle()
	n.send("lost", toAll())
	n.settle()
	s := b.suspend()
	b.lose("lost")
	taken, err := n.Take(ctx(t), s.PID, stale)
	if err != nil {
		t.Fatalf("Take: %v", err)
	}
	b.resume(taken)
	b.check("lost")
}

func testUnknownOffset(t *testing.T, n *recovering) {
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
		func(o string) string { return o[1:] },
		func(o string) string { return strings.ToUpper(o) + "." },
	} {
		a := n.enterClient(fmt.Sprint("a", i))
		n.send("x", toAll())
		n.settle()
		s := a.suspend()
		offset := change(a.offset())
		if _, err := n.Take(ctx(t), s.PID, offset); !errors.Is(err, cluster.ErrUnknownOffset) {
			t.Errorf("Take with offset %.20q = %v, want ErrUnknownOffset", offset, err)
		}
		if _, err := n.Take(ctx(t), s.PID, a.offset()); !errors.Is(err, cluster.ErrUnknownSession) {
			t.Errorf("Take after one with a wrong offset = %v, want ErrUnknownSession", err)
		}
	}
}

func testAgain(t *testing.T, n *recovering) {
	a := n.enterClient("a", "red")
	var want []string
	send := func(label string) {
		n.send(label, &cluster.Target{Rooms: []string{"red"}})
		n.settle()
		want = append(want, label)
	}
	for i := range 5 {
		a.suspend() // at first without any packet
		a.resume(a.take())
		a.check(want...)
		send(fmt.Sprint("connected ", i))
		a.suspend()
		send(fmt.Sprint("away ", i))
		a.resume(a.take())
		a.check(want...)
		a.suspend() // the missed packets are lost once more
		a.lose(fmt.Sprint("away ", i))
		a.resume(a.take())
		a.check(want...)
	}
	if a.member.wrong {
		t.Error("the member was told positions that do not increase")
	}
}

func testSuspendUnknown(t *testing.T, n *recovering) {
	n.Suspend(&cluster.Leftover{ID: "never", PID: "pid"})
	a := n.enterClient("a", "red")
	s := a.suspend()
	a.resume(a.take())
	n.Remove("a")
	n.Suspend(s)
	for _, pid := range []string{"pid", s.PID} {
		if _, err := n.Take(ctx(t), pid, ""); !errors.Is(err, cluster.ErrUnknownSession) {
			t.Errorf("Take = %v, want ErrUnknownSession: its member was not there", err)
		}
	}
}

func testRecovererClose(t *testing.T, n *recovering) {
	a, b, c := n.enterClient("a"), n.enterClient("b"), n.enterClient("c")
	n.send("x", toAll())
	n.settle()
	a.suspend()
	b.suspend()
	taken := b.take()
	if err := n.node.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if err := n.node.Broadcast(packet("late"), toAll()); !errors.Is(err, cluster.ErrClosed) {
		t.Errorf("Broadcast = %v, want ErrClosed", err)
	}
	if _, err := n.Take(context.Background(), "pid of a", a.offset()); err == nil {
		t.Error("Take found a session")
	}
	err := n.Resume(&member{id: "b"}, taken, func([]*parser.Packet) { t.Error("Resume delivered") })
	if !errors.Is(err, cluster.ErrClosed) {
		t.Errorf("Resume = %v, want ErrClosed", err)
	}
	c.suspend()
	if got := n.selected(toAll()); got != nil {
		t.Errorf("members %q", got)
	}
}
