//go:build unix && !linux

package engineio

import "syscall"

func readOnce(fd uintptr, b []byte) (int, error) { return syscall.Read(int(fd), b) }

func writeOnce(fd uintptr, b []byte) (int, error) { return syscall.Write(int(fd), b) }
