//go:build unix

package main

import "syscall"

// descriptors is how many files a process may have open. Go programs and Node raise their limit to the hard one by
// themselves.
func descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(uint64(limit.Max), 1<<20))
}
