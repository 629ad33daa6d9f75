package clustertest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// choose returns the target of these rooms; nil stands for everyone.
func choose(rooms []string) *cluster.Target {
	return &cluster.Target{Everyone: rooms == nil, Rooms: rooms}
}

// toAll returns the target that selects every member.
func toAll() *cluster.Target { return choose(nil) }

// testNobody hands every method targets without rooms: a list that happens to be empty must not reach everybody.
func testNobody(t *testing.T, n *node) {
	n.join("a", "red")
	n.join("b", "red", "blue")
	n.asked(func(_ *parser.Packet, id string, answered func(cluster.Answer)) error {
		t.Errorf("%s was asked", id)
		answered(cluster.Answer{ID: id, Lost: true})
		return nil
	})
	for i, target := range []*cluster.Target{
		nil, {}, {Rooms: []string{}}, {Local: true}, {Volatile: true}, {Except: []string{"a"}}, {Except: []string{"a", "blue"}},
	} {
		if got := n.selected(target); got != nil {
			t.Errorf("Members(%+v) = %q, want nobody", target, got)
		}
		label := fmt.Sprintf("packet %d", i)
		n.send(label, target)
		n.settle()
		if got := n.recipients(label); got != nil {
			t.Errorf("Broadcast(%+v) reached %q", target, got)
		}
		if got, err := ask(ctx(t), n, target); err != nil || got != nil {
			t.Errorf("BroadcastWithAck(%+v) = %q, %v", target, got, err)
		}
		if got, err := n.front.FetchSockets(ctx(t), target); err != nil || len(got) != 0 {
			t.Errorf("FetchSockets(%+v) = %v, %v", target, got, err)
		}
		for what, err := range map[string]error{
			"SocketsJoin":       n.front.SocketsJoin(target, "green"),
			"SocketsLeave":      n.front.SocketsLeave(target, "red"),
			"DisconnectSockets": n.front.DisconnectSockets(target, true),
		} {
			if err != nil {
				t.Errorf("%s(%+v): %v", what, target, err)
			}
		}
	}
	for id, want := range map[string][]string{"a": {"red"}, "b": {"blue", "red"}} {
		if got := n.Rooms(id); !slices.Equal(got, want) {
			t.Errorf("rooms of %s: %q, want %q", id, got, want)
		}
	}
}
