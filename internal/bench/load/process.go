package load

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// clockTick is the unit of CPU times in /proc: USER_HZ, which is 100 on every platform of Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// usage is what a process has used.
type usage struct {
	cpu time.Duration // of all threads, in user and kernel mode
	rss int64         // bytes in memory now
}

// readUsage reads the usage of a process from /proc.
func readUsage(pid int) (usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, fmt.Errorf("load: reading the server's CPU time: %w", err)
	}
	// The second field is a name in parentheses that may hold anything; utime and stime are 12 and 13 behind it.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 22 {
		return usage{}, fmt.Errorf("load: /proc/%d/stat has %d fields", pid, len(fields))
	}
	var numbers [3]int64
	for i, field := range [3]int{11, 12, 21} {
		if numbers[i], err = strconv.ParseInt(string(fields[field]), 10, 64); err != nil {
			return usage{}, fmt.Errorf("load: /proc/%d/stat: %w", pid, err)
		}
	}
	return usage{
		cpu: time.Duration(numbers[0]+numbers[1]) * clockTick,
		rss: numbers[2] * int64(os.Getpagesize()),
	}, nil
}

// ownUsage is the usage of this process: nothing where there is no /proc.
func ownUsage() usage {
	u, _ := readUsage(os.Getpid())
	return u
}
