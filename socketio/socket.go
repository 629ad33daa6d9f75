package socketio

import (
	"context"
	"encoding/json"
	"sync/atomic"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// Socket is one client in one namespace. A client that comes back after a disconnect is another Socket. All methods may
// be called from any goroutine.
type Socket struct {
	// Immutable after construction, save that the worker gives a recovered socket its id before anybody sees it.
	id        string
	session   *engineio.Session // that of conn: a broadcast needs nothing else
	recovery  recovery
	nsp       *Namespace // a stand-in until enter has found it; changed with conn.mu held, before the application sees it
	conn      *connection
	handshake Handshake
	ctx       context.Context
	cancel    context.CancelCauseFunc

	events atomic.Pointer[event.Mux[*Socket]] // handlers of this socket alone; nil while there are none
	own    atomic.Pointer[listeners]          // what else is registered on this socket alone; nil while nothing is
	told   atomic.Bool                        // finish has run or will not run

	entered bool // nsp counts the socket; owned by the worker, then by who tells of the disconnect

	// conn.mu guards the fields below.
	state      state
	why        *DisconnectError // nil until it has disconnected
	rooms      []string         // while it is not connected: the rooms that it will join, or had at its disconnect
	joined     int              // rooms that Join has counted
	inbox      inbox
	drained    bool // OnDrain is to be told
	working    bool // a worker runs
	worked     bool // the last worker has left the telling of the disconnect to the handlers that run beside it
	concurrent int  // handlers that run beside the order
	accepted   bool // it was connected: its disconnect is told
	acks       map[uint64]func(*parser.Packet)
	data       map[any]any
}

func newSocket(c *connection, nsp *Namespace, auth []byte) *Socket {
	s := &Socket{
		id:        c.socketID(nsp.name),
		session:   c.session,
		nsp:       nsp,
		conn:      c,
		handshake: Handshake{auth: json.RawMessage(auth), request: c.session.Request()},
	}
	s.ctx, s.cancel = context.WithCancelCause(c.server.base)
	return s
}

// ID returns the socket's id: 20 characters that other clients may know. It is also a room with this socket alone. For
// a client of Socket.IO 2 it follows from the id of its session, as that client computes it: see Options.AllowEIO3.
func (s *Socket) ID() string { return s.id }

// Namespace returns the namespace that the socket is in.
func (s *Socket) Namespace() *Namespace { return s.nsp }

// Handshake returns what the client said of itself when it connected.
func (s *Socket) Handshake() *Handshake { return &s.handshake }

// Transport returns what carries the connection now.
func (s *Socket) Transport() engineio.Transport { return s.conn.session.Transport() }

// Connected reports whether the socket has been accepted and has not disconnected.
func (s *Socket) Connected() bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.state == connected
}

// Err returns nil until the socket has disconnected, and then a *DisconnectError: the reason that OnDisconnect is told,
// and the details behind it.
func (s *Socket) Err() error {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.why == nil {
		return nil
	}
	return s.why
}

// On adds a handler for events of this socket; it runs behind those of the namespace. See Namespace.On.
func (s *Socket) On(name string, h event.Handler[*Socket]) (off func()) {
	events := s.events.Load()
	if events == nil {
		s.events.CompareAndSwap(nil, new(event.Mux[*Socket]))
		events = s.events.Load()
	}
	return events.On(name, h)
}

// OnDisconnect adds a function that is called once when the socket has disconnected; see Namespace.OnDisconnect. It is
// not called when the disconnect has been told already.
func (s *Socket) OnDisconnect(f func(ctx context.Context, s *Socket, reason Reason)) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnDisconnect")
	}
	return s.listeners().disconnect.add(f)
}

// Emit sends an event to the client. It does not block. Arguments may hold binary anywhere; see package parser. It
// returns ErrClosed, ErrQueueFull (the client does not keep up and is being disconnected) or an encoding error.
func (s *Socket) Emit(name string, args ...any) error { return s.emit(name, args, false) }

// emit is Emit for events that may be plain: not compressed.
func (s *Socket) emit(name string, args []any, plain bool) error {
	if s.nsp.server.json && s.nsp.recoverer == nil && !s.nsp.observed() {
		return s.emitUnseen(name, args, plain)
	}
	p, err := s.nsp.eventPacket(name, args)
	if err != nil {
		return err
	}
	s.conn.mu.Lock()
	state := s.state
	s.conn.mu.Unlock()
	if state == disconnected {
		return ErrClosed
	}
	s.observe(p)
	if state == connected && s.nsp.recoverer != nil { // the adapter numbers and keeps it
		err := s.nsp.adapter.Broadcast(p, &cluster.Target{Rooms: []string{s.id}, NoCompress: plain})
		if err == nil && s.conn.overflowed.Load() { // of which a broadcast does not tell
			return ErrQueueFull
		}
		return err
	}
	return s.conn.sendPacket(p, sending{plain: plain, expendable: s.nsp.expendable(p)})
}

// emitUnseen is emit where nobody but the client sees the packet, so that nothing of it need be kept.
func (s *Socket) emitUnseen(name string, args []any, plain bool) error {
	scratch := scratches.Get().(*[]byte)
	defer giveScratch(scratch)
	head, err := appendEventHead((*scratch)[:0], s.nsp.name)
	if err != nil {
		return err
	}
	text, attachments, err := payload.AppendEvent(head, name, args)
	*scratch = text
	if err != nil {
		return err
	}
	if !s.live() {
		return ErrClosed
	}
	p := parser.Packet{Type: parser.Event, Namespace: s.nsp.name, Data: text[len(head):], Attachments: attachments}
	how := sending{plain: plain, expendable: s.nsp.expendable(&p)}
	if len(attachments) > 0 {
		packet := p // a copy, so that p stays off the heap where it is not sent as a packet
		return s.conn.sendPacket(&packet, how)
	}
	return s.conn.sendText(text, how)
}

// appendEventHead appends what stands before the payload in the text of an event without an id or attachments.
func appendEventHead(dst []byte, namespace string) ([]byte, error) {
	const none = "[]"
	text, err := parser.JSON{}.AppendEncode(dst, &parser.Packet{Type: parser.Event, Namespace: namespace, Data: []byte(none)})
	if err != nil {
		return dst, err
	}
	return text[:len(text)-len(none)], nil
}

// live reports whether packets for the socket may be sent: middlewares may send too.
func (s *Socket) live() bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.state != disconnected
}

// Volatile returns an emitter whose events are dropped when the connection cannot take them at once.
func (s *Socket) Volatile() SocketEmitter { return SocketEmitter{s: s, volatile: true} }

// Compress returns an emitter whose events may be compressed or not; see Broadcast.Compress.
func (s *Socket) Compress(compress bool) SocketEmitter { return SocketEmitter{s: s, plain: !compress} }

// To chooses the members of rooms, without this socket.
func (s *Socket) To(rooms ...string) Broadcast { return s.Broadcast().To(rooms...) }

// In is another word for To.
func (s *Socket) In(rooms ...string) Broadcast { return s.To(rooms...) }

// Except chooses all sockets of the namespace but this one and the members of rooms.
func (s *Socket) Except(rooms ...string) Broadcast { return s.Broadcast().Except(rooms...) }

// Local chooses all other sockets of this node.
func (s *Socket) Local() Broadcast { return s.Broadcast().Local() }

// Broadcast chooses all sockets of the namespace but this one.
func (s *Socket) Broadcast() Broadcast { return SocketEmitter{s: s}.Broadcast() }
