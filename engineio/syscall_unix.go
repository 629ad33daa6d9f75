//go:build unix && !linux

package engineio

import "syscall"

func readOnce(fd uintptr, b []byte) (int, error) { return syscall.Read(int(fd), b) }

func writeOnce(fd uintptr, b []byte) (int, error) { return syscall.Write(int(fd), b) }

func duplicate(fd uintptr) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	n, err := syscall.Dup(int(fd))
	if err == nil {
		syscall.CloseOnExec(n)
	}
	return n, err
}
