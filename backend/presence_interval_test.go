package backend

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// follower applies what is published as a client does that also takes answers.
type follower struct {
	*presence
	known  []string
	events []PresenceChanged
}

func follow(opts presenceOptions) *follower {
	f := new(follower)
	opts.log = slog.New(slog.DiscardHandler)
	opts.changed = func(e PresenceChanged) {
		f.events = append(f.events, e)
		if e.Listed {
			f.known = slices.Clone(e.Users)
			return
		}
		f.known = slices.DeleteFunc(append(f.known, e.Joined...), func(user string) bool { return slices.Contains(e.Left, user) })
		slices.Sort(f.known)
		f.known = slices.Compact(f.known)
	}
	f.presence = newPresence(opts)
	return f
}

// arrive also takes the answer, where it is a list.
func (f *follower) arrive(user string) OnlineUsers {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.arriveLocked(user, nil)
	answer := f.onlineLocked()
	if answer.Listed {
		f.known = slices.Clone(answer.Users)
	}
	return answer
}

// told is what was published so far.
func (f *follower) told() []PresenceChanged {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.events)
}

func TestPresence_interval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := follow(presenceOptions{grace: -1, interval: time.Second, listLimit: 100})
		f.arrive("ann") // at once
		for _, user := range []string{"bob", "carl", "dora"} {
			f.arrive(user)
		}
		if events := f.told(); len(events) != 1 || !slices.Equal(events[0].Users, list{"ann"}) {
			t.Errorf("events %v, want the first change", events)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if events := f.told(); len(events) != 2 || events[1].Count != 4 || events[1].Version != 2 {
			t.Errorf("events %v, want the others together", events)
		}
		time.Sleep(999 * time.Millisecond)
		f.arrive("emil") // the interval has not ended
		if events := f.told(); len(events) != 2 {
			t.Errorf("events %v, want none in the interval", events)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		f.arrive("fay") // at once again
		if events := f.told(); len(events) != 4 || !slices.Equal(events[3].Joined, list{"fay"}) {
			t.Errorf("events %v, want one more at once", events)
		}
		f.arrive("gus")
		f.close()
		time.Sleep(time.Minute)
		synctest.Wait()
		if events := f.told(); len(events) != 4 {
			t.Errorf("events %v, want none after close", events)
		}
	})
}

// A user who was in an answer and has left before the end of the interval is taken back.
func TestPresence_answeredAndGone(t *testing.T) {
	for _, limit := range []int{100, 2} {
		synctest.Test(t, func(t *testing.T) {
			f := follow(presenceOptions{grace: -1, interval: time.Second, listLimit: limit})
			f.arrive("ann")
			f.arrive("bob") // is only in the answer
			f.depart("bob")
			if limit == 2 { // makes the next change one without a list
				f.mu.Lock()
				for _, user := range []string{"carl", "dora", "emil"} {
					f.arriveLocked(user, nil)
				}
				f.mu.Unlock()
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if !slices.Equal(f.known, f.sorted) {
				t.Errorf("limit %d: the client knows %v, online are %v", limit, f.known, f.sorted)
			}
		})
	}
}

func TestPresence_backToLists(t *testing.T) {
	f := follow(presenceOptions{grace: -1, interval: -1, listLimit: 10})
	for i := range 11 {
		f.arrive(fmt.Sprint(i))
	}
	for i := range 11 {
		before := len(f.sorted)
		f.depart(fmt.Sprint(i))
		if e := f.events[len(f.events)-1]; e.Listed != (before-1 < 8) || e.Count != before-1 {
			t.Errorf("%d are left: listed %t", e.Count, e.Listed)
		}
		if !slices.Equal(f.known, f.sorted) {
			t.Errorf("the client knows %v, online are %v", f.known, f.sorted)
		}
	}
}
