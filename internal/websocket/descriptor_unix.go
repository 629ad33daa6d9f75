//go:build unix

package websocket

import (
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/parleyio/parley/internal/buffer"
)

// descriptor is the file descriptor of a websocket's connection, for single reads and writes that do not block. It is a
// duplicate that only this package knows, so only this package can close it. A write therefore only takes mu, while a
// net.Conn, which the application may have kept and closed, must check its descriptor on each write.
//
// Blocking reads and writes and the deadlines are those of the embedded os.File.
type descriptor struct {
	*os.File                 // in the poller
	raw      syscall.RawConn // of File

	mu sync.Mutex
	fd int // guarded by mu; negative once it is closed
}

// take takes a connection over. It returns false where this is not possible (TLS, in-memory, no free descriptor); the
// net.Conn must be used then.
func (d *descriptor) take(conn net.Conn) bool {
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return false // a wrapper may forward SyscallConn and still need to see the bytes
	}
	theirs, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return false
	}
	var duplicateErr error
	err = theirs.Control(func(fd uintptr) { d.fd, duplicateErr = duplicate(fd) })
	if err != nil || duplicateErr != nil {
		return false
	}
	d.File = os.NewFile(uintptr(d.fd), "websocket")
	// A file that the poller does not watch has no deadlines. This happens when the poller is full, or when the application
	// has set the connection to blocking mode, which applies to its duplicates too.
	if err = d.File.SetDeadline(time.Time{}); err == nil {
		d.raw, err = d.File.SyscallConn()
	}
	if err != nil {
		d.File.Close()
		d.File = nil
		return false
	}
	conn.Close() // the duplicate stays open
	return true
}

// writeBatch writes several pieces in one write. It may wait for the client until the deadline.
func (d *descriptor) writeBatch(batch net.Buffers) (int64, error) {
	piece := batch[0]
	if len(batch) > 1 { // copying costs less than one write for each piece
		size := 0
		for _, b := range batch {
			size += len(b)
		}
		own := buffer.Take()
		defer buffer.Give(own)
		*own = slices.Grow(*own, size)
		for _, b := range batch {
			*own = append(*own, b...)
		}
		piece = *own
	}
	n, err := d.File.Write(piece)
	return int64(n), err
}

// Close closes the connection. It waits for a read that has begun.
func (d *descriptor) Close() error {
	d.mu.Lock()
	d.fd = -1
	d.mu.Unlock()
	return d.File.Close()
}

func (d *descriptor) closed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fd < 0
}

// readReady calls f at once and each time that the connection may be readable, until f returns true.
func (d *descriptor) readReady(f func(fd uintptr) bool) error {
	err := d.raw.Read(f)
	if err != nil && d.closed() {
		return net.ErrClosed
	}
	return err
}

// CloseWrite closes this side of the connection.
func (d *descriptor) CloseWrite() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fd < 0 {
		return net.ErrClosed
	}
	return os.NewSyscallError("shutdown", syscall.Shutdown(d.fd, syscall.SHUT_WR))
}

// writeNow makes one non-blocking write and returns how much the kernel took.
func (d *descriptor) writeNow(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fd < 0 {
		return 0, net.ErrClosed
	}
	for {
		n, err := writeOnce(uintptr(d.fd), b)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		default:
			return 0, os.NewSyscallError("write", err)
		}
	}
}

// readDescriptor makes one non-blocking read. ok is false when nothing has arrived.
func readDescriptor(fd uintptr, b []byte) (n int, ok bool, err error) {
	for {
		n, err = readOnce(fd, b)
		switch err {
		case nil:
			if n == 0 {
				err = io.EOF
			}
			return n, true, err
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, false, nil
		default:
			return 0, true, err
		}
	}
}
