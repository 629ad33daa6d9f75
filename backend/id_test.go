package backend_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parleyio/parley/backend"
)

func TestIDs_order(t *testing.T) {
	ids, err := backend.NewIDs("")
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	last := ""
	for _, at := range []time.Duration{0, 0, 0, time.Millisecond, -time.Hour, -time.Hour, 0, time.Second, time.Second} {
		id := ids.Next(noon.Add(at))
		if id <= last || len(id) != 26 {
			t.Errorf("at %v: id %s after %s", at, id, last)
		}
		last = id
	}
}

func TestIDs_after(t *testing.T) {
	for name, after := range map[string]string{
		"past":         "01ARZ3NDEKTSV4RRFFQ69G5FAV",
		"future":       "7ZZZZZZZZ0ZZZZZZZZZZZZZZZY",
		"carried over": "7ZZZZZZZZ0ZZZZZZZZZZZZZZZZ",
	} {
		t.Run(name, func(t *testing.T) {
			ids, err := backend.NewIDs(after)
			if err != nil {
				t.Fatal(err)
			}
			first, second := ids.Next(time.Now()), ids.Next(time.Now())
			if first <= after || second <= first {
				t.Errorf("%s, %s after %s", first, second, after)
			}
			if err := backend.ValidateBefore(first); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := backend.NewIDs("not an id"); err == nil {
		t.Error("started behind something that is no id")
	}
}

func TestIDs_concurrent(t *testing.T) {
	ids, _ := backend.NewIDs("")
	const goroutines, each = 8, 500
	made := make([][]string, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for range each {
				made[g] = append(made[g], ids.Next(time.Now()))
			}
		})
	}
	wg.Wait()
	for _, own := range made {
		if !slices.IsSorted(own) {
			t.Error("a goroutine got ids out of order")
		}
	}
	all := slices.Concat(made...)
	slices.Sort(all)
	if len(slices.Compact(all)) != goroutines*each {
		t.Error("an id was given twice")
	}
}

// An id is made in every save: it may cost its text and no more.
func TestIDs_allocations(t *testing.T) {
	ids, _ := backend.NewIDs("")
	now := time.Now()
	if n := testing.AllocsPerRun(100, func() { ids.Next(now) }); n > 1 {
		t.Errorf("%v allocations, want 1", n)
	}
}

func TestFirstID(t *testing.T) {
	g, err := backend.NewIDs("")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	before, after := g.Next(at.Add(-time.Millisecond)), g.Next(at)
	if first := backend.FirstID(at); before >= first || first > after {
		t.Errorf("%s, %s and %s are out of order", before, first, after)
	}
	if got := backend.FirstID(time.UnixMilli(-1)); got != "00000000000000000000000000" {
		t.Errorf("before 1970: %s", got)
	}
}
