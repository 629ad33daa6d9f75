package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"regexp"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// ParentNamespace makes a namespace, its child, when a client asks for one that does not exist and whose name it takes.
//
// What is registered on it holds for the sockets of all its children, those that exist included, and is run before what
// is registered on a child. All methods may be called from any goroutine.
type ParentNamespace struct {
	registry

	// Immutable after construction.
	server  *Server
	match   func(ctx context.Context, name string, auth json.RawMessage) (bool, error)
	pattern *regexp.Regexp // nil for one of OfFunc

	children map[string]*Namespace // by name; guarded by server.mu
}

// Children returns the children that exist on this node, by name.
func (p *ParentNamespace) Children() []*Namespace {
	p.server.mu.RLock()
	defer p.server.mu.RUnlock()
	return byName(maps.Values(p.children))
}

// Emit sends an event to every socket of all children; see ParentBroadcast.Emit.
func (p *ParentNamespace) Emit(name string, args ...any) error { return p.all().Emit(name, args...) }

// To chooses the members of rooms, in all children.
func (p *ParentNamespace) To(rooms ...string) ParentBroadcast { return p.all().To(rooms...) }

// In is another word for To.
func (p *ParentNamespace) In(rooms ...string) ParentBroadcast { return p.all().To(rooms...) }

// Except chooses all sockets of all children but the members of rooms.
func (p *ParentNamespace) Except(rooms ...string) ParentBroadcast { return p.all().Except(rooms...) }

// Local chooses the sockets of all children on this node.
func (p *ParentNamespace) Local() ParentBroadcast { return p.all().Local() }

// Volatile chooses all sockets of all children, for events that may be dropped.
func (p *ParentNamespace) Volatile() ParentBroadcast { return p.all().Volatile() }

// Compress chooses all sockets of all children, for events that may be compressed or not.
func (p *ParentNamespace) Compress(compress bool) ParentBroadcast { return p.all().Compress(compress) }

func (p *ParentNamespace) all() ParentBroadcast {
	return ParentBroadcast{p, Broadcast{target: cluster.Target{Everyone: true}}}
}

// ParentBroadcast is the same choice of sockets in each child of a parent namespace. It is a small value like Broadcast,
// with its methods.
type ParentBroadcast struct {
	parent *ParentNamespace
	each   Broadcast // in each child, without its namespace
}

// To adds rooms; see Broadcast.To.
func (b ParentBroadcast) To(rooms ...string) ParentBroadcast {
	b.each = b.each.To(rooms...)
	return b
}

// In is another word for To.
func (b ParentBroadcast) In(rooms ...string) ParentBroadcast { return b.To(rooms...) }

// Except leaves out the members of these rooms; see Broadcast.Except.
func (b ParentBroadcast) Except(rooms ...string) ParentBroadcast {
	b.each = b.each.Except(rooms...)
	return b
}

// Local keeps the broadcast on this node of a cluster.
func (b ParentBroadcast) Local() ParentBroadcast {
	b.each = b.each.Local()
	return b
}

// Volatile lets the event be dropped for sockets whose connection cannot take it at once.
func (b ParentBroadcast) Volatile() ParentBroadcast {
	b.each = b.each.Volatile()
	return b
}

// Compress says whether the event may be compressed; see Broadcast.Compress.
func (b ParentBroadcast) Compress(compress bool) ParentBroadcast {
	b.each = b.each.Compress(compress)
	return b
}

// Emit sends an event to the chosen sockets of the children that exist on this node; of these also to the sockets on
// other nodes. It does not block. Its errors are those of Broadcast.Emit; a child that is removed meanwhile is left out.
func (b ParentBroadcast) Emit(name string, args ...any) error {
	data, attachments, err := payload.MarshalEvent(name, args, &b.parent.server.toClients.Send)
	if err != nil {
		return err
	}
	for _, child := range b.parent.Children() {
		each := b.each
		each.nsp = child
		err := each.send(&parser.Packet{Type: parser.Event, Namespace: child.name, Data: data, Attachments: attachments})
		switch {
		case err == nil:
		case !errors.Is(err, ErrClosed):
			return err
		case b.parent.server.base.Err() != nil:
			return err // it is the server that is closed
		}
	}
	return nil
}
