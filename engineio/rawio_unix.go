//go:build unix

package engineio

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// descriptor returns access to the connection's descriptor for single non-blocking reads and writes, or nil when there
// is none (TLS, in-memory).
func descriptor(conn net.Conn) syscall.RawConn {
	if _, ok := conn.(*net.TCPConn); !ok {
		if _, ok := conn.(*net.UnixConn); !ok {
			return nil // a wrapper may forward SyscallConn and still want to see the bytes
		}
	}
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// readDescriptor makes one non-blocking read. ok is false when nothing has arrived.
func readDescriptor(fd uintptr, b []byte) (n int, ok bool, err error) {
	for {
		n, err = readOnce(fd, b)
		switch {
		case err == nil && n == 0:
			return 0, true, io.EOF
		case err == nil:
			return n, true, nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return 0, false, nil
		default:
			return 0, true, err
		}
	}
}

// writeDescriptor makes one non-blocking write and returns what the kernel took.
func writeDescriptor(fd uintptr, b []byte) (int, error) {
	for {
		n, err := writeOnce(fd, b)
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return 0, nil
		default:
			return 0, err
		}
	}
}
