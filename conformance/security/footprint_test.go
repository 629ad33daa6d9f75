package security_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/parleyio/parley/internal/testing/leak"
)

// moreHeap is how many bytes of heap may stay after an attack; goroutines and descriptors must be as many as before it.
const moreHeap = 2 << 20

// footprint is what Parley and the test use.
type footprint struct {
	goroutines  int
	descriptors int
	heap        int64
}

// measure returns the footprint without garbage.
func (r *rig) measure() footprint {
	f := footprint{goroutines: goroutines()}
	if open, ok := leak.Descriptors(); ok {
		f.descriptors = open - r.held.Open()
	}
	runtime.GC() // a sync.Pool keeps its values for one more collection
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.heap = int64(m.HeapAlloc)
	return f
}

// running returns Parley's goroutines, without the workers that the server keeps for later.
func running() []leak.Goroutine { return leak.WithoutIdleWorkers(leak.Goroutines(leak.Library)) }

// goroutines returns how many goroutines of Parley are running.
func goroutines() int { return len(running()) }

// baseline returns the footprint after connections that were just closed are gone.
func (r *rig) baseline() footprint {
	last := goroutines()
	for same := 0; same < 3; pause() {
		if now := goroutines(); now == last {
			same++
		} else {
			last, same = now, 0
		}
	}
	return r.measure()
}

// beyond describes what has grown, or returns "".
func (f footprint) beyond(base footprint) string {
	switch {
	case f.goroutines > base.goroutines:
		return fmt.Sprintf("%d goroutines, %d before", f.goroutines, base.goroutines)
	case f.descriptors > base.descriptors:
		return fmt.Sprintf("%d descriptors, %d before", f.descriptors, base.descriptors)
	case f.heap > base.heap+moreHeap:
		return fmt.Sprintf("the heap has grown by %d bytes", f.heap-base.heap)
	}
	return ""
}

// settles waits until the footprint has returned to base. Closing a connection takes a moment.
func (r *rig) settles(base footprint) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); ; pause() {
		over := time.Now().After(deadline)
		if goroutines() > base.goroutines && !over {
			continue // it is too early to measure the heap
		}
		left := r.measure().beyond(base)
		if left == "" {
			return
		}
		if over {
			r.t.Errorf("after the attack: %s\n%s", left, leak.Text(running()))
			return
		}
	}
}

// allocates runs f and checks how much the whole process allocates during that time, freed or not.
func allocates(t testing.TB, atMost uint64, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > atMost {
		t.Errorf("allocated %d bytes, want at most %d", grown, atMost)
	}
}
