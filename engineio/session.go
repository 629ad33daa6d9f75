package engineio

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleyio/parley/internal/eio"
)

// Handler receives what happens on one session.
type Handler interface {
	// Message is called for each message, one after another, in the order in which the client sent them. data is valid
	// during the call only. While it blocks nothing more is read from the client, whose heartbeat would then time out:
	// call Session.Stalled around a long wait.
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
	mu    sync.Mutex             // guards what says so below, too
	state                        // first, with ws, because they are all that a broadcast needs
	ws    atomic.Pointer[wsConn] // the transport once it is not polling; set once, with mu held

	// Immutable after construction.
	id       string
	server   *Server
	request  *Request
	base64   bool          // binary messages leave as text over polling (query parameter b64)
	revision eio.Revision  // of the protocol, as its handshake asked for
	handler  Handler       // set by acceptHandler, before anything is received
	inline   InlineHandler // the same; nil when it is none

	postControls controlBudget // of the packets in POSTs; owned by the one POST that is handled

	// awaitingPong tells the receiving side, without the lock, that a packet may matter to the heartbeat.
	awaitingPong atomic.Bool

	// mu guards state and the fields below.

	polling pollTransport
	probe   *wsConn // a websocket that asks to become the transport

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
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.transportLocked()
}

func (s *Session) transportLocked() Transport {
	if s.ws.Load() != nil {
		return WebSocket
	}
	return Polling
}

// Send sends messages together, with nothing between them. The bytes may be used again after the call. It returns
// ErrClosed, or ErrQueueFull when the client does not read fast enough, which closes the session.
func (s *Session) Send(messages ...Message) error {
	if len(messages) == 0 {
		return nil
	}
	var few [4]eio.Packet // the usual event has no attachment, or a few
	packets := few[:0]
	for _, m := range messages {
		packets = append(packets, m.packet())
	}
	c, err := s.sendPackets(packets, messages[0].Expendable)
	if err == errPrepare {
		copied := make([]Message, len(messages))
		for i, m := range messages {
			m.Data = append([]byte(nil), m.Data...)
			copied[i] = m
		}
		return s.SendPrepared(Prepare(copied...), false)
	}
	return s.sent(c, err)
}

// errPrepare says that packets cannot be written from the bytes of the caller.
var errPrepare = errors.New("engineio: to be prepared")

// sendPackets encodes packets for the websocket c, at once. Its errors are those of sent, and errPrepare.
func (s *Session) sendPackets(packets []eio.Packet, expendable bool) (c *wsConn, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c = s.ws.Load()
	switch {
	case s.state != open:
		return nil, ErrClosed
	case c == nil || expendable || c.deflate.Wants(packets):
		return nil, errPrepare
	}
	fits, err := c.fitsLocked(c.form.Size(packets), len(packets))
	switch {
	case err != nil:
		return c, err
	case !fits:
		return c, ErrQueueFull
	}
	flush, err := c.out.writePacketsLocked(packets, c.form)
	c.startFlusherLocked(flush)
	return c, err
}

// sent turns what has become of a message into the error that its sender sees. Another than those that a sender knows is
// a failed write to c.
func (s *Session) sent(c *wsConn, err error) error {
	switch err {
	case nil, ErrClosed, ErrDropped:
		return err
	case ErrQueueFull:
		return s.overflow()
	default:
		s.writeFailed(c, err)
		return ErrClosed
	}
}

// SendPrepared sends messages that were made ready for several sessions. A volatile group is dropped, with ErrDropped,
// when the client could not take it at once. Errors are those of Send.
func (s *Session) SendPrepared(p *Prepared, volatile bool) error {
	if len(p.packets) == 0 {
		return nil
	}
	if s.server.deflate != nil {
		s.deflateFirst(p)
	}
	c, err := s.sendPrepared(p, volatile)
	if err == ErrQueueFull && p.expendable {
		s.server.counters.expendableDropped.Add(1)
		return ErrDropped
	}
	return s.sent(c, err)
}

// Prefetch reads what SendPrepared will need of the session, so that the processor fetches it. Whoever is about to send to
// thousands calls it for a few sessions and sends to them then: so the processor waits once for all that is in no cache,
// and not for each in turn.
func (s *Session) Prefetch() {
	if c := s.ws.Load(); c != nil {
		c.reader.Load()
	}
}

// deflateFirst compresses the group if the websocket will want that, which takes too long to be done under the lock.
func (s *Session) deflateFirst(p *Prepared) {
	s.mu.Lock()
	c := s.ws.Load()
	s.mu.Unlock()
	if c.deflateFirst(p) {
		c.framesOf(p)
	}
}

// sendPrepared hands a group to the transport. Its error is for sent.
func (s *Session) sendPrepared(p *Prepared, volatile bool) (c *wsConn, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state != open:
		return nil, ErrClosed
	case volatile && !s.writableLocked():
		s.server.counters.volatileDropped.Add(1)
		return nil, ErrDropped
	}
	return s.ws.Load(), s.sendLocked(p)
}

// writableLocked reports whether the client can take a message at this moment.
func (s *Session) writableLocked() bool {
	if c := s.ws.Load(); c != nil {
		return c.out.writableLocked()
	}
	return s.polling.poll != nil
}

// sendLocked hands packets to the transport. An error other than ErrQueueFull is a failed write.
func (s *Session) sendLocked(p *Prepared) error {
	c := s.ws.Load()
	if c == nil {
		size := eio.Payload4.Size(p.packets) // near enough to the others
		if !s.polling.fitsLocked(size, len(p.packets), &s.server.opts) && !s.shedLocked(size, len(p.packets)) {
			return ErrQueueFull
		}
		s.polling.pushLocked(p)
		return nil
	}
	fits, err := c.fitsLocked(len(c.framesOf(p)), len(p.packets))
	switch {
	case err != nil:
		return err
	case !fits:
		return ErrQueueFull
	}
	return c.writePreparedLocked(p)
}

// overflow closes the session because its client does not keep up.
func (s *Session) overflow() error {
	s.Abort(SlowConsumer, ErrQueueFull)
	return ErrQueueFull
}

// Close ends the session with the reason ForcedClose once what is queued has been written.
func (s *Session) Close() { s.close(closingPollTimeout) }

// close ends the session; a client between two polls has so long to send the next one.
func (s *Session) close(wait time.Duration) {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == closed:
	case s.state == closing:
		if wait < closingPollTimeout { // the server shuts down: it waits less
			s.timer.Reset(wait)
		}
	case s.ws.Load() != nil:
		s.state = closing
		s.ws.Load().closeSoonLocked(0)
		s.endLocked(ForcedClose, nil)
	default:
		s.state = closing
		s.closePollingLocked(wait)
	}
}

// Abort ends the session at once, with the reason given; what is queued may be lost.
func (s *Session) Abort(reason Reason, err error) {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abortLocked(reason, err)
}

func (s *Session) abortLocked(reason Reason, err error) {
	if s.state == closed {
		return
	}
	if c := s.ws.Load(); c != nil {
		if c.out.flushing && (reason == SlowConsumer || reason == PingTimeout) {
			c.drop() // the client does not read: a close frame would wait behind all that it has not read
		} else {
			c.closeSoonLocked(0)
		}
	}
	s.endLocked(reason, err)
}

// endLocked is the one way to the state closed.
func (s *Session) endLocked(reason Reason, err error) {
	if s.state == closed {
		return
	}
	s.state, s.reason, s.err = closed, reason, err
	// Both deferred: a fault on the way, of which there is no second try, must not keep them from their part.
	defer s.goneLocked()
	defer s.polling.endLocked()
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.probe != nil {
		s.dropProbeLocked(s.probe)
	}
}

// goneLocked has the server forget the session, and its handler told.
func (s *Session) goneLocked() {
	s.server.remove(s)
	if s.accepted {
		go s.notifyClosed()
	}
}

// notifyClosed tells the handler, and the server that waits for its sessions.
func (s *Session) notifyClosed() {
	defer s.server.running.Done()
	defer s.guard()
	s.server.counters.closed(s.reason)
	s.handler.Close(s.reason, s.err)
}

// acceptHandler asks the application for the session's handler. The application may already send, or close the session.
func (s *Session) acceptHandler() {
	var handler Handler = nobody{}
	func() {
		defer s.guard()
		handler = s.server.accept(s)
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler, s.accepted = handler, true
	s.inline, _ = handler.(InlineHandler)
	if s.state == closed {
		go s.notifyClosed()
	}
}

// nobody is the handler of a session whose own could not be made.
type nobody struct{}

func (nobody) Message([]byte, bool) {}
func (nobody) Close(Reason, error)  {}

// kill closes the connection without ceremony.
func (s *Session) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.ws.Load(); c != nil {
		c.drop()
	}
}

// writeFailed ends the session because a write to its connection failed.
func (s *Session) writeFailed(c *wsConn, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ws.Load() == c {
		s.endLocked(TransportError, err) // before the reader sees that the connection is closed, and calls it that
	}
	c.drop()
}
