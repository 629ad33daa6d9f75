package socketio

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/event"
)

// Namespace is one of the separate conversations that a connection can carry. What is registered on it holds for all its
// sockets and costs no memory for each. All methods may be called from any goroutine; what is registered later holds
// for sockets that connect, and events that arrive, later.
type Namespace struct {
	registry

	// Immutable after construction.
	name       string
	server     *Server
	parent     *ParentNamespace  // nil unless it is a child
	registries []*registry       // the parent's, if there is one, and its own
	adapter    cluster.Adapter   // nil in the stand-in for a namespace that a parent may make
	recoverer  cluster.Recoverer // the adapter, if it can bring sockets back; otherwise nil

	serverEvents event.Mux[*Namespace] // of other nodes

	ready   chan struct{} // closed when the application has been told of the namespace; until then nobody joins
	sockets atomic.Int64  // that are in it, join it, or have left and not been told; counted up under server.mu
	wanted  atomic.Bool   // a socket was connected, or the application asked for it: it stays when it is empty
	removed atomic.Bool   // by RemoveNamespace
	watched atomic.Int64  // listeners for outgoing events on single sockets
	lastID  atomic.Uint64 // acknowledgement ids count from 0 for each namespace, as in the reference

	mu   sync.RWMutex       // guards live
	live map[string]*Socket // by pid, with recovery only
}

func newNamespace(name string, server *Server, parent *ParentNamespace) (*Namespace, error) {
	n := &Namespace{name: name, server: server, parent: parent, ready: make(chan struct{})}
	if parent != nil {
		n.registries = append(n.registries, &parent.registry)
	}
	n.registries = append(n.registries, &n.registry)
	n.drain.total = &server.drains
	adapter, err := server.opts.Adapter(name, deliverer{n})
	if err != nil {
		return nil, err
	}
	n.adapter = adapter
	n.recoverer, _ = adapter.(cluster.Recoverer)
	if server.opts.Recovery != nil && n.recoverer == nil {
		return nil, errors.New("Options.Recovery is set, and the adapter cannot recover sockets")
	}
	return n, nil
}

// Name returns the namespace's name, with its leading slash.
func (n *Namespace) Name() string { return n.name }

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

// Rooms returns the rooms that sockets of this node have joined, sorted. The id of a socket is among them only if
// another one has joined it. It asks for the rooms of every socket: to follow large namespaces there is ObserveRooms.
func (n *Namespace) Rooms() []string {
	found := map[string]struct{}{}
	for _, m := range n.all().Sockets() {
		for _, room := range n.adapter.Rooms(m.id) {
			found[room] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func (n *Namespace) all() Broadcast { return Broadcast{n, cluster.Target{Everyone: true}} }

// nextAckID returns the id of the next event that asks a client for an acknowledgement.
func (n *Namespace) nextAckID() uint64 { return n.lastID.Add(1) - 1 }
