package socketio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/internal/transport"
	"github.com/parleyio/parley/parser"
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
	alive        int       // sockets whose disconnect has not been told, which may be more
	closed       bool
	connectTimer *time.Timer // closes a connection that joins nothing; nil once one has joined
	halfTimer    *time.Timer // closes a connection whose attachments do not come; nil unless some are awaited

	data   map[any]any         // of NewConnectionData
	kicked map[string]struct{} // namespaces that the server made the client leave; nil while there are none

	inlineRun  uint64        // the handler that runs on the reading goroutine, and keeps it from reading; zero for none
	acks       int           // acknowledgements that the client owes, over all sockets
	concurrent int           // handlers that run beside their socket's order
	room       chan struct{} // closed when a full inbox may have room; nil unless the reader waits
}

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
		s.counters.connectTimeout.Add(1)
		session.Close()
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

// SetControl implements transport.Controlled.
func (c *connection) SetControl(control transport.Control) { c.control = control }

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
		c.session.Abort(engineio.ForcedClose, err)
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
	s, err := c.receive(p)
	if s == nil {
		return err
	}
	return c.enqueue(s, (*event.Message)(message.New(p, name, args, (*acker)(s))), mayInline)
}

// receive handles one packet, save that it returns the socket of an event, which is the caller's to enqueue.
func (c *connection) receive(p *parser.Packet) (*Socket, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.socketLocked(p.Namespace)
	if _, kicked := c.kicked[p.Namespace]; s == nil && kicked {
		c.server.counters.latePackets.Add(1) // sent before the client knew
		return nil, nil
	}
	if s == nil || s.state != connected {
		return nil, errNotJoined
	}
	switch p.Type {
	case parser.Event:
		return s, nil
	case parser.Ack:
		c.resolveLocked(s, p)
		return nil, nil
	case parser.Disconnect:
		s.closeLocked(&DisconnectError{Reason: ClientDisconnect})
		return nil, nil
	default:
		return nil, fmt.Errorf("%w: a packet of type %d from a client", errOutOfPlace, p.Type)
	}
}

// connect begins the joining of a namespace. Parents' functions and middlewares may take their time: they run on the
// socket's own goroutine, and until they have ended the client may send nothing for this namespace.
func (c *connection) connect(p *parser.Packet) error {
	nsp := c.server.namespace(p.Namespace)
	if nsp == nil {
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

// marshalRefusal encodes the reason why a namespace is not joined (socket.io-protocol v5, "Connection to a namespace").
func marshalRefusal(reason *event.Error) ([]byte, error) {
	return payload.MarshalValue(struct {
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}{reason.Message, reason.Data})
}

// refuse answers a connect with an encoded refusal.
func (c *connection) refuse(namespace string, payload []byte) {
	// Closed: nobody to tell.
	_ = c.send(&parser.Packet{Type: parser.ConnectError, Namespace: namespace, Data: payload})
}

func (c *connection) refuseText(namespace, message string) error {
	payload, err := marshalRefusal(&event.Error{Message: message})
	if err == nil {
		c.refuse(namespace, payload)
	}
	return err
}

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

// send encodes a packet for this connection alone and hands it over without blocking.
func (c *connection) send(p *parser.Packet) error { return c.sendPacket(p, sending{}) }

// sendPacket is send for packets that are sent in their own way.
func (c *connection) sendPacket(p *parser.Packet, how sending) error {
	if c.server.json && len(p.Attachments) == 0 {
		scratch := scratches.Get().(*[]byte)
		defer giveScratch(scratch)
		text, err := parser.JSON{}.AppendEncode((*scratch)[:0], p)
		*scratch = text
		if err != nil {
			return err
		}
		return c.sendText(text, how)
	}
	var few [4]engineio.Message
	messages, err := c.server.appendMessages(few[:0], p, how)
	if err != nil {
		return err
	}
	return sendError(c.session.Send(messages...))
}

// sendText is sendPacket for the text of a packet that has no attachments. The bytes may be used again after the call.
func (c *connection) sendText(text []byte, how sending) error {
	return sendError(c.session.Send(how.message(text, false)))
}

// sendError is the error of a session, except that it is no failure to drop what may be dropped.
func sendError(err error) error {
	if errors.Is(err, ErrDropped) {
		return nil
	}
	return err
}

// Close ends all sockets of the session.
func (c *connection) Close(reason engineio.Reason, err error) {
	if err != nil {
		log := c.server.opts.Logger
		log.LogAttrs(context.Background(), slog.LevelDebug, "connection closed",
			slog.String("reason", string(reason)), slog.Any("err", err))
	}
	c.end(&DisconnectError{Reason: Reason(reason), Err: err})
	c.server.forget(c)
}

// ShuttingDown implements engineio.ShutdownHandler.
func (c *connection) ShuttingDown() { c.end(&DisconnectError{Reason: ShuttingDown}) }

// end closes the sockets; the session is the caller's affair.
func (c *connection) end(why *DisconnectError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.stopConnectTimerLocked()
	c.stopHalfTimerLocked()
	for _, s := range slices.Clone(c.sockets) {
		s.endLocked(why)
	}
	c.server.users.leave(c)
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

// scratches are buffers for packets that go to one connection only.
var scratches = sync.Pool{New: func() any { return new([]byte) }}

// giveScratch takes a buffer back, unless it has grown too large to keep.
func giveScratch(b *[]byte) {
	if cap(*b) <= 64<<10 {
		scratches.Put(b)
	}
}
