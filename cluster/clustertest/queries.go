package clustertest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

func testFetch(t *testing.T, n *node) {
	if got, err := n.front.FetchSockets(ctx(t), toAll()); err != nil || len(got) != 0 {
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
		got, err := n.front.FetchSockets(ctx(t), c.target)
		if err != nil {
			t.Errorf("FetchSockets(%+v): %v", c.target, err)
		}
		slices.SortFunc(got, func(a, b cluster.SocketInfo) int { return cmp.Compare(a.ID, b.ID) })
		var want []cluster.SocketInfo
		for _, id := range n.reached(c.want, c.target) {
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
		n.settle()
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
	must(n.front.SocketsJoin(&cluster.Target{Rooms: []string{"red"}, Except: []string{"b"}}, "green", "gold"))
	check("gold green red", "blue red", "blue")
	must(n.front.SocketsJoin(toAll(), "hall"))
	check("gold green hall red", "blue hall red", "blue hall")
	must(n.front.SocketsJoin(&cluster.Target{Rooms: []string{"nobody's"}}, "green"))
	must(n.front.SocketsLeave(&cluster.Target{Rooms: []string{"nobody's"}}, "hall"))
	must(n.front.SocketsLeave(&cluster.Target{Rooms: []string{"hall"}, Except: []string{"c"}}, "hall", "gold"))
	check("green red", "blue red", "blue hall")
	must(n.front.SocketsLeave(toAll(), "red", "hall"))
	check("green", "blue", "blue")

	must(n.front.DisconnectSockets(&cluster.Target{Rooms: []string{"nobody's"}}, true))
	must(n.front.DisconnectSockets(&cluster.Target{Rooms: []string{"blue"}, Except: []string{"c"}}, true))
	n.wait(func() bool { return len(n.disconnected) == 1 })
	if got := n.selected(toAll()); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("members %q, want a and c", got)
	}
	must(n.front.DisconnectSockets(toAll(), false))
	n.wait(func() bool { return len(n.disconnected) == 3 })
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
	if count, err := n.front.ServerCount(ctx(t)); err != nil || count != 1 {
		t.Errorf("ServerCount = %d, %v, want 1", count, err)
	}
	n.join("a")
	if err := n.front.ServerSideEmit([]byte(`["news",1]`)); err != nil {
		t.Errorf("ServerSideEmit: %v", err)
	}
	answers, err := n.front.ServerSideEmitWithAck(ctx(t), []byte(`["ask"]`))
	if err != nil || len(answers) != 0 {
		t.Errorf("ServerSideEmitWithAck = %q, %v, want no answers", answers, err)
	}
	n.settle() // a node that hears itself would have by now
}

// testServerEvents sends events from the front node to the others.
func testServerEvents(t *testing.T, n *node) {
	var came []string // by node
	answers := true
	n.mu.Lock()
	n.onEvent = func(node int, data []byte, answer func(json.RawMessage)) {
		came = append(came, fmt.Sprintf("%d %s %t", node, data, answer != nil))
		if answer != nil && answers {
			go answer(json.RawMessage(fmt.Sprintf(`{"node":%d}`, node)))
		}
	}
	n.mu.Unlock()
	var want, wantAsk, wantAnswers []string
	for i, a := range n.adapters {
		if a != n.front {
			want = append(want, fmt.Sprintf(`%d ["news",1] false`, i))
			wantAsk = append(wantAsk, fmt.Sprintf(`%d ["ask"] true`, i))
			wantAnswers = append(wantAnswers, fmt.Sprintf(`{"node":%d}`, i))
		}
	}
	check := func(want []string) {
		t.Helper()
		n.wait(func() bool { return len(came) >= len(want) })
		n.mu.Lock()
		defer n.mu.Unlock()
		slices.Sort(came)
		if !slices.Equal(came, want) {
			t.Errorf("came %q, want %q", came, want)
		}
		came = nil
	}
	if err := n.front.ServerSideEmit([]byte(`["news",1]`)); err != nil {
		t.Errorf("ServerSideEmit: %v", err)
	}
	check(want)
	got, err := n.front.ServerSideEmitWithAck(ctx(t), []byte(`["ask"]`))
	var texts []string
	for _, answer := range got {
		texts = append(texts, string(answer))
	}
	slices.Sort(texts)
	if err != nil || !slices.Equal(texts, wantAnswers) {
		t.Errorf("answers %q, %v, want %q", texts, err, wantAnswers)
	}
	check(wantAsk)

	n.mu.Lock()
	answers = false
	n.mu.Unlock()
	short, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	got, err = n.front.ServerSideEmitWithAck(short, []byte(`["ask"]`))
	var incomplete *cluster.IncompleteError
	if len(got) > 0 || !errors.As(err, &incomplete) || !errors.Is(err, context.DeadlineExceeded) ||
		len(incomplete.Nodes)+incomplete.UnnamedNodes != len(n.adapters)-1 {
		t.Errorf("nobody answered, and it returned %q, %+v", got, err)
	}
	for _, id := range incomplete.Nodes {
		if !slices.ContainsFunc(n.engines, func(e *cluster.Engine) bool { return e.ID() == id }) {
			t.Errorf("the error names %q, which is no node", id)
		}
	}
}

// testStop lets a node stop in order: the others do not wait for it.
func testStop(t *testing.T, n *node) {
	n.join("a", "red")
	for i, a := range n.adapters {
		if a != n.front {
			n.mu.Lock()
			n.homes[fmt.Sprint("on ", i)] = i
			n.mu.Unlock()
			n.join(fmt.Sprint("on ", i), "red")
		}
	}
	n.settle()
	stopped := len(n.adapters) - 1
	if n.adapters[stopped] == n.front {
		stopped--
	}
	n.stop(stopped)
	left := len(n.adapters) - 1
	var got []cluster.SocketInfo
	var count int
	var err error
	if !eventually(func() bool {
		if got, err = n.front.FetchSockets(ctx(t), toAll()); err != nil {
			t.Fatalf("FetchSockets: %v", err)
		}
		count, err = n.front.ServerCount(ctx(t))
		return err == nil && count == left && len(got) == left
	}) {
		t.Fatalf("%d nodes (%v) and %d sockets, want %d", count, err, len(got), left)
	}
	if err := n.adapters[stopped].Broadcast(packet("late"), toAll()); !errors.Is(err, cluster.ErrClosed) {
		t.Errorf("Broadcast on the node that stopped = %v, want ErrClosed", err)
	}
}

func testQueriesClosed(t *testing.T, n *node) {
	n.join("a", "red")
	n.join("b", "red")
	n.front.Close()
	_, acks := n.front.BroadcastWithAck(ctx(t), question(), toAll())
	_, emit := n.front.ServerSideEmitWithAck(ctx(t), []byte(`["x"]`))
	for what, err := range map[string]error{
		"SocketsJoin":           n.front.SocketsJoin(toAll(), "blue"),
		"BroadcastWithAck":      acks,
		"ServerSideEmit":        n.front.ServerSideEmit([]byte(`["x"]`)),
		"ServerSideEmitWithAck": emit,
	} {
		if !errors.Is(err, cluster.ErrClosed) {
			t.Errorf("%s = %v, want ErrClosed", what, err)
		}
	}
	red := &cluster.Target{Rooms: []string{"red"}, Local: true}
	if got, err := n.front.FetchSockets(ctx(t), red); err != nil || len(got) != 2 {
		t.Errorf("FetchSockets = %v, %v", got, err)
	}
	if err := n.front.SocketsLeave(&cluster.Target{Rooms: []string{"a"}, Local: true}, "red"); err != nil {
		t.Errorf("SocketsLeave: %v", err)
	}
	if err := n.front.DisconnectSockets(red, false); err != nil {
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
