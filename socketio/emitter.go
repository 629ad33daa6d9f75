package socketio

import (
	"errors"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// Emit sends an event to the client. It does not block. Arguments may hold binary anywhere; see package parser. It
// returns ErrClosed, ErrQueueFull (the client does not keep up and is being disconnected), parser.ErrExceedsLimit (the client
// would close the connection on receiving the event) or another encoding error.
func (s *Socket) Emit(name string, args ...any) error { return s.emit(name, args, false) }

// emit is Emit for events that may be plain: not compressed.
func (s *Socket) emit(name string, args []any, plain bool) error {
	if s.nsp.server.json && !s.nsp.recovers() && !s.nsp.observed() {
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
	if state == connected && s.nsp.recovers() { // the adapter numbers and keeps it
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
	text, attachments, err := payload.AppendEvent(head, name, args, &s.nsp.server.toClients.Send)
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

// SocketEmitter sends events to one client in the manner that its methods have chosen, or begins a broadcast of that
// manner: s.Volatile().Emit is for the client, s.Volatile().To("room").Emit for others. It is a small value: every method
// returns a changed copy and leaves the socket as it is, so one may be kept, refined and used from any goroutine. Made by
// Socket.Volatile and Socket.Compress.
type SocketEmitter struct {
	s        *Socket
	volatile bool
	plain    bool // not compressed
}

// Volatile lets the event be dropped when the connection cannot take it at once.
func (e SocketEmitter) Volatile() SocketEmitter {
	e.volatile = true
	return e
}

// Compress says whether the event may be compressed; see Broadcast.Compress.
func (e SocketEmitter) Compress(compress bool) SocketEmitter {
	e.plain = !compress
	return e
}

// Emit sends an event to the client; see Socket.Emit. That a volatile event was dropped is no error.
func (e SocketEmitter) Emit(name string, args ...any) error {
	if !e.volatile {
		return e.s.emit(name, args, e.plain)
	}
	p, err := e.s.nsp.eventPacket(name, args)
	if err != nil {
		return err
	}
	if !e.s.live() {
		return ErrClosed
	}
	e.s.observe(p)
	if err := e.send(p); errors.Is(err, ErrClosed) {
		return err
	}
	return nil
}

// send hands a packet to the connection in the chosen manner.
func (e SocketEmitter) send(p *parser.Packet) error {
	how := sending{plain: e.plain}
	if !e.volatile {
		return e.s.conn.sendPacket(p, how)
	}
	prepared, err := e.s.nsp.server.prepare(p, how)
	if err != nil {
		return err
	}
	return e.s.session.SendPrepared(prepared, true)
}

// To chooses the members of rooms, without this socket.
func (e SocketEmitter) To(rooms ...string) Broadcast { return e.Broadcast().To(rooms...) }

// In is another word for To.
func (e SocketEmitter) In(rooms ...string) Broadcast { return e.Broadcast().To(rooms...) }

// Except chooses all sockets of the namespace but this one and the members of rooms.
func (e SocketEmitter) Except(rooms ...string) Broadcast { return e.Broadcast().Except(rooms...) }

// Local chooses all other sockets of this node.
func (e SocketEmitter) Local() Broadcast { return e.Broadcast().Local() }

// Broadcast chooses all sockets of the namespace but this one.
func (e SocketEmitter) Broadcast() Broadcast {
	b := e.s.nsp.Except(e.s.id)
	b.target.Volatile, b.target.NoCompress = e.volatile, e.plain
	return b
}
