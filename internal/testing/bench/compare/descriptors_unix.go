//go:build unix

package main

import "syscall"

// descriptors returns how many files a process may open. Go programs and Node raise their soft limit to the hard limit
// by themselves.
func descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(uint64(limit.Max), 1<<20))
}
