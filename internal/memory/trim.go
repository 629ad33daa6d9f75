package memory

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// interval is the time between two checks of the heap.
	interval = 2 * time.Second
	// quiet is how many bytes an idle server may allocate in an interval.
	quiet = 2 << 20
	// A collection is worth its time if more than worth bytes were allocated since the last one, and more than the share
	// worthPart of all objects. It is also worth it if more than worthGone goroutines and the share worthPart of them have
	// ended: clients have left.
	worth     = 4 << 20
	worthPart = 0.15
	worthGone = 100
)

// Trim returns memory to the system whenever the program becomes idle, until ctx ends. Go collects garbage when the heap has
// doubled, and keeps freed memory for a while. That is right under load, but after all clients have connected or left, the
// process may hold twice the memory that it needs. Like V8, Trim collects when the program is idle, and never while the
// program allocates more than a little. Only a main calls Trim: a library does not decide about its process.
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

// state has metrics of the runtime.
type state struct {
	allocated  uint64 // bytes since the program began
	objects    uint64 // bytes of all objects: in use, or garbage
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
