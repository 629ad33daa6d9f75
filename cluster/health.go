package cluster

import (
	"time"
)

// Peer is another node, as Health shows it.
type Peer struct {
	// Node is its id.
	Node string
	// Heard is when its last message came.
	Heard time.Time
	// Namespaces are those that live on it, as far as it is known, sorted.
	Namespaces []string
}

// Health is what a node knows of its cluster without asking anybody.
type Health struct {
	// Node is this node's id.
	Node string
	// Bus and Log are the states of the brokers; zero without one.
	Bus, Log BusHealth
	// Peers are the other nodes, by id. Nodes that the broker only counts are not among them.
	Peers []Peer

	// Unsent is the number of messages that the bus did not take, Unheard of those that came faster than they could be
	// handled, Repeated of those that came again and were dropped.
	Unsent, Unheard, Repeated int64
	// Degraded is the number of rooms that were joined before the bus had subscribed to them.
	Degraded int64
	// Healed is the number of times that entries of a log had to be read because they were not delivered; Lost is the
	// number of times that they were gone, so that clients had to come back as new ones.
	Healed, Lost int64
}

// Health returns what this node knows of its cluster.
func (e *Engine) Health() Health {
	h := Health{
		Node: e.id, Peers: e.peers.list(),
		Unsent: e.counters.unsent.Load(), Unheard: e.counters.unheard.Load(), Repeated: e.counters.repeated.Load(),
		Degraded: e.counters.degraded.Load(), Healed: e.counters.healed.Load(), Lost: e.counters.lost.Load(),
	}
	if e.bus != nil {
		h.Bus = e.bus.Health()
	}
	if e.record != nil {
		h.Log = e.record.Health()
	}
	return h
}
