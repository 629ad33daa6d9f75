package memnet

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// DefaultBuffer is how many bytes a connection holds in each direction by default.
const DefaultBuffer = 64 << 10

// backlog is how many connections may wait to be accepted.
const backlog = 1024

// Addr is the address of an end of a connection. It prints like a TCP address, for programs that parse it.
type Addr struct{ netip.AddrPort }

// Network returns "memory".
func (Addr) Network() string { return "memory" }

// The addresses that RFC 5737 reserves for examples.
var (
	serverAddr = netip.MustParseAddrPort("192.0.2.1:80")
	clientHost = netip.MustParseAddr("198.51.100.1")
)

// Listener is a server's end of the network. Listen makes one.
type Listener struct {
	// Buffer is how many bytes a connection holds in each direction before writes block. Zero means DefaultBuffer.
	// Set it before the first connection is made.
	Buffer int

	// mu guards the fields below.
	mu      sync.Mutex
	changed sync.Cond
	closed  bool
	waiting []*Conn // not accepted yet
	port    uint16  // of the last client
}

// Listen starts to listen.
func Listen() *Listener {
	l := &Listener{port: 49151}
	l.changed.L = &l.mu
	return l
}

// Dial connects to the listener from 198.51.100.1 and a fresh port. It does not wait until the connection is accepted.
// It fails with syscall.ECONNREFUSED if the listener is closed or has too many connections waiting.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	return l.DialFrom(ctx, clientHost)
}

// DialContext is Dial in the form that http.Transport and others want. It ignores the address and connects to the listener.
func (l *Listener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	return l.Dial(ctx)
}

// DialFrom is Dial from another host.
func (l *Listener) DialFrom(ctx context.Context, host netip.Addr) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := ctx.Err()
	if err == nil && (l.closed || len(l.waiting) >= backlog) {
		err = syscall.ECONNREFUSED
	}
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: Addr{}.Network(), Addr: l.Addr(), Err: err}
	}
	l.port = max(l.port+1, 1024) // after an overflow, skip zero and the reserved ports
	client, server := pipe(Addr{netip.AddrPortFrom(host, l.port)}, Addr{serverAddr}, l.Buffer)
	l.waiting = append(l.waiting, server)
	l.changed.Signal()
	return client, nil
}

// Accept waits for a connection. It fails with net.ErrClosed once the listener is closed.
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) == 0 && !l.closed {
		l.changed.Wait()
	}
	if l.closed {
		return nil, &net.OpError{Op: "accept", Net: Addr{}.Network(), Addr: l.Addr(), Err: net.ErrClosed}
	}
	c := l.waiting[0]
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
	return c, nil
}

// Close ends listening. Connections that wait to be accepted are reset; accepted ones stay open.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return &net.OpError{Op: "close", Net: Addr{}.Network(), Addr: l.Addr(), Err: net.ErrClosed}
	}
	l.closed = true
	l.changed.Broadcast()
	for _, c := range l.waiting {
		c.Reset()
	}
	l.waiting = nil
	return nil
}

// Addr returns 192.0.2.1:80.
func (l *Listener) Addr() net.Addr { return Addr{serverAddr} }
