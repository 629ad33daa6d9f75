// Package memory keeps a server's process from collecting garbage too often while it is small, and gives memory that it
// does not need any more back to the system.
package memory

import (
	"context"
	"os"
	"runtime"
	"sync"
)

// headroom is the size of memory that is allocated and never touched, in bytes, so that the system has no page of it.
const headroom = 16 << 20

// Start lets the heap grow by at least 16 MB before garbage is collected, and runs Trim. Go collects when the heap has
// doubled, and from 4 MB: a small one is collected tens of times in a second by a server that works hard, for a tenth of
// its time. It is for a main, and leaves the heap alone where GOGC or GOMEMLIMIT in the environment say what is wanted.
//
// All ends with ctx. The function that Start returns ends it, too, and waits until it has ended.
func Start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var untouched []byte
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		untouched = make([]byte, headroom)
	}
	var trimming sync.WaitGroup
	trimming.Go(func() {
		Trim(ctx)
		runtime.KeepAlive(untouched)
	})
	return func() {
		cancel()
		trimming.Wait()
	}
}
