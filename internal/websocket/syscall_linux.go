//go:build !386 && !s390x

package websocket

import (
	"syscall"
	"unsafe"
)

// readOnce and writeOnce make one system call on a socket that does not block. They are recv and send, because read and
// write take the longer way through the kernel, past the permissions and watchers that a file may have. Go's scheduler is
// not told of the call: to tell costs as much as a tenth of a small write, and a processor that is taken away and given
// back meanwhile far more.

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

// duplicate returns another descriptor of the same open file, which child processes do not get. It is none of the first
// three: an os.File ends the process when it cannot write to standard output.
func duplicate(fd uintptr) (int, error) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 3)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
