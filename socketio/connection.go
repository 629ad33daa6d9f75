package socketio

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/internal/transport"
)

// connection is one Engine.IO session with the sockets that it carries, one for each namespace that the client has
// joined. It is the engineio.Handler of the session.
type connection struct {
	// Immutable after construction.
	server  *Server
	session *engineio.Session
	control transport.Control // of the session; set before its first message
	eio3    bool              // the client is one of Socket.IO 2; see eio3.go
	slot    uint8             // of server.inline

	// Owned by the goroutine that delivers messages.
	decoder message.Decoder
	half    bool // attachments are awaited

	overflowed atomic.Bool // a broadcast did not fit the send queue, which has closed the session

	mu sync.Mutex // guards the fields below and the mutable fields of the sockets

	sockets      []*Socket // joined or joining; few
	alive        int       // sockets that have not finished, which may be more
	closed       bool
	late         bool        // connectTimer has closed the session
	connectTimer *time.Timer // closes a connection that joins nothing; nil once one has joined
	halfTimer    *time.Timer // closes a connection whose attachments do not come; nil unless some are awaited

	data   map[any]any         // of NewConnectionData
	kicked map[string]struct{} // namespaces that the server made the client leave; nil while there are none

	inlineRun  uint64        // the handler that runs on the reading goroutine, and keeps it from reading; zero for none
	acks       int32         // acknowledgements that MaxAcks counts, over all sockets
	waits      int32         // those of them that somebody waits for: they must be read while an inbox is full
	concurrent int32         // handlers that run beside their socket's order
	space      chan struct{} // closed when a full inbox may have space; nil unless the reader waits
}

// SetControl implements transport.Controlled.
func (c *connection) SetControl(control transport.Control) { c.control = control }

func (c *connection) socketLocked(namespace string) *Socket {
	for _, s := range c.sockets {
		if s.nsp.name == namespace {
			return s
		}
	}
	return nil
}

// removeLocked forgets a socket, so that its namespace can be joined again.
func (c *connection) removeLocked(s *Socket) {
	if i := slices.Index(c.sockets, s); i >= 0 {
		c.sockets = slices.Delete(c.sockets, i, i+1)
	}
}

// kickedLocked remembers that what the client still sends for a namespace is not its fault.
func (c *connection) kickedLocked(namespace string) {
	if c.kicked == nil {
		c.kicked = map[string]struct{}{}
	}
	c.kicked[namespace] = struct{}{}
}

// wakeReaderLocked wakes the reader, if it waits, to look again.
func (c *connection) wakeReaderLocked() {
	if c.space != nil {
		close(c.space)
		c.space = nil
	}
}

func (c *connection) stopConnectTimerLocked() {
	if c.connectTimer != nil {
		c.connectTimer.Stop()
		c.connectTimer = nil
	}
}

func (c *connection) stopHalfTimerLocked() {
	if c.halfTimer != nil {
		c.halfTimer.Stop()
		c.halfTimer = nil
	}
}
