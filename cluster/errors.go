package cluster

import (
	"errors"

	"github.com/parleyio/parley/internal/errs"
)

var (
	// ErrUnknownMember is returned by Join for an id that is not, or no longer, a member of the namespace.
	ErrUnknownMember = errors.New("cluster: unknown member")

	// ErrClosed is returned after the adapter or its engine was closed. It is socketio.ErrClosed too.
	ErrClosed = errs.ErrClosed

	// ErrQueueFull is returned by a broadcast when the packets that wait for the log have reached their limit: the packet
	// was not accepted. It is also the reason why a client is not recovered that has missed more than it may be sent. It
	// is socketio.ErrQueueFull too.
	ErrQueueFull = errs.ErrQueueFull

	// ErrUnknownSession is returned for a session that is not, or no longer, kept.
	ErrUnknownSession = errors.New("cluster: unknown or expired session")

	// ErrUnknownOffset is returned when it cannot be told what a client has missed: the offset was never given, or packets
	// behind it are no longer kept.
	ErrUnknownOffset = errors.New("cluster: unknown offset")

	// ErrSessionClaimed is returned by Log.Keep for a session that was claimed or dropped.
	ErrSessionClaimed = errors.New("cluster: session was claimed")
)

// IncompleteError is returned when a query ended before all had answered; what had come is returned with it. It has the
// fields Nodes and UnnamedNodes, Sockets and UnnamedSockets, and Err: see socketio.IncompleteError, which is the same.
type IncompleteError = errs.IncompleteError
