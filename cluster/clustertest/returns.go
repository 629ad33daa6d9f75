package clustertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// testClaims lets all nodes claim a session at once.
func testClaims(t *testing.T, n *node) {
	a := n.enterClient("a", "red")
	for round := range 20 {
		a.suspend()
		var group sync.WaitGroup
		returns := make(chan *cluster.Return, 6)
		for i := range cap(returns) {
			group.Go(func() {
				r, err := n.adapters[i%len(n.adapters)].Restore(ctx(t), a.pid, a.offset(), 0)
				switch {
				case err == nil:
					returns <- r
				case !errors.Is(err, cluster.ErrUnknownSession):
					t.Errorf("Restore: %v", err)
				}
			})
		}
		group.Wait()
		if len(returns) != 1 {
			t.Fatalf("round %d: %d have the session, want one", round, len(returns))
		}
		r := <-returns
		n.mu.Lock()
		for i, adapter := range n.adapters {
			if adapter == r.Adapter() {
				n.homes["a"] = i
			}
		}
		n.mu.Unlock()
		a.resume(r)
	}
}

// testSupersede lets a client come back while its old member is still there: that one is ended, and what it has received
// since is not lost.
func testSupersede(t *testing.T, n *node) {
	a := n.enterClient("a", "red")
	var want []string
	for i := range 6 {
		label := fmt.Sprint("to the old ", i)
		n.send(label, &cluster.Target{Rooms: []string{"red"}})
		n.settle()
		want = append(want, label)
		room := fmt.Sprint("joined late ", i)
		n.enter("a", room)
		old := a.member
		a.detach()
		a.lose(label) // it was sent into a dead connection
		a.back()
		a.check(want...)
		if !n.InRoom("a", room) {
			t.Errorf("the room that was joined last is missing: %q", n.Rooms("a"))
		}
		n.mu.Lock()
		ended := len(n.superseded)
		n.mu.Unlock()
		if ended != i+1 || slices.Contains(n.Members(toAll()), cluster.Member(old)) {
			t.Errorf("the old member was not ended: %d", ended)
		}
	}
}

// testDropped removes a member for good.
func testDropped(t *testing.T, n *node) {
	for _, adapter := range n.adapters {
		a := n.enterClient("a", "red")
		m := a.member
		n.Remove("a")
		dropped := make(chan struct{})
		n.at("a").Drop(m, func() { close(dropped) })
		select {
		case <-dropped:
		case <-time.After(patience):
			t.Fatal("the session was not dropped")
		}
		if _, err := adapter.Restore(ctx(t), a.pid, a.offset(), 0); !errors.Is(err, cluster.ErrUnknownSession) {
			t.Errorf("Restore of a member that was removed = %v, want ErrUnknownSession", err)
		}
	}
}

// testLimit lets a client miss more than it may be sent.
func testLimit(t *testing.T, n *node) {
	for _, size := range []int{100, 3000} {
		a := n.enterClient("a", "red")
		a.suspend()
		for range 20 {
			n.send(strings.Repeat("x", size), &cluster.Target{Rooms: []string{"red"}})
		}
		n.settle()
		r, err := n.at("a").Restore(ctx(t), a.pid, a.offset(), 10_000)
		if err == nil {
			err = r.CatchUp(ctx(t))
		}
		if err != nil {
			t.Fatalf("Restore: %v", err)
		}
		a.member.home = n.home("a")
		calls := 0
		err = r.Enter(a.member, r.Rooms(), func([]*parser.Packet) error { calls++; return nil })
		if size == 100 {
			if err != nil || calls != 1 {
				t.Errorf("below the limit: %v", err)
			}
			n.Remove("a")
			continue
		}
		if !errors.Is(err, cluster.ErrQueueFull) || calls != 0 {
			t.Errorf("Enter above the limit = %v, want ErrQueueFull", err)
		}
		if _, err := a.restore(); !errors.Is(err, cluster.ErrUnknownSession) {
			t.Errorf("Restore after it = %v, want ErrUnknownSession", err)
		}
	}
}

// testCancel claims a session and gives it back, or ends it.
func testCancel(t *testing.T, n *node) {
	for _, caughtUp := range []bool{false, true} {
		a := n.enterClient("a", "red")
		n.send("first", toAll())
		n.settle()
		a.suspend()
		n.send("missed", toAll())
		n.settle()
		r := a.take()
		if caughtUp {
			if err := r.CatchUp(ctx(t)); err != nil {
				t.Fatal(err)
			}
		}
		r.Cancel(true, json.RawMessage(`{"changed":true}`))
		a.detach()
		again := a.take()
		if string(again.Data()) != `{"changed":true}` {
			t.Errorf("data %s", again.Data())
		}
		a.resume(again)
		a.check("first", "missed")
		a.suspend()
		a.take().Cancel(false, nil)
		a.detach()
		if _, err := a.restore(); !errors.Is(err, cluster.ErrUnknownSession) {
			t.Errorf("Restore of a session that was ended = %v, want ErrUnknownSession", err)
		}
	}
}

func testRecoveryClose(t *testing.T, n *node) {
	if len(n.adapters) > 1 { // the clients of a node that stops come back to another
		a := n.enterClient("a", "red")
		n.send("x", toAll())
		n.settle()
		stopped := n.home("a")
		a.suspend()
		n.stop(stopped)
		if err := n.broadcastFrom(n.adapters[(stopped+1)%len(n.adapters)], "missed", toAll()); err != nil {
			t.Fatal(err)
		}
		a.back()
		n.wait(func() bool { return slices.Contains(n.received[a.member], "missed") })
		a.check("x", "missed")
		return
	}
	a, b, c := n.enterClient("a"), n.enterClient("b"), n.enterClient("c")
	n.send("x", toAll())
	n.settle()
	a.suspend()
	b.suspend()
	taken := b.take()
	n.front.Close()
	if err := n.front.Broadcast(packet("late"), toAll()); !errors.Is(err, cluster.ErrClosed) {
		t.Errorf("Broadcast = %v, want ErrClosed", err)
	}
	if _, err := a.restore(); err == nil {
		t.Error("Restore found a session")
	}
	err := taken.CatchUp(ctx(t))
	if err == nil {
		err = taken.Enter(b.member, nil, func([]*parser.Packet) error { t.Error("Enter delivered"); return nil })
	}
	if !errors.Is(err, cluster.ErrClosed) {
		t.Errorf("resuming = %v, want ErrClosed", err)
	}
	c.suspend()
	if got := n.selected(toAll()); got != nil {
		t.Errorf("members %q", got)
	}
}
