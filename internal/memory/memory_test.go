package memory_test

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/parleyio/parley/internal/memory"
)

func TestStart_headroom(t *testing.T) {
	for _, test := range []struct {
		name, gogc, limit string
		headroom          bool
	}{
		{"defaults", "", "", true},
		{"GOGC", "100", "", false},
		{"GOMEMLIMIT", "", "1GiB", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("GOGC", test.gogc)
			t.Setenv("GOMEMLIMIT", test.limit)
			defer debug.SetGCPercent(debug.SetGCPercent(100)) // regardless of the settings of the test run
			ctx, cancel := context.WithCancel(t.Context())
			stop := memory.Start(ctx)
			runtime.GC()
			if between := collections(10 << 20); (between == 0) != test.headroom {
				t.Errorf("%d collections while 10 MB were allocated", between)
			}
			cancel()
			stop()
			runtime.GC()
			if between := collections(10 << 20); between == 0 {
				t.Error("the headroom is there after the end")
			}
		})
	}
}

// collections counts how often garbage is collected while so many bytes of it are made.
func collections(bytes int) uint32 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range bytes >> 10 {
		piece = make([]byte, 1<<10)
	}
	runtime.ReadMemStats(&after)
	return after.NumGC - before.NumGC
}

var piece []byte
