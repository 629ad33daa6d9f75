//go:build !386 && !s390x

package load

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// epoll is a network on one epoll descriptor and one thread: a read or a write costs one system call and nothing else.
type epoll struct {
	fd      int
	address syscall.Sockaddr
	family  int
	links   []*epollLink // by descriptor
	events  [512]syscall.EpollEvent
	buffer  []byte
	dials   int32 // how many so far: distinguishes an event of a closed connection from one of the next connection with its descriptor
}

type epollLink struct {
	net     *epoll
	fd      int
	dial    int32
	peer    peer
	pending bool   // the connection is being opened
	writes  bool   // it is watched for room to write
	paused  bool   // it is not watched for bytes to read
	kept    []byte // read and not yet taken by the peer
	unsent  []byte
}

func newNetwork(t target, c *Config) (network, error) {
	if t.secure || c.portable {
		return newGoroutines(t, c), nil
	}
	address, err := net.ResolveTCPAddr("tcp", t.address)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	e := &epoll{buffer: make([]byte, readSize)}
	if ip := address.IP.To4(); ip != nil {
		e.family, e.address = syscall.AF_INET, &syscall.SockaddrInet4{Port: address.Port, Addr: [4]byte(ip)}
	} else {
		e.family, e.address = syscall.AF_INET6, &syscall.SockaddrInet6{Port: address.Port, Addr: [16]byte(address.IP.To16())}
	}
	if e.fd, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	runtime.LockOSThread() // moving between threads would wake them on cores that the server needs
	return e, nil
}

func (e *epoll) dial(p peer) (link, error) {
	fd, err := syscall.Socket(e.family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := syscall.Connect(fd, e.address); err != nil && !errors.Is(err, syscall.EINPROGRESS) {
		syscall.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	// A reset leaves no port in TIME_WAIT: the next run needs the ports.
	syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	e.dials++
	l := &epollLink{net: e, fd: fd, dial: e.dials, peer: p, pending: true, writes: true}
	for len(e.links) <= fd {
		e.links = append(e.links, nil)
	}
	e.links[fd] = l
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLOUT, Fd: int32(fd), Pad: l.dial}
	if err := syscall.EpollCtl(e.fd, syscall.EPOLL_CTL_ADD, fd, &event); err != nil {
		l.abort()
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	return l, nil
}

// alert is how long the loop looks for news again and again before it sleeps. Who sends to a thread that sleeps has to wake
// it. Over the loopback that is the server, in its own time, which a client elsewhere would not take from it; on a virtual
// machine a wake can cost a third of a write. It is longer than the pause between two deliveries, and short enough to leave
// the core to a server that uses several.
const alert = 25 * time.Microsecond

func (e *epoll) wait(timeout time.Duration) (time.Duration, error) {
	began := time.Now()
	n, err := syscall.EpollWait(e.fd, e.events[:], 0)
	for n == 0 && err == nil && time.Since(began) < min(alert, timeout) {
		syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) // a thread of the server may be waiting for this core
		n, err = syscall.EpollWait(e.fd, e.events[:], 0)
	}
	if n == 0 && err == nil {
		n, err = syscall.EpollWait(e.fd, e.events[:], int((timeout+time.Millisecond-1)/time.Millisecond))
	}
	if err != nil && !errors.Is(err, syscall.EINTR) {
		return 0, os.NewSyscallError("epoll_wait", err)
	}
	waited := time.Since(began)
	for i := range max(n, 0) {
		event := &e.events[i]
		if l := e.links[event.Fd]; l != nil && l.dial == event.Pad {
			l.handle(event.Events)
		}
	}
	return waited, nil
}

// delayed reads what the scheduler counts for this thread (proc_pid_schedstat in the kernel's sched-stats.rst).
func (e *epoll) delayed() time.Duration {
	text, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return 0 // the kernel does not count
	}
	var ran, delayed time.Duration
	_, _ = fmt.Sscan(string(text), &ran, &delayed) // the same
	return delayed
}

func (e *epoll) shared() bool { return false }

func (e *epoll) close() {
	for _, l := range e.links {
		if l != nil {
			l.abort()
		}
	}
	syscall.Close(e.fd)
	runtime.UnlockOSThread()
}

func (l *epollLink) handle(events uint32) {
	if l.pending {
		if code, err := syscall.GetsockoptInt(l.fd, syscall.SOL_SOCKET, syscall.SO_ERROR); err != nil || code != 0 {
			l.fail(os.NewSyscallError("connect", syscall.Errno(code)))
			return
		}
		l.pending = false
		l.watch(false)
		l.peer.connected()
		return
	}
	if events&syscall.EPOLLOUT != 0 && !l.flush() {
		return
	}
	if events&^syscall.EPOLLOUT != 0 {
		l.read()
	}
}

// read makes one read; epoll tells again when there is more.
func (l *epollLink) read() {
	buffer := l.net.buffer
	at := copy(buffer, l.kept)
	n, err := once(syscall.SYS_RECVFROM, l.fd, buffer[at:])
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return
	case err != nil:
		l.fail(os.NewSyscallError("recvfrom", err))
		return
	case n == 0:
		l.fail(errEnd)
		return
	}
	rest := buffer[:at+n]
	rest = rest[l.peer.received(rest):]
	if len(rest) > keepSize {
		l.fail(errOverlong)
		return
	}
	l.kept = append(l.kept[:0], rest...)
}

func (l *epollLink) send(b []byte) {
	if len(l.unsent) == 0 && !l.pending {
		n, err := once(syscall.SYS_SENDTO, l.fd, b)
		if n == len(b) {
			return
		}
		if err != nil && !errors.Is(err, syscall.EAGAIN) {
			return // the next read reports the error
		}
		b = b[max(n, 0):]
	}
	l.unsent = append(l.unsent, b...)
	l.watch(true)
}

func (l *epollLink) flush() bool {
	n, err := once(syscall.SYS_SENDTO, l.fd, l.unsent)
	if err != nil && !errors.Is(err, syscall.EAGAIN) {
		l.fail(os.NewSyscallError("sendto", err))
		return false
	}
	if l.unsent = l.unsent[max(n, 0):]; len(l.unsent) == 0 {
		l.unsent = nil
		l.watch(false)
	}
	return true
}

// watch asks for news about what the server sends, and with writes about room to write.
func (l *epollLink) watch(writes bool) {
	l.writes = writes
	event := syscall.EpollEvent{Fd: int32(l.fd), Pad: l.dial}
	if !l.paused {
		event.Events |= syscall.EPOLLIN
	}
	if writes {
		event.Events |= syscall.EPOLLOUT
	}
	syscall.EpollCtl(l.net.fd, syscall.EPOLL_CTL_MOD, l.fd, &event)
}

func (l *epollLink) pause() {
	l.paused = true
	syscall.SetsockoptInt(l.fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, smallestBuffer)
	l.watch(l.writes)
}

func (l *epollLink) abort() {
	if l.net.links[l.fd] == l {
		l.net.links[l.fd] = nil
		syscall.Close(l.fd)
	}
}

func (l *epollLink) fail(err error) {
	l.abort()
	l.peer.closed(err)
}

// once makes one system call on a socket, of which Go's scheduler is not told.
func once(trap uintptr, fd int, b []byte) (int, error) {
	const flags = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL
	n, _, errno := syscall.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
