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

// descriptor is a websocket's connection as its bare descriptor, for single reads and writes that do not block. It is a
// duplicate that nobody else knows and so nobody else can close: a write has to look at nothing but this, where a net.Conn,
// which the application may have kept, must be asked each time whether its descriptor is still its own.
//
// It reads, writes and has deadlines as an os.File, beside what is declared here.
type descriptor struct {
	*os.File                 // in the poller
	raw      syscall.RawConn // of File

	mu sync.Mutex
	fd int // guarded by mu; negative once it is closed
}

// take takes a connection over. It returns false where that is not possible (TLS, in-memory, no descriptor left): then
// the connection is to be used as it is.
func (d *descriptor) take(conn net.Conn) bool {
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return false // a wrapper may forward SyscallConn and still want to see the bytes
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
	// A file that the poller does not watch has no deadlines: there was no room, or an application has made the connection
	// a blocking one, which a duplicate cannot change for itself.
	if err = d.File.SetDeadline(time.Time{}); err == nil {
		d.raw, err = d.File.SyscallConn()
	}
	if err != nil {
		d.File.Close()
		d.File = nil
		return false
	}
	conn.Close() // the duplicate stays
	return true
}

// writeBatch writes several pieces as one, and waits for the client if need be.
func (d *descriptor) writeBatch(batch net.Buffers) (int64, error) {
	piece := batch[0]
	if len(batch) > 1 { // a copy costs less than a write for each
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

// Close closes the connection. A read that has begun ends first.
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

// readReady calls f now and whenever there may be something to read, until it returns true.
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
