package load

import (
	"errors"
	"time"
)

// network carries the bytes of many connections. All calls, and all calls of peers, are made by one goroutine.
type network interface {
	// dial begins to open a connection, of which its peer hears.
	dial(p peer) (link, error)

	// wait handles what happens on the connections. It waits for at most so long until something does, and returns how
	// long that was.
	wait(timeout time.Duration) (waited time.Duration, err error)

	// delayed returns how long the loop has been ready to run and had no core so far, where the system tells.
	delayed() time.Duration

	// shared reports whether other goroutines do most of the work, and not the loop.
	shared() bool

	// close closes all connections, of which no peer hears, and waits until nothing is left of them.
	close()
}

// link is one connection. What a link was told before abort may be lost.
type link interface {
	// send writes b, which may be used again after the call. A link that is broken tells its peer later.
	send(b []byte)

	// pause stops reading for good, with the smallest possible buffer for what arrives.
	pause()

	// abort closes the connection with a reset; the peer hears nothing more.
	abort()
}

// peer is whose connection it is.
type peer interface {
	connected()

	// received takes bytes from the front of what has arrived and returns how many; the rest comes again with more behind
	// it.
	received(b []byte) int

	closed(err error)
}

var (
	errEnd      = errors.New("closed by the server")
	errOverlong = errors.New("load: a message of the server is too long")
)

const (
	readSize = 256 << 10
	keepSize = readSize / 2 // the most that a peer may leave unread

	smallestBuffer = 4096 // of a connection that is not read: the system makes of it what it can
)
