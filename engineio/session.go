package engineio

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// Handler receives what happens on one session.
type Handler interface {
	// Message is called for each message, one after another, in the order in which the client sent them. data is valid
	// during the call only. While it blocks nothing more is read from the client, whose heartbeat would then time out.
	Message(data []byte, binary bool)

	// Close is called exactly once, on a goroutine of its own, when the session has ended for whatever reason. err says
	// more where there is more to say; it may be nil. A call of Message may still be running.
	Close(reason Reason, err error)
}

// state is the state of a session.
type state uint8

const (
	open    state = iota
	closing       // no message is accepted either way; what is queued is still written
	closed
)

// Session is one logical connection to a client, whatever transport carries it. All methods may be called from any
// goroutine and none of them blocks.
type Session struct {
	mu    sync.Mutex                     // guards what says so below, and the connection
	state                                // first, with link, because they are all that a broadcast needs
	link  atomic.Pointer[transport.Link] // of the connection once the transport is not polling; set once, with mu held

	// Immutable after construction.
	id       string
	server   *Server
	request  *Request
	base64   bool                    // binary messages leave as text over polling (query parameter b64)
	revision eio.Revision            // of the protocol, as its handshake asked for
	handler  Handler                 // set by acceptHandler, before anything is received
	inline   transport.InlineHandler // the same; nil when it is none

	postControls transport.Budget // of the packets in POSTs; owned by the one POST that is handled

	// awaitingPong tells the receiving side, without the lock, that a packet may matter to the heartbeat.
	awaitingPong atomic.Bool

	// mu guards state and the fields below.

	polling    pollTransport
	probe      *transport.Link // of a connection that asks to become the transport
	probeTimer *time.Timer     // bounds that

	accepted bool // handler is set
	reason   Reason
	err      error

	timer     *time.Timer // heartbeat; while closing, the end of waiting for a poll
	extended  bool        // a packet has already prolonged the wait for this pong
	stalls    int         // running calls of Message that wait on the server's own behalf
	wasStalls bool        // there was such a call since the ping was sent
}

// ID returns the session's id: 20 characters that only the client and the server know. Whoever has it can act as the
// client.
func (s *Session) ID() string { return s.id }

// Request returns what is kept of the request that opened the session.
func (s *Session) Request() *Request { return s.request }

// Protocol returns the revision of the protocol that the client speaks: 4, or 3 with Options.AllowEIO3.
func (s *Session) Protocol() int { return s.revision.Number() }

// Transport returns the transport that carries the session now.
func (s *Session) Transport() Transport {
	if l := s.link.Load(); l != nil {
		return Transport(l.Conn.Name())
	}
	return Polling
}
