package socketio

import (
	"cmp"
	"slices"
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
	parent     *ParentNamespace // nil unless it is a child
	registries []*registry      // the parent's, if there is one, and its own
	adapter    *cluster.Adapter // nil in the stand-in for a namespace that a parent may make

	serverEvents event.Mux[*Namespace] // of other nodes

	ready   chan struct{} // closed when the functions of OnNamespace have returned; until then nobody joins
	sockets atomic.Int64  // that are in it, join it, or have left and not finished; counted up under server.mu
	wanted  atomic.Bool   // a socket was connected, or the application asked for it: it stays when it is empty
	removed atomic.Bool   // by RemoveNamespace
	watched atomic.Int64  // listeners for outgoing events on single sockets
	lastID  atomic.Uint64 // acknowledgement ids count from 0 for each namespace, as in the reference
}

// Name returns the namespace's name, with its leading slash.
func (n *Namespace) Name() string { return n.name }

// nextAckID returns the id of the next event that asks a client for an acknowledgement.
func (n *Namespace) nextAckID() uint64 { return n.lastID.Add(1) - 1 }

// registered returns what is registered with one of the chains, the parent's first.
func registered[F any](n *Namespace, of func(*registry) *chain[F]) (all []*F) {
	for _, r := range n.registries {
		switch own := of(r).all(); {
		case len(all) == 0:
			all = own
		case len(own) > 0:
			all = slices.Concat(all, own)
		}
	}
	return all
}

func byName(namespaces func(yield func(*Namespace) bool)) []*Namespace {
	return slices.SortedFunc(namespaces, func(a, b *Namespace) int { return cmp.Compare(a.name, b.name) })
}
