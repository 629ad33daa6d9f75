package backend

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// attend is a presence whose changes are kept.
type attend struct {
	*presence
	changes [][]string // guarded by presence.mu
}

// newAttend has an attend that publishes each change.
func newAttend(grace time.Duration) *attend {
	a := new(attend)
	a.presence = newPresence(presenceOptions{
		grace: grace, interval: -1, listLimit: 100, log: slog.New(slog.DiscardHandler),
		changed: func(e PresenceChanged) { a.changes = append(a.changes, e.Users) },
	})
	return a
}

func (a *attend) arrive(user string, previous *string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.arriveLocked(user, previous)
	return a.onlineLocked().Users
}

func (a *attend) wantChanges(t *testing.T, want ...[]string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.EqualFunc(a.changes, want, slices.Equal) {
		t.Errorf("changes %v, want %v", a.changes, want)
	}
	a.changes = nil
}

type list = []string

func TestPresence_sorted(t *testing.T) {
	a := newAttend(time.Second)
	a.arrive("bob", nil)
	a.arrive("ann", nil)
	got := a.arrive("carl", nil)
	if want := (list{"ann", "bob", "carl"}); !slices.Equal(got, want) {
		t.Errorf("online %v, want %v", got, want)
	}
	a.wantChanges(t, list{"bob"}, list{"ann", "bob"}, list{"ann", "bob", "carl"})
}

func TestPresence_twoConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttend(time.Second)
		a.arrive("ann", nil)
		a.arrive("ann", nil)
		a.arrive("ann", new("ann")) // the same connection again
		a.wantChanges(t, list{"ann"})
		a.depart("ann")
		time.Sleep(2 * time.Second)
		a.wantChanges(t)
		a.depart("ann")
		time.Sleep(time.Second - 1)
		synctest.Wait()
		a.wantChanges(t)
		time.Sleep(1 * time.Nanosecond)
		synctest.Wait()
		a.wantChanges(t, list{})
	})
}

func TestPresence_panic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		p := newPresence(presenceOptions{
			grace: time.Second, listLimit: 100, log: slog.New(slog.NewTextHandler(&logged, nil)),
			changed: func(e PresenceChanged) {
				if e.Count == 0 {
					panic("oh no")
				}
			},
		})
		a := &attend{presence: p}
		a.arrive("ann", nil)
		a.depart("ann")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if text := logged.String(); !strings.Contains(text, "panic in a presence timer") || !strings.Contains(text, "oh no") {
			t.Errorf("logged %q", text)
		}
		if got := a.arrive("bob", nil); !slices.Equal(got, list{"bob"}) { // no lock is held, and ann has gone
			t.Errorf("online %v, want bob", got)
		}
	})
}

func TestPresence_returnsWithinGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttend(time.Second)
		for range 5 { // each departure has a second of its own
			a.arrive("ann", nil)
			a.depart("ann")
			time.Sleep(900 * time.Millisecond)
		}
		a.wantChanges(t, list{"ann"})
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		a.wantChanges(t, list{})
		a.arrive("ann", nil)
		a.wantChanges(t, list{"ann"})
	})
}

// A timer that has fired already must not end the grace of a later departure.
func TestPresence_lateTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttend(time.Second)
		a.arrive("ann", nil)
		a.depart("ann")
		entry := a.users["ann"]
		a.arrive("ann", nil)
		a.depart("ann")
		a.wantChanges(t, list{"ann"})
		a.expire("ann", entry, 1) // the first departure's
		a.wantChanges(t)
		time.Sleep(time.Second)
		synctest.Wait()
		a.wantChanges(t, list{})
		a.arrive("ann", nil)
		a.expire("ann", entry, 2) // of an attendance that is over
		a.wantChanges(t, list{"ann"})
	})
}

func TestPresence_replaced(t *testing.T) {
	a := newAttend(time.Hour)
	a.arrive("ann", nil)
	a.arrive("bob", new("ann"))
	a.wantChanges(t, list{"ann"}, list{"bob"}) // one change, and nobody waited for
	a.arrive("ann", nil)
	a.arrive("ann", new("bob"))
	a.wantChanges(t, list{"ann", "bob"}, list{"ann"})
	a.arrive("bob", new("ann"))
	a.wantChanges(t, list{"ann", "bob"}) // ann has another connection
	a.close()
}

func TestPresence_noGrace(t *testing.T) {
	a := newAttend(-1)
	a.arrive("ann", nil)
	a.depart("ann")
	a.wantChanges(t, list{"ann"}, list{})
}

func TestPresence_close(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttend(time.Second)
		a.arrive("ann", nil)
		a.arrive("bob", nil)
		a.depart("ann")
		a.close()
		a.depart("bob") // starts no timer
		time.Sleep(time.Minute)
		synctest.Wait()
		a.wantChanges(t, list{"ann"}, list{"ann", "bob"})
	})
}

// Whatever the order of events, the last change told is the truth, and no two changes in a row are the same.
func TestPresence_concurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttend(time.Millisecond)
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				var previous *string
				for i := range 50 {
					user := fmt.Sprint((g + i) % 5)
					a.arrive(user, previous)
					previous = &user
					if i%7 == 0 {
						a.depart(user)
						previous = nil
						time.Sleep(time.Duration(g) * time.Millisecond / 4)
					}
				}
				if previous != nil {
					a.depart(*previous)
				}
			})
		}
		wg.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		if len(a.users) != 0 || len(a.sorted) != 0 || len(a.changes) == 0 || len(a.changes[len(a.changes)-1]) != 0 {
			t.Errorf("users %v, sorted %v after %d changes; want nobody", a.users, a.sorted, len(a.changes))
		}
		for i := 1; i < len(a.changes); i++ {
			if slices.Equal(a.changes[i-1], a.changes[i]) {
				t.Errorf("change %d repeats %v", i, a.changes[i])
			}
		}
	})
}
