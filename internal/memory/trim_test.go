package memory_test

import (
	"context"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/internal/memory"
)

// held returns how many bytes of the system's memory the heap holds.
func held() uint64 {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples)
	return samples[0].Value.Uint64() + samples[1].Value.Uint64() + samples[2].Value.Uint64()
}

// trim runs Trim for a few intervals, while work runs beside it.
func trim(t *testing.T, work func(ctx context.Context)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		var done sync.WaitGroup
		done.Go(func() { memory.Trim(ctx) })
		if work != nil {
			done.Go(func() { work(ctx) })
		}
		done.Wait()
	})
}

const garbage = 64 << 20

// litter makes garbage.
func litter() {
	pieces := make([][]byte, garbage>>10)
	for i := range pieces {
		pieces[i] = make([]byte, 1<<10)
	}
	runtime.KeepAlive(pieces)
}

func TestTrim(t *testing.T) {
	litter()
	before := held()
	trim(t, nil)
	if after := held(); before-min(after, before) < garbage/2 {
		t.Errorf("%d MB are held, and were %d", after>>20, before>>20)
	}
}

// TestTrim_gone: the memory of clients that have left is returned, although hardly anything was allocated since.
func TestTrim_gone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var trimming, clients sync.WaitGroup
		leave := make(chan struct{})
		for range 1000 {
			clients.Go(func() {
				held := make([]byte, garbage/1000)
				<-leave
				runtime.KeepAlive(held)
			})
		}
		synctest.Wait()
		trimming.Go(func() { memory.Trim(ctx) })
		time.Sleep(7 * time.Second) // their memory is still in use
		before := held()
		close(leave)
		clients.Wait()
		trimming.Wait()
		if after := held(); before-min(after, before) < garbage/2 {
			t.Errorf("%d MB are held, and were %d", after>>20, before>>20)
		}
	})
}

func TestTrim_atWork(t *testing.T) {
	litter()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	trim(t, func(ctx context.Context) {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for range ticker.C {
			if ctx.Err() != nil {
				return
			}
			runtime.KeepAlive(make([]byte, 4<<20))
		}
	})
	if runtime.ReadMemStats(&after); after.NumForcedGC != before.NumForcedGC {
		t.Errorf("%d collections beside the work", after.NumForcedGC-before.NumForcedGC)
	}
}
