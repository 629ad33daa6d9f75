package engineio

import (
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// Handler receives the messages and the end of one session.
type Handler interface {
	// Message is called for each message, one after another, in the order in which the client sent them. data is valid
	// during the call only. While the call blocks, the session reads nothing from the client, and the heartbeat can time
	// out.
	Message(data []byte, binary bool)

	// Close is called exactly once, on a goroutine of its own, after the session has ended. err is the cause, or nil where
	// the reason says everything. A call of Message may still be running.
	Close(reason Reason, err error)
}

// state is the state of a session.
type state uint8

const (
	open    state = iota
	closing       // no message is sent or received any more; queued messages are still written
	closed
)

// Session is one logical connection to a client, independent of its transport. All methods may be called from any
// goroutine, and none of them blocks.
type Session struct {
	mu    sync.Mutex                     // guards the fields marked below, and the connection
	state                                // first, with link, because a broadcast reads these two fields only
	link  atomic.Pointer[transport.Link] // of the connection once the transport is not polling; set once, with mu held

	// Immutable after construction.
	id       string
	server   *Server
	request  *Request
	base64   bool                    // binary messages are sent as text over polling (query parameter b64)
	revision eio.Revision            // of the protocol, selected by the handshake
	handler  Handler                 // set by acceptHandler, before anything is received
	inline   transport.InlineHandler // the same handler; nil when it does not implement the interface

	postControls transport.Budget // of the packets in POSTs; owned by the one POST that is handled

	// awaitingPong is read without the mutex by the receiving side: a packet matters to the heartbeat only while it is set.
	awaitingPong atomic.Bool

	// mu guards state and the fields below.

	polling    pollTransport
	probe      *transport.Link // of a connection that probes the session for an upgrade
	probeTimer *time.Timer     // ends the probe after UpgradeTimeout

	accepted    bool                  // handler is set
	takesOrigin bool                  // it was opened without an Origin, and takes the first one
	origin      unique.Handle[origin] // of the page that opened it; zero: none yet
	reason      Reason
	err         error

	timer     *time.Timer // heartbeat; while closing, the end of waiting for a poll
	extended  bool        // a packet has already prolonged the wait for this pong
	stalls    int         // running calls of Message during which the server itself does not read
	wasStalls bool        // there was such a call since the ping was sent
}

// ID returns the session's id: 20 characters, unless Options.GenerateID makes another one. It is a secret of the client
// and the server: a program that knows it can act as the client.
func (s *Session) ID() string { return s.id }

// Request returns the kept part of the request that opened the session.
func (s *Session) Request() *Request { return s.request }

// Protocol returns the revision of the protocol that the client uses: 4, or 3 with Options.AllowEIO3.
func (s *Session) Protocol() int { return s.revision.Number() }

// Transport returns the current transport of the session.
func (s *Session) Transport() Transport {
	if l := s.link.Load(); l != nil {
		return Transport(l.Conn.Name())
	}
	return Polling
}
