//go:build !386 && !s390x

// Command floor is a server for Socket.IO clients that does as little as possible: it has one thread and one epoll
// descriptor, and sends frames back without interpreting the protocol. A message costs one write and at most one read, so
// nearly all of its CPU time is spent in the kernel. It is the lower bound that servers are compared with, and has no other use.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:3000", "address to listen on")
	flag.Parse()
	runtime.LockOSThread()
	f, err := open(*listen)
	if err != nil {
		log.Fatal(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop
		os.Exit(0)
	}()
	log.Fatal(f.serve())
}

// floor is the server.
type floor struct {
	listener, epoll int
	conns           []*conn // by descriptor
	all             []*conn
	rooms           map[string][]*conn
	buffer          [64 << 10]byte
	frame           []byte // the frame that is being sent
}

type conn struct {
	fd     int
	index  int // in all
	opened bool
	kept   []byte // the beginning of a frame
}

var (
	upgraded = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: YJqNrZ1sxIVo1WUlXAT7vGqSTSg=\r\n\r\n"
	opened = `0{"sid":"aaaaaaaaaaaaaaaaaaaa","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	joined = `40{"sid":"bbbbbbbbbbbbbbbbbbbb"}`
)

func open(address string) (*floor, error) {
	tcp, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return nil, err
	}
	f := &floor{rooms: map[string][]*conn{}}
	if f.listener, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0); err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if f.epoll, err = syscall.EpollCreate1(0); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	name := &syscall.SockaddrInet4{Port: tcp.Port}
	copy(name.Addr[:], tcp.IP.To4())
	err = errors.Join(
		syscall.SetsockoptInt(f.listener, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1),
		syscall.Bind(f.listener, name),
		syscall.Listen(f.listener, 4096),
		f.watch(f.listener),
	)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	bound, err := syscall.Getsockname(f.listener)
	if err != nil {
		return nil, os.NewSyscallError("getsockname", err)
	}
	fmt.Printf("listening on http://%s:%d/socket.io/\n", tcp.IP, bound.(*syscall.SockaddrInet4).Port)
	return f, nil
}

func (f *floor) watch(fd int) error {
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}
	return syscall.EpollCtl(f.epoll, syscall.EPOLL_CTL_ADD, fd, &event)
}

func (f *floor) serve() error {
	var events [512]syscall.EpollEvent
	for {
		n, err := syscall.EpollWait(f.epoll, events[:], -1)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("epoll_wait", err)
		}
		for i := range max(n, 0) {
			if fd := int(events[i].Fd); fd == f.listener {
				f.accept()
			} else if c := f.conns[fd]; c != nil {
				f.read(c)
			}
		}
	}
}

func (f *floor) accept() {
	for {
		fd, _, err := syscall.Accept4(f.listener, syscall.SOCK_NONBLOCK)
		if err != nil {
			return // EAGAIN, or the client closed the connection
		}
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		for len(f.conns) <= fd {
			f.conns = append(f.conns, nil)
		}
		c := &conn{fd: fd, index: len(f.all)}
		f.conns[fd] = c
		f.all = append(f.all, c)
		if f.watch(fd) != nil {
			f.close(c)
		}
	}
}

// read makes one read of everything that has arrived.
func (f *floor) read(c *conn) {
	at := copy(f.buffer[:], c.kept)
	n := readNow(c.fd, f.buffer[at:])
	switch {
	case n == 0:
		f.close(c)
		return
	case n < 0:
		return
	}
	b := f.buffer[:at+n]
	if !c.opened {
		head := bytes.Index(b, []byte("\r\n\r\n"))
		if head >= 0 {
			b = b[head+4:]
			c.opened = true
			writeNow(c.fd, []byte(upgraded))
			f.send(c, opened)
		}
	}
	for c.opened {
		payload, size := unmask(b)
		if size == 0 {
			break
		}
		b = b[size:]
		f.answer(c, payload)
	}
	c.kept = append(c.kept[:0], b...)
}

// answer sends the message back, to one client or to all.
func (f *floor) answer(c *conn, p []byte) {
	switch {
	case bytes.HasPrefix(p, []byte(`42["bc"`)):
		f.begin(p)
		for _, member := range f.all {
			writeNow(member.fd, f.frame)
		}
	case bytes.HasPrefix(p, []byte(`42["room","`)):
		room, message, _ := bytes.Cut(p[len(`42["room","`):], []byte(`",`))
		f.begin([]byte(`42["room",` + string(message)))
		for _, member := range f.rooms[string(room)] {
			writeNow(member.fd, f.frame)
		}
	case bytes.HasPrefix(p, []byte(`421["join","`)):
		room := string(p[len(`421["join","`) : len(p)-2])
		f.rooms[room] = append(f.rooms[room], c)
		f.send(c, "431[]")
	case bytes.HasPrefix(p, []byte("42")):
		f.begin(p)
		writeNow(c.fd, f.frame)
	case bytes.HasPrefix(p, []byte("40")):
		f.send(c, joined)
	}
}

// begin starts the frame of a text message.
func (f *floor) begin(payload []byte) {
	f.frame = append(f.frame[:0], 0x81)
	if n := len(payload); n < 126 {
		f.frame = append(f.frame, byte(n))
	} else {
		f.frame = binary.BigEndian.AppendUint16(append(f.frame, 126), uint16(n))
	}
	f.frame = append(f.frame, payload...)
}

func (f *floor) send(c *conn, text string) {
	f.begin([]byte(text))
	writeNow(c.fd, f.frame)
}

func (f *floor) close(c *conn) {
	last := f.all[len(f.all)-1]
	f.all[c.index], last.index = last, c.index
	f.all = f.all[:len(f.all)-1]
	f.conns[c.fd] = nil
	syscall.Close(c.fd)
}

// unmask takes a client's frame of up to 64 KiB from the front of b, or nothing if b does not hold the whole frame.
func unmask(b []byte) (payload []byte, size int) {
	if len(b) < 6 {
		return nil, 0
	}
	n, at := int(b[1]&0x7f), 2
	if n == 126 {
		n, at = int(binary.BigEndian.Uint16(b[2:])), 4
	}
	if len(b) < at+4+n {
		return nil, 0
	}
	mask := b[at : at+4]
	payload = b[at+4 : at+4+n]
	word := uint64(binary.LittleEndian.Uint32(mask))
	word |= word << 32
	rest := payload
	for ; len(rest) >= 8; rest = rest[8:] {
		binary.LittleEndian.PutUint64(rest, binary.LittleEndian.Uint64(rest)^word)
	}
	for i := range rest {
		rest[i] ^= mask[i&3]
	}
	return payload, at + 4 + n
}
