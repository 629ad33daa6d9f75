//go:build !386 && !s390x

package main

import (
	"syscall"
	"unsafe"
)

// readNow and writeNow make one non-blocking call on a socket: recv and send, which do less in the kernel than read and
// write. They do not enter Go's scheduler, which would cost more than the rest of the program. They return -1 for every
// temporary error; the next read detects a broken connection.

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
