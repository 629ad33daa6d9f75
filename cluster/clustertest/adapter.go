package clustertest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// Configure returns the configurations of a new cluster of so many nodes, whose bus connects them. It is called once for
// each case; what the cluster needs besides (a broker) it ends with t.Cleanup.
type Configure func(t *testing.T, nodes int) []cluster.Config

// TestAdapter runs the conformance suite of what a namespace sees, with one, two and three nodes, or with one alone when it
// has no bus. The nodes must find each other without the suite's help.
func TestAdapter(t *testing.T, configure Configure) {
	cases := []struct {
		name string
		test func(t *testing.T, n *node)
		only int // the number of nodes; zero means 1, 2 and 3, and -1 two and three
	}{
		{"targets", testTargets, 0},
		{"no rooms choose nobody", testNobody, 0},
		{"members are counted once", testDuplicates, 0},
		{"rooms of a member", testRooms, 0},
		{"own id is a room", testOwnID, 0},
		{"unknown members", testUnknown, 0},
		{"remove leaves every room", testRemove, 0},
		{"adding an id again replaces its member", testReplace, 0},
		{"packet and target arrive as they were sent", testContent, 0},
		{"results belong to the caller", testResults, 0},
		{"order of one goroutine", testOrder, 0},
		{"order of several goroutines", testOrders, 0},
		{"order of several nodes", testNodeOrders, -1},
		{"deliver may call the adapter", testReentrance, 1},
		{"any sequence of operations", testModel, 0},
		{"join races with remove", testGhosts, 0},
		{"everything at once", testStress, 0},
		{"close", testClose, 1},
		{"fetch sockets", testFetch, 0},
		{"move and disconnect sockets", testMove, 0},
		{"acknowledged broadcast: all answer", testAcks, 0},
		{"acknowledged broadcast: some never answer", testAcksLost, 0},
		{"acknowledged broadcast: the context ends", testAcksContext, 0},
		{"acknowledged broadcast: cannot be delivered", testAcksError, 1},
		{"alone in the cluster", testAlone, 1},
		{"events between servers", testServerEvents, -1},
		{"a node stops", testStop, -1},
		{"queries after close", testQueriesClosed, 1},
		{"room events", testRoomEvents, 1},
		{"room events of many goroutines", testRoomEventsRace, 1},
	}
	most := 3
	if probe := configure(t, 1); len(probe) == 1 && probe[0].Bus == nil {
		most = 1
	}
	for _, c := range cases {
		for nodes := 1; nodes <= most; nodes++ {
			if c.only > 0 && nodes != c.only || c.only < 0 && nodes == 1 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", c.name, nodes), func(t *testing.T) { c.test(t, start(t, nodes, configure)) })
		}
	}
}

// testTargets checks who is selected. Room "d" has the name of a member. Rooms that are nil stand for everyone.
func testTargets(t *testing.T, n *node) {
	n.join("a", "red", "d")
	n.join("b", "red", "blue")
	n.join("c", "blue")
	n.join("d")
	for i, c := range []struct {
		rooms, except []string
		want          []string
	}{
		{nil, nil, []string{"a", "b", "c", "d"}},
		{[]string{"red"}, nil, []string{"a", "b"}},
		{[]string{"nobody's"}, nil, nil},
		{[]string{"red", "nobody's"}, nil, []string{"a", "b"}},
		{[]string{"red", "blue"}, nil, []string{"a", "b", "c"}},
		{[]string{"b"}, nil, []string{"b"}},
		{[]string{"b", "c"}, nil, []string{"b", "c"}},
		{[]string{"b", "red"}, nil, []string{"a", "b"}},
		{[]string{"d"}, nil, []string{"a", "d"}},
		{[]string{"d", "blue"}, nil, []string{"a", "b", "c", "d"}},

		{[]string{}, nil, nil},
		{[]string{}, []string{"a"}, nil},
		{[]string{}, []string{"a", "red"}, nil},

		{nil, []string{}, []string{"a", "b", "c", "d"}},
		{nil, []string{"nobody's"}, []string{"a", "b", "c", "d"}},
		{nil, []string{"a"}, []string{"b", "c", "d"}},
		{nil, []string{"d"}, []string{"b", "c"}},
		{nil, []string{"red"}, []string{"c", "d"}},
		{nil, []string{"red", "blue"}, []string{"d"}},
		{nil, []string{"red", "c"}, []string{"d"}},
		{[]string{"red"}, []string{"a"}, []string{"b"}},
		{[]string{"red"}, []string{"b"}, []string{"a"}},
		{[]string{"red"}, []string{"c"}, []string{"a", "b"}},
		{[]string{"red"}, []string{"d"}, []string{"b"}},
		{[]string{"red"}, []string{"blue"}, []string{"a"}},
		{[]string{"red"}, []string{"red"}, nil},
		{[]string{"red"}, []string{"a", "b"}, nil},
		{[]string{"red", "blue"}, []string{"b"}, []string{"a", "c"}},
		{[]string{"red", "blue"}, []string{"red", "nobody's"}, []string{"c"}},
		{[]string{"b"}, []string{"b"}, nil},
		{[]string{"b"}, []string{"c"}, []string{"b"}},
		{[]string{"b"}, []string{"red"}, nil},
		{[]string{"d"}, []string{"a"}, []string{"d"}},
		{[]string{"d"}, []string{"d"}, nil},
		{[]string{"d"}, []string{"red"}, []string{"d"}},
		{[]string{"nobody's"}, []string{"a"}, nil},
	} {
		for _, local := range []bool{false, true} {
			target := choose(c.rooms)
			target.Except, target.Local = c.except, local
			want := n.reached(c.want, target)
			if got := n.selected(target); !slices.Equal(got, want) {
				t.Errorf("Members(%+v) = %q, want %q", *target, got, want)
			}
			label := fmt.Sprintf("packet %d %t", i, local)
			n.send(label, target)
			n.settle()
			if got := n.recipients(label); !slices.Equal(got, want) {
				t.Errorf("Broadcast(%+v) reached %q, want %q", *target, got, want)
			}
		}
	}
	if got, want := n.selected(toAll()), []string{"a", "b", "c", "d"}; !slices.Equal(got, want) {
		t.Errorf("Members of everyone = %q, want %q", got, want)
	}
	both := &cluster.Target{Everyone: true, Rooms: []string{"red"}, Except: []string{"a"}}
	if got, want := n.selected(both), []string{"b", "c", "d"}; !slices.Equal(got, want) {
		t.Errorf("Members(%+v) = %q, want %q: Everyone counts, and not Rooms", *both, got, want)
	}
}

func testDuplicates(t *testing.T, n *node) {
	n.join("a", "red", "red", "blue")
	n.enter("a", "red")
	for _, rooms := range [][]string{{"red"}, {"red", "red"}, {"red", "blue"}, {"a", "a"}, {"a", "red", "a", "blue"}, nil} {
		if got := n.selected(choose(rooms)); !slices.Equal(got, []string{"a"}) {
			t.Errorf("to %q: selected %q, want a once", rooms, got)
		}
		target := choose(rooms)
		target.Except = []string{"a", "a"}
		if got := n.selected(target); got != nil {
			t.Errorf("to %q except a: selected %q", rooms, got)
		}
	}
	n.Leave("a", "red")
	if got := n.selected(&cluster.Target{Rooms: []string{"red"}}); got != nil {
		t.Errorf("one Leave did not undo two joins: %q", got)
	}
}

func testRooms(t *testing.T, n *node) {
	check := func(want ...string) {
		t.Helper()
		if got := n.Rooms("a"); !slices.Equal(got, want) {
			t.Errorf("Rooms = %q, want %q", got, want)
		}
		for _, room := range []string{"", "a", "blue", "green", "red"} {
			if got, want := n.InRoom("a", room), room == "a" || slices.Contains(want, room); got != want {
				t.Errorf("InRoom(%q) = %t", room, got)
			}
		}
	}
	n.join("a")
	check()
	n.enter("a", "red", "green", "blue")
	check("blue", "green", "red")
	n.enter("a")
	n.enter("a", "green")
	check("blue", "green", "red")
	n.Leave("a")
	n.Leave("a", "red", "nobody's")
	check("blue", "green")
	n.Leave("a", "blue", "blue", "green")
	check()
	n.enter("a", "red")
	check("red")
	n.enter("a", "") // a strange name is a name
	check("", "red")
}

func testOwnID(t *testing.T, n *node) {
	n.join("a")
	n.join("b", "a")
	n.enter("a", "a", "red")
	if got := n.Rooms("a"); !slices.Equal(got, []string{"red"}) {
		t.Errorf("Rooms = %q, want only red", got)
	}
	n.Leave("a", "a")
	own := &cluster.Target{Rooms: []string{"a"}}
	if got := n.selected(own); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("to a: selected %q, want a and b, who joined the room of that name", got)
	}
	n.Remove("a")
	if got := n.selected(own); !slices.Equal(got, []string{"b"}) {
		t.Errorf("to a, who is gone: selected %q, want b", got)
	}
	if !n.InRoom("b", "a") || !slices.Equal(n.Rooms("b"), []string{"a"}) {
		t.Errorf("b has lost its room: %q", n.Rooms("b"))
	}
	n.Leave("b", "a")
	if got := n.selected(own); got != nil {
		t.Errorf("to a, who is gone: selected %q", got)
	}
}

func testUnknown(t *testing.T, n *node) {
	check := func(id string) {
		t.Helper()
		if err := n.Join(id, "red"); !errors.Is(err, cluster.ErrUnknownMember) {
			t.Errorf("Join(%q) = %v, want ErrUnknownMember", id, err)
		}
		n.Leave(id, "red")
		n.Remove(id)
		if got := n.Rooms(id); len(got) != 0 {
			t.Errorf("Rooms(%q) = %q", id, got)
		}
		if n.InRoom(id, "red") || n.InRoom(id, id) {
			t.Errorf("%q is in a room", id)
		}
		if got := n.selected(toAll()); got != nil {
			t.Errorf("members %q", got)
		}
	}
	check("never")
	n.join("a", "red")
	n.Remove("a")
	check("a")
}

func testRemove(t *testing.T, n *node) {
	n.join("a", "red", "blue")
	b := n.join("b", "red")
	n.Remove("a")
	for _, rooms := range [][]string{nil, {"red"}, {"blue"}, {"a"}, {"a", "red", "blue"}} {
		target := choose(rooms)
		if slices.Contains(n.selected(target), "a") {
			t.Errorf("to %q: a is selected", rooms)
		}
		n.send("gone", target)
	}
	n.settle()
	if got := n.recipients("gone"); !slices.Equal(got, []string{"b", "b", "b"}) {
		t.Errorf("received by %q, want only b", got)
	}
	n.join("a")
	if got := n.Rooms("a"); len(got) != 0 {
		t.Errorf("a came back into its old rooms %q", got)
	}
	if got := len(n.labels(b)); got != 3 {
		t.Errorf("b received %d packets, want 3", got)
	}
}

func testReplace(t *testing.T, n *node) {
	old := n.join("a", "red")
	replacement := n.join("a", "blue")
	if got := n.Rooms("a"); !slices.Equal(got, []string{"blue"}) {
		t.Errorf("Rooms = %q, want blue", got)
	}
	for _, rooms := range [][]string{nil, {"red"}, {"blue"}, {"a"}} {
		n.send("hello", choose(rooms))
	}
	n.settle()
	if got := len(n.labels(old)); got != 0 {
		t.Errorf("the replaced member received %d packets", got)
	}
	if got := len(n.labels(replacement)); got != 3 {
		t.Errorf("its replacement received %d packets, want 3", got)
	}
	n.Remove("a")
	if got := n.selected(toAll()); got != nil {
		t.Errorf("after Remove there is still %q", got)
	}
}

func testContent(t *testing.T, n *node) {
	n.join("a", "red")
	type delivery struct {
		packet parser.Packet
		target cluster.Target
	}
	deliveries := make(chan delivery, 1)
	n.hook(func(p *parser.Packet, _ []cluster.Member, target *cluster.Target) {
		deliveries <- delivery{*p, *target}
	})
	for _, want := range []cluster.Target{
		{Everyone: true},
		{Rooms: []string{"red"}, Volatile: true},
		{Everyone: true, Except: []string{"blue"}, NoCompress: true},
		{Rooms: []string{"red", "a"}, Except: []string{"b"}, Local: true, Volatile: true, NoCompress: true},
	} {
		n.send("content", &want)
		n.settle()
		got := <-deliveries
		if got.packet.Type != parser.Event || got.packet.HasID || labelOf(&got.packet) != "content" ||
			len(got.packet.Attachments) != 1 || string(got.packet.Attachments[0]) != "content" {
			t.Errorf("packet changed: %+v", got.packet)
		}
		if got.target.Volatile != want.Volatile || got.target.NoCompress != want.NoCompress {
			t.Errorf("flags changed: %+v, want %+v", got.target, want)
		}
	}
}

func testResults(t *testing.T, n *node) {
	n.join("a", "blue", "red")
	n.join("b", "red")
	red := &cluster.Target{Rooms: []string{"red"}}
	first := n.Members(red)
	rooms := n.Rooms("a")
	n.send("x", red)
	n.settle()
	if got := idsOf(first); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("a broadcast changed an earlier result of Members: %q", got)
	}
	clear(first)
	rooms[0] = "changed"
	if got := n.selected(red); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("changing the result of Members changed the room: %q", got)
	}
	if got := n.Rooms("a"); !slices.Equal(got, []string{"blue", "red"}) {
		t.Errorf("changing the result of Rooms changed the rooms: %q", got)
	}
}
