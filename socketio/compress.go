package socketio

import "github.com/parleyio/parley/event"

// Compress says whether the event may be compressed, as it may unless something else is said: by
// Options.PerMessageDeflate on a websocket, by HTTP compression on polling. False saves the time where the payload is
// compressed already.
func (b Broadcast) Compress(compress bool) Broadcast {
	b.target.NoCompress = !compress
	return b
}

// Compress chooses all sockets of the namespace; see Broadcast.Compress.
func (n *Namespace) Compress(compress bool) Broadcast { return n.all().Compress(compress) }

// Compress chooses all sockets of the namespace "/"; see Broadcast.Compress.
func (s *Server) Compress(compress bool) Broadcast { return s.root.Compress(compress) }

// Compress returns an emitter to this client whose events may be compressed or not; see Broadcast.Compress.
func (s *Socket) Compress(compress bool) event.Emitter { return compressEmitter{s, !compress} }

type compressEmitter struct {
	s     *Socket
	plain bool
}

// Emit implements event.Emitter; see Socket.Emit.
func (c compressEmitter) Emit(name string, args ...any) error { return c.s.emit(name, args, c.plain) }
