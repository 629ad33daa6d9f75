package engineio

import (
	"errors"
	"fmt"

	"github.com/parleyio/parley/internal/eio"
)

var (
	errHeartbeatDirection = errors.New("engineio: invalid heartbeat direction")
	errClosedByPacket     = errors.New("engineio: closed by the client's close packet")
)

// endError is a packet that ends the session with a reason.
type endError struct {
	reason Reason
	err    error
}

func (e *endError) Error() string { return e.err.Error() }
func (e *endError) Unwrap() error { return e.err }

// receiveFrame handles one websocket message, on the connection's reading goroutine. It returns the type of the packet,
// or that of one which says nothing.
func (s *Session) receiveFrame(c *wsConn, data []byte, binary bool) (kind eio.Type, err error) {
	s.mu.Lock()
	active, state := s.ws.Load() == c, s.state
	s.mu.Unlock()
	if !active {
		err := s.receiveProbe(c, data, binary)
		if err == nil {
			s.tellUpgraded(c)
		}
		return eio.TypeNoop, err
	}
	if state != open {
		return eio.TypeNoop, nil // what a client sends into a closing session is ignored
	}
	var p eio.Packet
	if binary {
		p, err = s.revision.DecodeBinary(data)
	} else {
		p, err = s.revision.DecodeText(data)
	}
	if err != nil {
		return eio.TypeNoop, &endError{ParseError, err}
	}
	if p.Type != eio.TypeMessage {
		if err := c.in.countControl(); err != nil {
			return p.Type, err
		}
	}
	return p.Type, s.receivePacket(p, true)
}

// receivePacket handles one packet of the main transport. An *endError says how the session ends. inline says that the
// goroutine may be replaced as the one that reads.
func (s *Session) receivePacket(p eio.Packet, inline bool) error {
	if p.Type != eio.TypePong {
		s.alive()
	}
	switch p.Type {
	case eio.TypeMessage:
		s.deliver(p, inline)
	case eio.TypePong:
		return s.pong()
	case eio.TypePing:
		return s.ping()
	case eio.TypeClose:
		return &endError{TransportClose, errClosedByPacket}
	}
	return nil // open, upgrade and noop mean nothing here
}

// readingEnded ends what c was for, on its reading goroutine, and sees to the close handshake.
func (s *Session) readingEnded(c *wsConn, err error) {
	if discard, framed := s.endReading(c, err); discard {
		c.discard(framed)
	}
}

// endReading says whether the rest of what the client sends is to be dropped, and whether it is still frames.
func (s *Session) endReading(c *wsConn, err error) (discard, framed bool) {
	var (
		peer      *peerClosed
		violation *eio.Violation
		end       *endError
	)
	s.mu.Lock()
	defer s.mu.Unlock()
	active := s.ws.Load() == c
	if s.probe == c {
		s.forgetProbeLocked()
	}
	reason := TransportError
	discard = true
	switch {
	case errors.As(err, &peer):
		reason, err = TransportClose, nil
		c.sendCloseLocked(peer.code)
		c.finishLocked(endAtOnce)
		discard = c.out.flushing // the flusher closes the connection when the answer has been written
	case errors.As(err, &violation):
		s.server.counters.violated(violation.Err)
		c.sendCloseLocked(violation.Code)
		c.finishLocked(endHalf)
	case errors.As(err, &end):
		reason, err, framed = end.reason, end.err, true
		if reason == SlowConsumer {
			discard = false // a close frame would wait behind all that the client has not read
			break
		}
		c.closeSoonLocked(0)
	case lost(err):
		reason, discard = TransportClose, false
	case c.in.ended(): // the close frame was not answered in time
		discard = false
	default: // a deadline passed in the middle of a message, reading failed, or the upgrade was refused
		framed = errors.Is(err, errProbe)
		timedOut(&s.server.counters.readTimeouts, err)
		err = fmt.Errorf("engineio: reading: %w", err)
		c.closeSoonLocked(0)
		if !framed {
			c.in.end() // a deadline that has passed would end discarding before the close frame is written
		}
	}
	if active {
		s.endLocked(reason, err)
	}
	return discard, framed
}
