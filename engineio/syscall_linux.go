package engineio

import (
	"syscall"
	"unsafe"
)

// readOnce and writeOnce make one system call on a descriptor that never blocks. Go's scheduler is not told of it: to
// tell costs as much as a tenth of a small write, and a processor that is taken away and given back meanwhile far more.

func readOnce(fd uintptr, b []byte) (int, error) { return once(syscall.SYS_READ, fd, b) }

func writeOnce(fd uintptr, b []byte) (int, error) { return once(syscall.SYS_WRITE, fd, b) }

func once(trap, fd uintptr, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
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
