package cluster

import (
	"errors"

	"github.com/parleyio/parley/internal/errs"
)

var (
	// ErrUnknownMember is returned by Join for an id that is not, or no longer, a member of the namespace.
	ErrUnknownMember = errors.New("cluster: unknown member")

	// ErrClosed is returned by Join and Broadcast after the adapter was closed. It is socketio.ErrClosed too.
	ErrClosed = errs.ErrClosed

	// ErrQueueFull is returned by the Broadcast of an adapter that delivers later, when the packets that wait for
	// their turn have reached its limit. The packet was not accepted. It is socketio.ErrQueueFull too.
	ErrQueueFull = errs.ErrQueueFull

	// ErrUnknownSession is returned by Take for a pid that is not, or no longer, kept.
	ErrUnknownSession = errors.New("cluster: unknown or expired session")

	// ErrUnknownOffset is returned by Take and Resume when it cannot be told what the client has missed: the offset was
	// never given, or packets behind it are no longer kept.
	ErrUnknownOffset = errors.New("cluster: unknown offset")
)

// IncompleteError is returned when a query ended before all had answered; what had come is returned with it. It has the
// fields Nodes and UnnamedNodes, Sockets and UnnamedSockets, and Err: see socketio.IncompleteError, which is the same.
type IncompleteError = errs.IncompleteError
