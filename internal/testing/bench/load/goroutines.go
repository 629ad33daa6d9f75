package load

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// goroutines is a network with a reading goroutine for each connection, for what epoll cannot do.
type goroutines struct {
	target target
	tls    *tls.Config
	timer  *time.Timer

	ctx      context.Context // until close
	cancel   context.CancelFunc
	happened chan happening // never closed: readers may still send
	running  sync.WaitGroup

	links map[*netLink]struct{}
}

// happening is what a reader has to tell.
type happening struct {
	link *netLink
	conn net.Conn // it is open
	data *[]byte  // of readPool
	err  error    // it is closed
}

type netLink struct {
	net    *goroutines
	peer   peer
	conn   net.Conn // nil while it is being opened
	gone   bool
	paused chan struct{} // closed by pause
	kept   []byte
}

var readPool = sync.Pool{New: func() any { b := make([]byte, 16<<10); return &b }}

const dialTimeout = 30 * time.Second

func newGoroutines(t target, c *Config) *goroutines {
	ctx, cancel := context.WithCancel(context.Background())
	return &goroutines{
		target:   t,
		tls:      &tls.Config{InsecureSkipVerify: c.Insecure, ServerName: hostOf(t.address)},
		timer:    time.NewTimer(0),
		happened: make(chan happening, 1024),
		ctx:      ctx,
		cancel:   cancel,
		links:    map[*netLink]struct{}{},
	}
}

func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address) // it was joined before: no error
	return host
}

func (g *goroutines) dial(p peer) (link, error) {
	l := &netLink{net: g, peer: p, paused: make(chan struct{})}
	g.links[l] = struct{}{}
	g.running.Go(l.run)
	return l, nil
}

// run opens the connection and reads until it is closed.
func (l *netLink) run() {
	conn, err := l.open()
	if !l.tell(happening{link: l, conn: conn, err: err}) && conn != nil {
		conn.Close()
	}
	if err != nil {
		return
	}
	for {
		data := readPool.Get().(*[]byte)
		*data = (*data)[:cap(*data)]
		n, err := conn.Read(*data)
		*data = (*data)[:n]
		if n > 0 && !l.tell(happening{link: l, data: data}) {
			return
		}
		if err != nil {
			select {
			case <-l.paused: // the error is the deadline's
			default:
				l.tell(happening{link: l, err: err})
			}
			return
		}
	}
}

func (l *netLink) open() (net.Conn, error) {
	g := l.net
	dialer := &net.Dialer{Timeout: dialTimeout}
	if g.target.secure {
		return (&tls.Dialer{NetDialer: dialer, Config: g.tls}).DialContext(g.ctx, "tcp", g.target.address)
	}
	return dialer.DialContext(g.ctx, "tcp", g.target.address)
}

func (l *netLink) tell(h happening) bool {
	select {
	case l.net.happened <- h:
		return true
	case <-l.net.ctx.Done():
		return false
	}
}

func (g *goroutines) wait(timeout time.Duration) (time.Duration, error) {
	began := time.Now()
	g.timer.Reset(timeout)
	var first happening
	select {
	case first = <-g.happened:
	case <-g.timer.C:
		return time.Since(began), nil
	}
	waited := time.Since(began)
	g.handle(first)
	for range cap(g.happened) {
		select {
		case h := <-g.happened:
			g.handle(h)
		default:
			return waited, nil
		}
	}
	return waited, nil
}

func (g *goroutines) handle(h happening) {
	l := h.link
	if h.conn != nil {
		l.conn = h.conn
	}
	if l.gone {
		if h.conn != nil {
			reset(h.conn)
		}
		return
	}
	switch {
	case h.err != nil:
		l.abort()
		l.peer.closed(h.err)
	case h.conn != nil:
		l.peer.connected()
	default:
		l.kept = append(l.kept, *h.data...)
		readPool.Put(h.data)
		used := l.peer.received(l.kept)
		l.kept = append(l.kept[:0], l.kept[used:]...)
		if len(l.kept) == 0 {
			l.kept = nil
		} else if len(l.kept) > keepSize {
			l.abort()
			l.peer.closed(errOverlong)
		}
	}
}

// delayed is not known: the loop has no thread of its own.
func (g *goroutines) delayed() time.Duration { return 0 }

func (g *goroutines) shared() bool { return true }

func (g *goroutines) close() {
	g.cancel()
	for l := range g.links {
		l.abort()
	}
	ended := make(chan struct{})
	go func() {
		g.running.Wait()
		close(ended)
	}()
	for {
		select {
		case h := <-g.happened:
			if h.conn != nil {
				reset(h.conn) // it was opened meanwhile
			}
		case <-ended:
			return
		}
	}
}

func (l *netLink) send(b []byte) {
	l.conn.SetWriteDeadline(time.Now().Add(dialTimeout))
	_, _ = l.conn.Write(b) // the next read reports the error
}

func (l *netLink) pause() {
	close(l.paused)
	l.conn.SetReadDeadline(time.Now())
	if tcp := tcpOf(l.conn); tcp != nil {
		tcp.SetReadBuffer(smallestBuffer)
	}
}

func (l *netLink) abort() {
	l.gone = true
	delete(l.net.links, l)
	if l.conn != nil {
		reset(l.conn)
	}
}

// reset closes a connection so that its port is free at once.
func reset(conn net.Conn) {
	if tcp := tcpOf(conn); tcp != nil {
		tcp.SetLinger(0)
		conn = tcp
	}
	conn.Close()
}

// tcpOf returns the TCP connection below, or nil.
func tcpOf(conn net.Conn) *net.TCPConn {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	tcp, _ := conn.(*net.TCPConn)
	return tcp
}
