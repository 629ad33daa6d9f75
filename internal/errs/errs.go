// Package errs defines the errors that several packages return, once, so that a value from any of them compares equal to
// the name under which an application knows it: engineio, cluster, socketio and clients give them names of their own.
package errs

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrClosed is returned by what has ended: a session, a socket, a namespace, a server.
	ErrClosed = errors.New("parley: closed")

	// ErrQueueFull is returned when a bounded queue has no space for a packet.
	ErrQueueFull = errors.New("parley: queue full")
)

// IncompleteError is returned by a call that asked many and has not heard from all of them. What has come is returned
// beside it.
type IncompleteError struct {
	// Nodes names the nodes that did not answer, sorted.
	Nodes []string
	// UnnamedNodes is the number of further nodes that did not answer: some brokers count nodes without naming them.
	UnnamedNodes int

	// Sockets holds the ids of the sockets that did not answer, sorted. Sockets of the nodes above are not among them.
	Sockets []string
	// UnnamedSockets is the number of further sockets that did not answer, on nodes that report numbers only.
	UnnamedSockets int

	// Err is why the call did not wait longer: the error of its context, or nil when everything that is missing is known
	// to be gone.
	Err error
}

// Error names the nodes and counts the sockets: there may be many, and ids are not for logs.
func (e *IncompleteError) Error() string {
	var missing []string
	if n := len(e.Nodes) + e.UnnamedNodes; n > 0 {
		nodes := count(n, "node")
		if len(e.Nodes) > 0 {
			nodes += " (" + strings.Join(e.Nodes, ", ") + ")"
		}
		missing = append(missing, nodes)
	}
	if n := len(e.Sockets) + e.UnnamedSockets; n > 0 || len(missing) == 0 {
		missing = append(missing, count(n, "socket"))
	}
	text := "parley: no answer from " + strings.Join(missing, " and ")
	if e.Err == nil {
		return text + ": disconnected"
	}
	return text + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *IncompleteError) Unwrap() error { return e.Err }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
