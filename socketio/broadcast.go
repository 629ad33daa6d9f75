package socketio

import (
	"fmt"
	"slices"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// Broadcast is a choice of sockets of one namespace, to which events are sent together, and the manner in which they are.
// It is a small value: every method returns a changed copy, so one may be kept, refined and used from any goroutine, and
// the methods may be called in any order. Made by the methods To, In, Except, Local, Volatile and Compress of servers and
// namespaces, and by To, In, Except, Local and Broadcast of sockets.
type Broadcast struct {
	nsp    *Namespace
	target cluster.Target
}

// To adds rooms: the members of any room that was named, in this call or an earlier one, are chosen, each once. A list of
// rooms that is empty adds nobody, so To of an empty list alone chooses nobody.
func (b Broadcast) To(rooms ...string) Broadcast {
	b.target.Everyone = false
	b.target.Rooms = append(slices.Clip(b.target.Rooms), rooms...)
	return b
}

// In is another word for To.
func (b Broadcast) In(rooms ...string) Broadcast { return b.To(rooms...) }

// Except leaves out the members of these rooms; an empty list leaves out nobody. The id of a socket is a room.
func (b Broadcast) Except(rooms ...string) Broadcast {
	b.target.Except = append(slices.Clip(b.target.Except), rooms...)
	return b
}

// Local keeps the broadcast on this node of a cluster.
func (b Broadcast) Local() Broadcast {
	b.target.Local = true
	return b
}

// Volatile lets the event be dropped for sockets whose connection cannot take it at once.
func (b Broadcast) Volatile() Broadcast {
	b.target.Volatile = true
	return b
}

// Compress says whether the event may be compressed, as it may unless something else is said: by
// Options.PerMessageDeflate on a websocket, by HTTP compression on polling. False saves the time where the payload is
// compressed already.
func (b Broadcast) Compress(compress bool) Broadcast {
	b.target.NoCompress = !compress
	return b
}

// Emit sends an event to the chosen sockets. It does not block. Its errors are those of encoding, and ErrClosed after
// Shutdown; failures of single sockets are not reported.
func (b Broadcast) Emit(name string, args ...any) error {
	p, err := b.nsp.eventPacket(name, args)
	if err != nil {
		return err
	}
	return b.send(p)
}

func (b Broadcast) send(p *parser.Packet) error {
	b.observe(p)
	return b.nsp.adapter.Broadcast(p, &b.target)
}

// observe calls the listeners for an event that the chosen sockets are about to be sent. It is done here and not where
// an adapter delivers, because an adapter may do that with a lock held.
func (b *Broadcast) observe(p *parser.Packet) {
	if !b.nsp.observed() {
		return
	}
	m := (*event.Message)(message.Parse(p, nil, &b.nsp.server.toClients))
	for _, s := range b.Sockets() {
		s.sending(m)
	}
}

// Sockets returns the chosen sockets of this node, in no particular order.
func (b Broadcast) Sockets() []*Socket {
	members := b.nsp.adapter.Members(&b.target)
	sockets := make([]*Socket, len(members))
	for i, m := range members {
		sockets[i] = socketOf(m)
	}
	return sockets
}

// Emit sends an event to every socket of the namespace; see Broadcast.Emit.
func (n *Namespace) Emit(name string, args ...any) error { return n.all().Emit(name, args...) }

// To chooses the members of rooms.
func (n *Namespace) To(rooms ...string) Broadcast { return n.all().To(rooms...) }

// In is another word for To.
func (n *Namespace) In(rooms ...string) Broadcast { return n.all().To(rooms...) }

// Except chooses all sockets but the members of rooms.
func (n *Namespace) Except(rooms ...string) Broadcast { return n.all().Except(rooms...) }

// Local chooses the sockets of this node.
func (n *Namespace) Local() Broadcast { return n.all().Local() }

// Volatile chooses all sockets, for events that may be dropped.
func (n *Namespace) Volatile() Broadcast { return n.all().Volatile() }

// Compress chooses all sockets, for events that may be compressed or not; see Broadcast.Compress.
func (n *Namespace) Compress(compress bool) Broadcast { return n.all().Compress(compress) }

// Sockets returns the connected sockets of this node, in no particular order.
func (n *Namespace) Sockets() []*Socket { return n.all().Sockets() }

func (n *Namespace) all() Broadcast { return Broadcast{n, cluster.Target{Everyone: true}} }

// eventPacket encodes an event of the namespace.
func (n *Namespace) eventPacket(name string, args []any) (*parser.Packet, error) {
	if limit := n.server.opts.MaxNamespaceName; len(n.name) > limit {
		return nil, fmt.Errorf("%w: namespace name of %d bytes, MaxNamespaceName is %d", parser.ErrExceedsLimit, len(n.name), limit)
	}
	data, attachments, err := payload.MarshalEvent(name, args, &n.server.toClients.Send)
	if err != nil {
		return nil, err
	}
	return &parser.Packet{Type: parser.Event, Namespace: n.name, Data: data, Attachments: attachments}, nil
}
