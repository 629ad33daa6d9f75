package socketio

import (
	"errors"

	"github.com/parleyio/parley/parser"
)

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
