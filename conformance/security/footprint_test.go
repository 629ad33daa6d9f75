package security_test

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The bounds within which everything must be back after an attack: goroutines are equal.
const (
	moreDescriptors = 5
	moreHeap        = 2 << 20
)

// footprint is what the process holds.
type footprint struct {
	goroutines  int
	descriptors int
	heap        int64
}

// idle matches a worker of socketio that waits for the next socket: a bounded number of them is kept on purpose.
var idle = regexp.MustCompile(`^goroutine \d+ \[select[^\]]*\]:\n[^\n]*/socketio\.\(\*workers\)\.run\(`)

// measure returns the footprint without garbage.
func measure() footprint {
	f := footprint{goroutines: goroutines(), descriptors: descriptors()}
	runtime.GC() // what lies in a pool outlives one collection
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.heap = int64(m.HeapAlloc)
	return f
}

// goroutines returns the number of those that are not kept on purpose.
func goroutines() (n int) {
	for _, stack := range stacks() {
		if !idle.MatchString(stack) {
			n++
		}
	}
	return n
}

// stacks returns a text for each goroutine.
func stacks() []string {
	buffer := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buffer, true)
		if n < len(buffer) {
			return strings.Split(strings.TrimSpace(string(buffer[:n])), "\n\n")
		}
		buffer = make([]byte, 2*len(buffer))
	}
}

// descriptors returns the number of open files and sockets, or zero where the system does not tell.
func descriptors() int {
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if entries, err := os.ReadDir(dir); err == nil {
			return len(entries)
		}
	}
	return 0
}

// baseline returns the footprint once what has just been closed is gone.
func baseline() footprint {
	last := goroutines()
	for same := 0; same < 3; pause() {
		if now := goroutines(); now == last {
			same++
		} else {
			last, same = now, 0
		}
	}
	return measure()
}

// beyond says what is more than it was, or "".
func (f footprint) beyond(base footprint) string {
	switch {
	case f.goroutines > base.goroutines:
		return fmt.Sprintf("%d goroutines, %d before", f.goroutines, base.goroutines)
	case f.descriptors > base.descriptors+moreDescriptors:
		return fmt.Sprintf("%d descriptors, %d before", f.descriptors, base.descriptors)
	case f.heap > base.heap+moreHeap:
		return fmt.Sprintf("the heap has grown by %d bytes", f.heap-base.heap)
	}
	return ""
}

// settles waits until everything is back: connections that have just been closed take a moment.
func settles(t testing.TB, base footprint) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; pause() {
		over := time.Now().After(deadline)
		if goroutines() > base.goroutines && !over {
			continue // to collect garbage would be too early
		}
		left := measure().beyond(base)
		if left == "" {
			return
		}
		if over {
			t.Errorf("after the attack: %s\n%s", left, strings.Join(stacks(), "\n\n"))
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
