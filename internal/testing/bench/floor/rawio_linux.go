//go:build !386 && !s390x

package main

import (
	"syscall"
	"unsafe"
)

// readNow and writeNow are single calls on a socket that do not block: recv and send, which take the shortest way through
// the kernel. Go's scheduler is not told, which would cost more than the rest of the program. They return -1 for every
// error that passes; a broken connection is found by the next read.

func readNow(fd int, b []byte) int {
	n, errno := once(syscall.SYS_RECVFROM, fd, b)
	switch errno {
	case 0:
		return n
	case syscall.EAGAIN, syscall.EINTR:
		return -1
	default:
		return 0
	}
}

func writeNow(fd int, b []byte) { once(syscall.SYS_SENDTO, fd, b) }

func once(trap uintptr, fd int, b []byte) (int, syscall.Errno) {
	const flags = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL
	n, _, errno := syscall.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	return int(n), errno
}
