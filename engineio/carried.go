package engineio

import (
	"errors"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// carried is the view of a session that its connection has, or a connection that probes it for an upgrade. It implements
// transport.Session.
type carried Session

// Receive implements transport.Session.
func (c *carried) Receive(l *transport.Link, p eio.Packet, wrong error) (message bool, err error) {
	s := (*Session)(c)
	s.mu.Lock()
	active, state := s.link.Load() == l, s.state
	s.mu.Unlock()
	switch {
	case !active:
		return false, s.receiveProbe(l, p, wrong)
	case state != open:
		return false, nil // packets of the client are ignored while the session is closing
	case wrong != nil:
		return false, s.endBy(l, &endError{ParseError, wrong})
	case p.Type != eio.TypeMessage:
		if err := l.CountControl(); err != nil {
			return false, err
		}
	}
	if err = s.receivePacket(p, true); err != nil {
		err = s.endBy(l, err)
	}
	return p.Type == eio.TypeMessage, err
}

// endBy ends the session and returns ErrEnded if err is an *endError. Otherwise it returns err.
func (s *Session) endBy(l *transport.Link, err error) error {
	var end *endError
	if !errors.As(err, &end) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if end.reason == SlowConsumer {
		l.Conn.Drop() // a close frame would wait behind everything that the client has not read
	} else {
		l.Conn.Close(false)
	}
	s.endLocked(end.reason, end.err)
	return transport.ErrEnded
}

// reasonOf maps the cause for which a connection ended to the reason of its session.
var reasonOf = [...]Reason{
	transport.Closed: TransportClose,
	transport.Failed: TransportError,
	transport.Unread: SlowConsumer,
}

// Ended implements transport.Session.
func (c *carried) Ended(l *transport.Link, cause transport.Cause, err error) {
	s := (*Session)(c)
	if s.probe == l {
		s.forgetProbeLocked()
	}
	if cause == transport.Failed {
		s.server.counters.violated(err)
		timedOut(&s.server.counters.readTimeouts, err)
	}
	if s.link.Load() == l {
		s.endLocked(reasonOf[cause], err)
	}
}

// WriteFailed implements transport.Session.
func (c *carried) WriteFailed(l *transport.Link, err error) {
	timedOut(&c.server.counters.writeTimeouts, err)
	(*Session)(c).writeFailed(l, err)
}

// Flushed implements transport.Session.
func (c *carried) Flushed(l *transport.Link) {
	if c.link.Load() == l {
		(*Session)(c).notifyFlushed()
	}
}

// Shed implements transport.Session.
func (c *carried) Shed(groups int) { c.server.counters.expendableDropped.Add(int64(groups)) }

// Guard implements transport.Session.
func (c *carried) Guard() {
	if fault := recover(); fault != nil {
		(*Session)(c).fault(fault)
	}
}

// Gone implements transport.Session.
func (c *carried) Gone() { c.server.running.Done() }
