package cluster

import (
	"errors"
	"fmt"
)

var (
	// ErrUnknownMember is returned by Join for an id that is not, or no longer, a member of the namespace.
	ErrUnknownMember = errors.New("cluster: unknown member")

	// ErrClosed is returned by Join and Broadcast after the adapter was closed.
	ErrClosed = errors.New("cluster: adapter closed")

	// ErrQueueFull is returned by the Broadcast of an adapter that delivers later, when the packets that wait for
	// their turn have reached its limit. The packet was not accepted.
	ErrQueueFull = errors.New("cluster: queue full")

	// ErrUnknownSession is returned by Take for a pid that is not, or no longer, kept.
	ErrUnknownSession = errors.New("cluster: unknown or expired session")

	// ErrUnknownOffset is returned by Take and Resume when it cannot be told what the client has missed: the offset was
	// never given, or packets behind it are no longer kept.
	ErrUnknownOffset = errors.New("cluster: unknown offset")
)

// IncompleteError tells that a query ended before all had answered. What had come is returned with it.
type IncompleteError struct {
	// Missing is how many members, or nodes, have not answered.
	Missing int
	// Err is why nobody waited longer: the context's error, or nil when all that are missing are gone.
	Err error
}

// Error implements error.
func (e *IncompleteError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("cluster: %d did not answer: disconnected", e.Missing)
	}
	return fmt.Sprintf("cluster: %d did not answer: %v", e.Missing, e.Err)
}

// Unwrap returns Err.
func (e *IncompleteError) Unwrap() error { return e.Err }
