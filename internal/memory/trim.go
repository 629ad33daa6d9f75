package memory

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// interval is the time between two looks at the heap.
	interval = 2 * time.Second
	// quiet is how much may be allocated in an interval, in bytes, by a server that has nothing to do.
	quiet = 2 << 20
	// worth is how much must have been allocated since the last time, in bytes, and worthPart which part of all objects, for
	// a collection to be worth its time. So large a part of the goroutines gone is worth it, too: clients have left.
	worth     = 4 << 20
	worthPart = 0.15
	worthGone = 100
)

// Trim returns memory to the system whenever the program has become quiet, until ctx ends. Go collects garbage when the
// heap has doubled and keeps what it has freed for a while: right for a server that works, but one whose clients have all
// connected, or have gone, may hold on to twice of what it needs. Like V8, which collects when a program idles, Trim does
// so then, and never while more than a little is allocated. It is for a main: a library does not decide about its process.
func Trim(ctx context.Context) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var trimmed state // at the last time
	for before := read(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := read()
		if now.allocated-before.allocated < quiet && now.worthwhile(trimmed) {
			debug.FreeOSMemory()
			trimmed = read()
		}
		before = now
	}
}

// state is what the runtime says.
type state struct {
	allocated  uint64 // bytes since the program began
	objects    uint64 // bytes of those that are there: in use, or garbage
	goroutines int
}

func (s state) worthwhile(trimmed state) bool {
	since := s.allocated - trimmed.allocated
	gone := trimmed.goroutines - s.goroutines
	return since > worth && float64(since) > worthPart*float64(s.objects) ||
		gone > worthGone && float64(gone) > worthPart*float64(trimmed.goroutines)
}

func read() state {
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(samples)
	return state{samples[0].Value.Uint64(), samples[1].Value.Uint64(), runtime.NumGoroutine()}
}
