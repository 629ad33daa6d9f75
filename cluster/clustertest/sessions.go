package clustertest

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/parleyio/parley/cluster"
)

func session(pid string, generation, version uint64) *cluster.Session {
	return &cluster.Session{
		Namespace: "/suite", PID: pid, ID: "id of " + pid, Rooms: []string{"a", "b"}, Data: dataOf(pid), Node: "node 0",
		Joined: cluster.Position{Epoch: 1, Number: 2}, Received: cluster.Position{Epoch: 1, Number: 1 << 63},
		Until:      cluster.Position{Epoch: 1<<64 - 1, Number: 4},
		Generation: generation, Version: version, TTL: time.Minute,
	}
}

func (l *logNodes) keep(node int, sessions ...*cluster.Session) {
	l.t.Helper()
	for _, err := range l.logs[node].Keep(ctx(l.t), sessions) {
		if err != nil {
			l.t.Fatalf("Keep: %v", err)
		}
	}
}

func testLogSessions(t *testing.T, l *logNodes) {
	other := len(l.logs) - 1
	l.keep(0, session("one", 0, 1), session("two", 0, 1))
	changed := session("one", 0, 2)
	changed.Rooms = []string{"c"}
	l.keep(0, changed)
	if _, err := l.logs[other].Claim(ctx(t), "/other", "one"); !errors.Is(err, cluster.ErrUnknownSession) {
		t.Errorf("Claim in another namespace = %v", err)
	}
	got, err := l.logs[other].Claim(ctx(t), "/suite", "one")
	if err != nil {
		t.Fatalf("Claim: %v", err)
	}
	got.TTL, changed.TTL, changed.Generation, changed.Version, got.Version = 0, 0, 1, 0, 0
	if !reflect.DeepEqual(got, changed) {
		t.Errorf("claimed %+v, want %+v", got, changed)
	}
	if _, err := l.logs[0].Claim(ctx(t), "/suite", "never"); !errors.Is(err, cluster.ErrUnknownSession) {
		t.Errorf("Claim of one that was never kept = %v", err)
	}
	if dropped, err := l.logs[other].Drop(ctx(t), "/suite", "two", 7); dropped || err != nil {
		t.Errorf("Drop of another generation = %t, %v", dropped, err)
	}
	if dropped, err := l.logs[other].Drop(ctx(t), "/suite", "two", 0); !dropped || err != nil {
		t.Errorf("Drop = %t, %v", dropped, err)
	}
	if dropped, err := l.logs[0].Drop(ctx(t), "/suite", "two", 0); dropped || err != nil {
		t.Errorf("the second Drop = %t, %v", dropped, err)
	}
	if _, err := l.logs[0].Claim(ctx(t), "/suite", "two"); !errors.Is(err, cluster.ErrUnknownSession) {
		t.Errorf("Claim of one that was dropped = %v", err)
	}
}

func testLogClaims(t *testing.T, l *logNodes) {
	for round := range 20 {
		pid := fmt.Sprint("pid ", round)
		l.keep(0, session(pid, 0, 1))
		var group sync.WaitGroup
		claimed := make(chan *cluster.Session, 12)
		for i := range cap(claimed) {
			group.Go(func() {
				s, err := l.logs[i%len(l.logs)].Claim(ctx(t), "/suite", pid)
				switch {
				case err == nil:
					claimed <- s
				case !errors.Is(err, cluster.ErrUnknownSession):
					t.Errorf("Claim: %v", err)
				}
			})
		}
		group.Wait()
		if len(claimed) != 1 {
			t.Fatalf("%d have claimed the session, want one", len(claimed))
		}
	}
}

// testLogResurrection stores sessions late: after they were claimed, kept by their new owner, or dropped.
func testLogResurrection(t *testing.T, l *logNodes) {
	other := len(l.logs) - 1
	refused := func(s *cluster.Session) {
		t.Helper()
		errs := l.logs[0].Keep(ctx(t), []*cluster.Session{s})
		if len(errs) != 1 || !errors.Is(errs[0], cluster.ErrSessionClaimed) {
			t.Errorf("Keep of a session that was claimed = %v", errs)
		}
	}
	unknown := func(pid string) {
		t.Helper()
		if _, err := l.logs[0].Claim(ctx(t), "/suite", pid); !errors.Is(err, cluster.ErrUnknownSession) {
			t.Errorf("Claim of %q = %v, want ErrUnknownSession", pid, err)
		}
	}
	l.keep(0, session("claimed", 0, 1))
	s, err := l.logs[other].Claim(ctx(t), "/suite", "claimed")
	if err != nil || s.Generation != 1 {
		t.Fatalf("Claim = %+v, %v", s, err)
	}
	refused(session("claimed", 0, 2))
	unknown("claimed")
	l.keep(other, session("claimed", 1, 1)) // its new owner
	refused(session("claimed", 0, 3))
	if dropped, err := l.logs[0].Drop(ctx(t), "/suite", "claimed", 0); dropped || err != nil {
		t.Errorf("its old owner has dropped it: %t, %v", dropped, err)
	}
	if s, err = l.logs[0].Claim(ctx(t), "/suite", "claimed"); err != nil || s.Generation != 2 {
		t.Errorf("the second Claim = %+v, %v", s, err)
	}
	l.keep(0, session("dropped", 0, 1))
	if dropped, err := l.logs[0].Drop(ctx(t), "/suite", "dropped", 0); !dropped || err != nil {
		t.Errorf("Drop = %t, %v", dropped, err)
	}
	refused(session("dropped", 0, 2))
	unknown("dropped")
	mixed := l.logs[0].Keep(ctx(t), []*cluster.Session{session("fine", 0, 1), session("dropped", 0, 3)})
	if len(mixed) != 2 || mixed[0] != nil || !errors.Is(mixed[1], cluster.ErrSessionClaimed) {
		t.Errorf("Keep of two = %v, want that the second was claimed", mixed)
	}
}

func testLogTTL(t *testing.T, l *logNodes) {
	const short = 100 * time.Millisecond
	brief, long := session("brief", 0, 1), session("refreshed", 0, 1)
	brief.TTL, long.TTL = short, short
	l.keep(0, brief, long)
	again := session("refreshed", 0, 2) // for a minute
	l.keep(0, again)
	for begin := time.Now(); ; time.Sleep(short) {
		time.Sleep(short)
		_, err := l.logs[0].Claim(ctx(t), "/suite", "brief")
		if errors.Is(err, cluster.ErrUnknownSession) {
			break
		}
		if time.Since(begin) > patience {
			t.Fatalf("Claim after the time was up = %v", err)
		}
		l.keep(0, session("refreshed", 0, 3))
	}
	if _, err := l.logs[0].Claim(ctx(t), "/suite", "refreshed"); err != nil {
		t.Errorf("Claim of a session that was refreshed: %v", err)
	}
}
