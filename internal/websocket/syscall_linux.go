//go:build !386 && !s390x

package websocket

import (
	"syscall"
	"unsafe"
)

// readOnce and writeOnce make one system call on a non-blocking socket. They use recv and send, because read and write do
// more work in the kernel (permissions and watchers of files). They use RawSyscall, which does not notify Go's scheduler:
// the notification costs a tenth of a small write, and much more if the scheduler gives the processor to another goroutine
// meanwhile.

func readOnce(fd uintptr, b []byte) (int, error) { return once(syscall.SYS_RECVFROM, fd, b) }

func writeOnce(fd uintptr, b []byte) (int, error) { return once(syscall.SYS_SENDTO, fd, b) }

func once(trap, fd uintptr, b []byte) (int, error) {
	const flags = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL
	n, _, errno := syscall.RawSyscall6(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// duplicate returns another descriptor of the same open file, which child processes do not inherit. Its number is at least
// 3, because an os.File with the number of standard output ends the process when a write fails.
func duplicate(fd uintptr) (int, error) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 3)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
