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

// footprint is what Parley and the test hold.
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
	runtime.GC() // what lies in a pool outlives one collection
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.heap = int64(m.HeapAlloc)
	return f
}

// running returns Parley's goroutines, without the workers that the server keeps for later.
func running() []leak.Goroutine { return leak.WithoutIdleWorkers(leak.Goroutines(leak.Library)) }

// goroutines returns how many goroutines of Parley's run.
func goroutines() int { return len(running()) }

// baseline returns the footprint once what has just been closed is gone.
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

// beyond says what is more than it was, or "".
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

// settles waits until everything is back: connections that have just been closed take a moment.
func (r *rig) settles(base footprint) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); ; pause() {
		over := time.Now().After(deadline)
		if goroutines() > base.goroutines && !over {
			continue // to collect garbage would be too early
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

// allocates runs f and checks how much was allocated meanwhile by the whole process, whether or not it was freed.
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
