package clustertest

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

func testFetch(t *testing.T, n *node) {
	if got, err := n.FetchSockets(ctx(t), toAll()); err != nil || len(got) != 0 {
		t.Errorf("an empty namespace: %v, %v", got, err)
	}
	rooms := map[string][]string{"a": {"red"}, "b": {"blue", "red"}, "c": {"blue"}, "d": nil}
	for id, rooms := range rooms {
		n.join(id, rooms...)
	}
	for _, c := range []struct {
		target *cluster.Target
		want   []string
	}{
		{toAll(), []string{"a", "b", "c", "d"}},
		{&cluster.Target{Everyone: true, Local: true}, []string{"a", "b", "c", "d"}},
		{&cluster.Target{Rooms: []string{"red"}}, []string{"a", "b"}},
		{&cluster.Target{Rooms: []string{"red", "blue"}, Except: []string{"b"}}, []string{"a", "c"}},
		{&cluster.Target{Rooms: []string{"d"}}, []string{"d"}},
		{&cluster.Target{Everyone: true, Except: []string{"red"}, Local: true}, []string{"c", "d"}},
		{&cluster.Target{Rooms: []string{"nobody's"}}, nil},
	} {
		got, err := n.FetchSockets(ctx(t), c.target)
		if err != nil {
			t.Errorf("FetchSockets(%+v): %v", c.target, err)
		}
		slices.SortFunc(got, func(a, b cluster.SocketInfo) int { return cmp.Compare(a.ID, b.ID) })
		var want []cluster.SocketInfo
		for _, id := range c.want {
			want = append(want, describe(id, rooms[id]))
		}
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("FetchSockets(%+v) = %+v, want %+v", c.target, got, want)
		}
	}
}

func testMove(t *testing.T, n *node) {
	n.join("a", "red")
	n.join("b", "red", "blue")
	n.join("c", "blue")
	check := func(want ...string) {
		t.Helper()
		for i, id := range []string{"a", "b", "c"} {
			if got := strings.Join(n.Rooms(id), " "); got != want[i] {
				t.Errorf("rooms of %s: %q, want %q", id, got, want[i])
			}
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	must(n.SocketsJoin(&cluster.Target{Rooms: []string{"red"}, Except: []string{"b"}}, "green", "gold"))
	check("gold green red", "blue red", "blue")
	must(n.SocketsJoin(toAll(), "hall"))
	check("gold green hall red", "blue hall red", "blue hall")
	must(n.SocketsJoin(&cluster.Target{Rooms: []string{"nobody's"}}, "green"))
	must(n.SocketsLeave(&cluster.Target{Rooms: []string{"nobody's"}}, "hall"))
	must(n.SocketsLeave(&cluster.Target{Rooms: []string{"hall"}, Except: []string{"c"}, Local: true}, "hall", "gold"))
	check("green red", "blue red", "blue hall")
	must(n.SocketsLeave(toAll(), "red", "hall"))
	check("green", "blue", "blue")

	must(n.DisconnectSockets(&cluster.Target{Rooms: []string{"nobody's"}}, true))
	must(n.DisconnectSockets(&cluster.Target{Rooms: []string{"blue"}, Except: []string{"c"}}, true))
	if got := n.selected(toAll()); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("members %q, want a and c", got)
	}
	must(n.DisconnectSockets(toAll(), false))
	if got := n.selected(toAll()); got != nil {
		t.Errorf("members %q, want none", got)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	slices.Sort(n.disconnected)
	if want := []string{"a false", "b true", "c false"}; !slices.Equal(n.disconnected, want) {
		t.Errorf("disconnected %q, want %q", n.disconnected, want)
	}
}

func testAlone(t *testing.T, n *node) {
	if count, err := n.ServerCount(ctx(t)); err != nil || count != 1 {
		t.Errorf("ServerCount = %d, %v, want 1", count, err)
	}
	n.join("a")
	if err := n.ServerSideEmit([]byte(`["news",1]`)); err != nil {
		t.Errorf("ServerSideEmit: %v", err)
	}
	answers, err := n.ServerSideEmitWithAck(ctx(t), []byte(`["ask"]`))
	if err != nil || len(answers) != 0 {
		t.Errorf("ServerSideEmitWithAck = %q, %v, want no answers", answers, err)
	}
	n.settle() // a node that hears itself would have by now
}

func testQueriesClosed(t *testing.T, n *node) {
	n.join("a", "red")
	n.join("b", "red")
	if err := n.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	_, acks := n.BroadcastWithAck(ctx(t), question(), toAll())
	_, emit := n.ServerSideEmitWithAck(ctx(t), []byte(`["x"]`))
	for what, err := range map[string]error{
		"SocketsJoin":           n.SocketsJoin(toAll(), "blue"),
		"BroadcastWithAck":      acks,
		"ServerSideEmit":        n.ServerSideEmit([]byte(`["x"]`)),
		"ServerSideEmitWithAck": emit,
	} {
		if !errors.Is(err, cluster.ErrClosed) {
			t.Errorf("%s = %v, want ErrClosed", what, err)
		}
	}
	red := &cluster.Target{Rooms: []string{"red"}, Local: true}
	if got, err := n.FetchSockets(ctx(t), red); err != nil || len(got) != 2 {
		t.Errorf("FetchSockets = %v, %v", got, err)
	}
	if err := n.SocketsLeave(&cluster.Target{Rooms: []string{"a"}, Local: true}, "red"); err != nil {
		t.Errorf("SocketsLeave: %v", err)
	}
	if err := n.DisconnectSockets(red, false); err != nil {
		t.Errorf("DisconnectSockets: %v", err)
	}
	if got := n.selected(toAll()); !slices.Equal(got, []string{"a"}) {
		t.Errorf("members %q, want a", got)
	}
}

// ctx ends long after everything should have happened.
func ctx(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// question is a packet that asks for an acknowledgement.
func question() *parser.Packet {
	p := packet("question")
	p.ID, p.HasID = 7, true
	return p
}
