package parser_test

import (
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// cost returns the CPU time of f. A busy machine hardly changes it.
func cost(t *testing.T, f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const threadClock = 3 // CLOCK_THREAD_CPUTIME_ID; some kernels measure getrusage only in ticks
	used := func() time.Duration {
		var now syscall.Timespec
		if _, _, err := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadClock, uintptr(unsafe.Pointer(&now)), 0); err != 0 {
			t.Fatal(err)
		}
		return time.Duration(now.Nano())
	}
	start := used()
	f()
	return used() - start
}
