package load

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// readUsage reads the usage of a process: the memory from /proc, the time from the process's clock, which is finer than
// the times there.
func readUsage(pid int) (usage, error) {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return usage{}, fmt.Errorf("load: reading the CPU time and the memory of process %d: %w", pid, err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(statm), &size, &resident); err != nil {
		return usage{}, fmt.Errorf("load: /proc/%d/statm: %w", pid, err)
	}
	const schedClock = 2 // clock_getcpuclockid(3): the clock of process pid is ^pid<<3 | 2
	var now syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(^pid<<3|schedClock), uintptr(unsafe.Pointer(&now)), 0)
	if errno != 0 {
		return usage{}, fmt.Errorf("load: reading the CPU time of process %d: %w", pid, errno)
	}
	return usage{cpu: time.Duration(now.Nano()), rss: resident * int64(os.Getpagesize())}, nil
}
