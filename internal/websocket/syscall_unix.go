//go:build unix && (!linux || 386 || s390x)

package websocket

import "syscall"

func readOnce(fd uintptr, b []byte) (int, error) { return syscall.Read(int(fd), b) }

func writeOnce(fd uintptr, b []byte) (int, error) { return syscall.Write(int(fd), b) }

func duplicate(fd uintptr) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	n, err := syscall.Dup(int(fd))
	switch {
	case err != nil:
		return -1, err
	case n < 3:
		syscall.Close(n)
		return -1, syscall.EBADF
	}
	syscall.CloseOnExec(n)
	return n, nil
}
