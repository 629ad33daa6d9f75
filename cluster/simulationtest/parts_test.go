package simulationtest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/cluster"
)

// call lets a call wait, and gives it a verdict.
func decided(t *testing.T, c *calls, v verdict, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	synctest.Wait()
	keys := c.keys()
	if len(keys) != 1 {
		t.Fatalf("waiting calls %q, want one", keys)
	}
	c.decide(keys[0], v)
	<-done
	c.endStep()
}

func TestCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(calls)
		for v, want := range map[verdict]error{pass: nil, refuse: errBroker, partial: nil, silent: nil} {
			decided(t, c, v, func() {
				if got, err := c.wait(t.Context(), "x"); got != v || err != want {
					t.Errorf("%v, %v, want %v, %v", got, err, v, want)
				}
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.wait(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) || len(c.keys()) > 0 {
			t.Errorf("without a verdict: %v, and %q wait", err, c.keys())
		}
		go func() {
			synctest.Wait()
			c.kill()
		}()
		for range 2 {
			if _, err := c.wait(t.Context(), "x"); err != errBroker {
				t.Errorf("a killed node: %v", err)
			}
		}
	})
}

func TestNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(cluster.BusTraits{})
		var got []string
		buses := make(map[string]*bus)
		for _, id := range []string{"a", "b", "c"} {
			b := n.newBus(new(calls))
			_ = b.Start(t.Context(), cluster.BusNode{ID: id, Receive: func(m *cluster.Message) bool {
				got = append(got, id+" "+m.Request)
				return false
			}})
			buses[id] = b
		}
		send := func(m ...*cluster.Message) {
			decided(t, buses["a"].calls, pass, func() { _ = buses["a"].Publish(t.Context(), m) })
		}
		send(&cluster.Message{Namespace: "/x", Request: "1"}, &cluster.Message{Namespace: "/x", Request: "2"},
			&cluster.Message{Namespace: "/x", Request: "3", To: "b"})
		to := link{"a", "b", "/x"}
		for _, again := range []bool{true, false, false, false} {
			n.receive("b", n.take(to, again))
		}
		if want := []string{"b 1", "b 2", "b 3", "b 1"}; !slices.Equal(got, want) {
			t.Errorf("b received %q, want %q", got, want)
		}
		if pending := n.pending(); len(pending) != 1 || pending[0].to != "c" {
			t.Errorf("what is under way: %v, want the two messages to c", pending)
		}
		buses["c"].setAway(true)
		send(&cluster.Message{Namespace: "/x"})
		if pending := n.pending(); len(pending) != 1 || pending[0].to != "b" {
			t.Errorf("what is under way: %v, want nothing to c, whose broker is away", pending)
		}
		buses["b"].detach()
		if pending := n.pending(); len(pending) > 0 {
			t.Errorf("%v is under way to a node that is gone", pending)
		}
	})
}

func TestStore(t *testing.T) {
	s := newStore(3)
	add := func(sequence uint64) cluster.Position {
		e := []cluster.Entry{{Node: "n", Sequence: sequence}}
		s.append("/x", e)
		return e[0].Position
	}
	first, second := add(1), add(2)
	if again := add(1); again != first || second.Compare(first) <= 0 || s.end("/x") != second {
		t.Errorf("positions %v, %v, %v: want that an entry is appended once", first, second, again)
	}
	if entries, ok := s.read("/x", first, 10); !ok || len(entries) != 1 || entries[0].Previous != first {
		t.Errorf("behind the first: %v, %t", entries, ok)
	}
	for i := uint64(3); i < 6; i++ {
		add(i)
	}
	if entries, ok := s.read("/x", first, 10); ok {
		t.Errorf("a part of a gap: %v", entries)
	}
	if entries, ok := s.read("/x", second, 2); !ok || len(entries) != 2 {
		t.Errorf("behind the second: %v, %t", entries, ok)
	}
	s.empty()
	if _, ok := s.read("/x", second, 10); ok || add(6).Compare(second) <= 0 {
		t.Error("an empty log knows an old position, or gives a lower one")
	}
}

func TestStore_sessions(t *testing.T) {
	s := newStore(3)
	session := &cluster.Session{Namespace: "/x", PID: "p", ID: "s", Version: 1, TTL: time.Hour}
	if err := s.keep(session); err != nil {
		t.Fatal(err)
	}
	claimed, err := s.claim("/x", "p")
	if err != nil || claimed.ID != "s" || claimed.Generation != 1 {
		t.Fatalf("claimed %+v, %v", claimed, err)
	}
	if _, err := s.claim("/x", "p"); err != cluster.ErrUnknownSession {
		t.Errorf("claimed twice: %v", err)
	}
	if err := s.keep(session); err != cluster.ErrSessionClaimed {
		t.Errorf("keeping it as it was before: %v", err)
	}
	claimed.TTL = time.Hour
	if err := s.keep(claimed); err != nil || s.count() != 1 {
		t.Errorf("keeping the next generation: %v, %d sessions", err, s.count())
	}
	if s.drop("/x", "p", 0) || !s.drop("/x", "p", 1) || s.count() != 0 {
		t.Error("drop takes another generation, or not its own")
	}
}

func TestMembership(t *testing.T) {
	var m membership
	m.joining(3)
	m.joined(5)
	m.leaving(9)
	m.left(12)
	for _, c := range []struct {
		from, to        int
		covers, touches bool
	}{
		{1, 2, false, false}, {1, 3, false, true}, {3, 8, false, true}, {5, 8, false, true}, {6, 8, true, true},
		{6, 9, false, true}, {10, 20, false, true}, {13, 20, false, false},
	} {
		if m.covers(c.from, c.to) != c.covers || m.touches(c.from, c.to) != c.touches {
			t.Errorf("%d to %d: surely %t, perhaps %t", c.from, c.to, m.covers(c.from, c.to), m.touches(c.from, c.to))
		}
	}
	m.joined(20)
	m.blur(7, 25)
	if m.covers(6, 8) || m.covers(21, 24) || !m.touches(15, 16) || !m.open() {
		t.Errorf("a time of which nobody knows: %+v", m)
	}
	m.confirmed(25)
	if !m.covers(26, 30) {
		t.Errorf("afterwards: %+v", m)
	}
}
