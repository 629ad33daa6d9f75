// Package memory gives memory that a server does not need any more back to the system.
package memory

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// interval is the time between two looks at the heap.
	interval = 2 * time.Second
	// quiet is how much may be allocated in an interval, in bytes, by a server that has nothing to do.
	quiet = 2 << 20
	// worth is how much must have been allocated since the last time, in bytes, and worthPart which part of what is in
	// use, for a collection to be worth its time: no more than that can be garbage.
	worth     = 4 << 20
	worthPart = 0.15
)

// Trim returns memory to the system whenever the program has become quiet, until ctx ends. Go collects garbage when the
// heap has doubled and keeps what it has freed for a while: right for a server that works, but one whose clients have all
// connected, or have gone, may hold on to twice of what it needs. Like V8, which collects when a program idles, Trim does
// so then, and never while there is work. It is for a main: a library does not decide about its process.
func Trim(ctx context.Context) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var trimmed heap // at the last time
	for before := read(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := read()
		since := now.allocated - trimmed.allocated
		if now.allocated-before.allocated < quiet && since > worth && float64(since) > worthPart*float64(now.objects) {
			debug.FreeOSMemory()
			trimmed = read()
		}
		before = now
	}
}

// heap is what the runtime says of the heap, in bytes.
type heap struct {
	allocated uint64 // since the program began
	objects   uint64 // that are there: in use, or garbage
}

func read() heap {
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(samples)
	return heap{samples[0].Value.Uint64(), samples[1].Value.Uint64()}
}
