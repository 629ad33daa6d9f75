package load

import (
	"errors"
	"time"
)

// network carries the bytes of many connections. All calls, and all calls of peers, are made by one goroutine.
type network interface {
	// dial begins to open a connection and reports the result to its peer.
	dial(p peer) (link, error)

	// wait waits until something happens on a connection, for at most the given time, and handles it. It returns how long
	// it waited.
	wait(timeout time.Duration) (waited time.Duration, err error)

	// delayed returns how long the loop was ready to run and had no core so far, where the system reports it.
	delayed() time.Duration

	// shared reports whether other goroutines do most of the work instead of the loop.
	shared() bool

	// close closes all connections without reporting that to their peers, and waits until their goroutines have ended.
	close()
}

// link is one connection. What a link was told before abort may be lost.
type link interface {
	// send writes b, which the caller may reuse after the call. A broken link reports its error to the peer later.
	send(b []byte)

	// pause stops reading for the rest of the run, and makes the receive buffer as small as possible.
	pause()

	// abort closes the connection with a reset. The peer gets no more calls.
	abort()
}

// peer is whose connection it is.
type peer interface {
	connected()

	// received takes bytes from the front of what arrived and returns how many. The rest is passed again together with
	// the bytes that follow.
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

	smallestBuffer = 4096 // of a connection that is not read; the system may use more
)
