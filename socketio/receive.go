package socketio

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/internal/ratelog"
	"github.com/parleyio/parley/parser"
)

var (
	errOutOfPlace  = errors.New("socketio: packet out of place")
	errNotJoined   = fmt.Errorf("%w: for a namespace that is not joined", errOutOfPlace)
	errAttachments = errors.New("socketio: attachments did not come in time")
	errInbox       = errors.New("socketio: inbox full while an acknowledgement is awaited")
)

// accept makes the handler of a new session.
func (s *Server) accept(session *engineio.Session) engineio.Handler {
	c := &connection{server: s, session: session, eio3: session.Protocol() == 3, decoder: s.newDecoder(session)}
	c.slot = uint8(s.accepted.Add(1) % inlineSlots)
	c.mu.Lock()
	c.connectTimer = time.AfterFunc(s.opts.ConnectTimeout, func() {
		defer c.guard("connect timeout")
		c.connectTimeout()
	})
	c.mu.Unlock()
	s.mu.Lock()
	s.connections[c] = struct{}{}
	s.mu.Unlock()
	if c.eio3 {
		c.joinRoot()
	}
	return c
}

// connectTimeout closes a connection that has joined no namespace.
func (c *connection) connectTimeout() {
	s := c.server
	s.counters.connectTimeout.Add(1)
	c.mu.Lock()
	c.late = true
	c.mu.Unlock()
	s.log.Warn(noNamespace, noNamespace, slog.Duration("waited", s.opts.ConnectTimeout), slog.String("option", "ConnectTimeout"))
	c.session.Close()
}

// Message takes one Engine.IO message that came by polling.
func (c *connection) Message(data []byte, binary bool) { c.take(data, binary, false) }

// MessageInline takes one that came by a websocket. A handler may run during the call: see inline.
func (c *connection) MessageInline(data []byte, binary bool) { c.take(data, binary, true) }

// take takes one Engine.IO message. A packet that does not decode ends the connection with "parse error", one that is out
// of place with "forced close".
func (c *connection) take(data []byte, binary, mayInline bool) {
	p, name, args, err := c.decoder.AddEvent(data, binary)
	if err == nil && p != nil && c.eio3 {
		err = c.splitNamespace(p)
	}
	if err != nil {
		c.server.counters.exceeded(err)
		c.session.Abort(engineio.ParseError, err)
		return
	}
	if half := p == nil; half != c.half {
		c.half = half
		err = c.watchAttachments()
	}
	if err == nil && p != nil {
		err = c.dispatch(p, name, args, mayInline)
	}
	if err != nil {
		c.control.CloseFor(err) // on polling, what was sent before still reaches the next poll
	}
}

// watchAttachments bounds the time in which a packet must be complete. Who has joined nothing may not even begin one.
func (c *connection) watchAttachments() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopHalfTimerLocked()
	switch {
	case !c.half || c.closed:
		return nil
	case len(c.sockets) == 0 && len(c.kicked) == 0:
		return errNotJoined
	}
	c.halfTimer = time.AfterFunc(c.server.opts.ReadTimeout, func() {
		defer c.guard("attachments' timeout")
		c.server.counters.lateAttachments.Add(1)
		c.session.Abort(engineio.ParseError, errAttachments)
	})
	return nil
}

// dispatch handles one packet; that of an event comes with its name and the offset of its arguments; an error means that it
// was out of place.
func (c *connection) dispatch(p *parser.Packet, name string, args int, mayInline bool) error {
	if p.Namespace == "" {
		p.Namespace = "/"
	}
	if p.Type == parser.Connect {
		return c.connect(p)
	}
	s, a, err := c.receive(p)
	switch {
	case s == nil:
		return err
	case a != nil:
		return c.enqueue(s, entry{(*event.Message)(message.Answer(p, &c.server.toClients)), a}, mayInline)
	}
	return c.enqueue(s, entry{event: (*event.Message)(message.New(p, name, args, (*acker)(s), &c.server.toClients))}, mayInline)
}

// receive handles one packet, save that it returns the socket of an event, or of the answer a to a function, which is the
// caller's to enqueue.
func (c *connection) receive(p *parser.Packet) (s *Socket, a *answer, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s = c.socketLocked(p.Namespace)
	if _, kicked := c.kicked[p.Namespace]; s == nil && kicked {
		c.server.counters.latePackets.Add(1) // sent before the client knew
		return nil, nil, nil
	}
	if s == nil || s.state != connected {
		return nil, nil, errNotJoined
	}
	switch p.Type {
	case parser.Event:
		return s, nil, nil
	case parser.Ack:
		if a = c.resolveLocked(s, p); a == nil {
			s = nil
		}
		return s, a, nil
	case parser.Disconnect:
		s.closeLocked(&DisconnectError{Reason: ClientDisconnect})
		return nil, nil, nil
	default:
		return nil, nil, fmt.Errorf("%w: a packet of type %d from a client", errOutOfPlace, p.Type)
	}
}

// connect begins the joining of a namespace. Parents' functions and middlewares may take their time: they run on the
// socket's own goroutine, and until they have ended the client may send nothing for this namespace.
func (c *connection) connect(p *parser.Packet) error {
	nsp := c.server.namespace(p.Namespace)
	if nsp == nil {
		c.server.warnUnknownNamespace(p.Namespace)
		return c.refuseText(p.Namespace, errInvalidNamespace.Message)
	}
	c.mu.Lock()
	if c.socketLocked(p.Namespace) != nil {
		c.mu.Unlock()
		return fmt.Errorf("%w: a second connect to a namespace", errOutOfPlace)
	}
	if c.alive >= c.server.opts.MaxNamespaces {
		c.mu.Unlock()
		c.server.counters.tooManyNamespaces.Add(1)
		c.server.log.Warn(tooManyNamespaces, tooManyNamespaces, ratelog.Text("nsp", p.Namespace),
			slog.Int("limit", c.server.opts.MaxNamespaces), slog.String("option", "MaxNamespaces"))
		return c.refuseText(p.Namespace, "too many namespaces")
	}
	if c.closed || !c.server.begin() {
		c.mu.Unlock()
		return nil
	}
	delete(c.kicked, p.Namespace)
	s := newSocket(c, nsp, p.Data)
	c.sockets = append(c.sockets, s)
	c.alive++
	s.working = true
	c.mu.Unlock()
	c.server.workers.start(s)
	return nil
}

// enqueue puts an event, or an answer, into its socket's inbox and sees to it that somebody works on it. When the inbox is
// full it waits, and with it the reading of the connection, so that TCP slows the client down. It does not wait while
// somebody waits for an acknowledgement of the client, which only further reading can bring; the client may then send as
// many bytes once more.
//
// With mayInline the caller's goroutine may work on it itself.
func (c *connection) enqueue(s *Socket, e entry, mayInline bool) error {
	size := e.weight()
	o := &c.server.opts
	c.mu.Lock()
	for {
		switch {
		case s.state == disconnected, e.answer != nil && !s.awaitsLocked(e.answer): // its end has been given already
			c.mu.Unlock()
			return nil
		case s.inbox.fits(size, o), c.waits > 0 && s.inbox.bytes+size <= 2*o.InboxBytes:
			if e.answer != nil {
				delete(s.acks, e.answer.id)
			}
			s.inbox.pushLocked(e)
			if mayInline && !s.working && c.waits == 0 {
				if run := c.server.inline.start(c); run != 0 {
					s.working, c.inlineRun = true, run
					c.mu.Unlock()
					c.workInline(s, run)
					return nil
				}
			}
			s.startLocked()
			c.mu.Unlock()
			return nil
		case c.waits > 0:
			c.mu.Unlock()
			c.server.counters.inboxOverflows.Add(1)
			return errInbox
		}
		space := make(chan struct{})
		c.space = space
		c.mu.Unlock()
		c.server.counters.inboxStalls.Add(1)
		c.control.Stalled(true)
		<-space
		c.control.Stalled(false)
		c.mu.Lock()
	}
}
