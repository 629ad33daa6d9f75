package cluster

import (
	"context"
	"errors"
	"sync"
	"time"
)

// MemoryBus connects nodes of one process, for tests and for servers that share one. Each node gets a [Bus] of its own by
// Node. Messages are delivered while they are published.
type MemoryBus struct {
	traits BusTraits

	mu    sync.RWMutex // guards the fields below
	nodes []*memoryNode
}

// NewMemoryBus returns a bus without nodes. With rooms its nodes receive the messages of the rooms that they watch and no
// others, as with a broker that subscribes to rooms.
func NewMemoryBus(rooms bool) *MemoryBus {
	return &MemoryBus{traits: BusTraits{Rooms: rooms, Counts: true}}
}

// Node returns the bus of one more node.
func (b *MemoryBus) Node() Bus { return &memoryNode{bus: b, held: map[place]struct{}{}} }

// memoryNode is a node's end of a MemoryBus.
type memoryNode struct {
	bus *MemoryBus

	// bus.mu guards the fields below.
	node    BusNode
	started bool
	closed  bool
	since   time.Time
	held    map[place]struct{}

	receiving sync.WaitGroup // calls of Receive
}

var errMemoryBus = errors.New("cluster: the node of a memory bus is not running")

func (n *memoryNode) Traits() BusTraits { return n.bus.traits }

func (n *memoryNode) Start(_ context.Context, node BusNode) error {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	if n.started {
		return errors.New("cluster: a bus belongs to one engine")
	}
	n.started, n.node, n.since = true, node, time.Now()
	n.bus.nodes = append(n.bus.nodes, n)
	return nil
}

func (n *memoryNode) Publish(_ context.Context, messages []*Message) error {
	for _, m := range messages {
		receivers, err := n.receivers(m)
		if err != nil {
			return err
		}
		for _, other := range receivers {
			other.node.Receive(m)
			other.receiving.Done()
		}
	}
	return nil
}

// receivers returns the nodes that a message goes to. Each counts a call of Receive.
func (n *memoryNode) receivers(m *Message) (receivers []*memoryNode, err error) {
	b := n.bus
	b.mu.RLock()
	defer b.mu.RUnlock()
	if !n.started || n.closed {
		return nil, errMemoryBus
	}
	room, single := m.Room()
	for _, other := range b.nodes {
		if other == n || m.To != "" && m.To != other.node.ID {
			continue
		}
		if b.traits.Rooms && single {
			if _, watched := other.held[place{m.Namespace, room}]; !watched {
				continue
			}
		}
		other.receiving.Add(1)
		receivers = append(receivers, other)
	}
	return receivers, nil
}

func (n *memoryNode) Watch(_ context.Context, changes []Interest) error {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	if !n.started || n.closed {
		return errMemoryBus
	}
	for _, c := range changes {
		if p := (place{c.Namespace, c.Room}); c.Ended {
			delete(n.held, p)
		} else {
			n.held[p] = struct{}{}
		}
	}
	return nil
}

func (n *memoryNode) Count(_ context.Context, namespace string) (int, error) {
	n.bus.mu.RLock()
	defer n.bus.mu.RUnlock()
	if !n.started || n.closed {
		return 0, errMemoryBus
	}
	count := 0
	for _, other := range n.bus.nodes {
		if _, ok := other.held[place{namespace: namespace}]; ok {
			count++
		}
	}
	return count, nil
}

func (n *memoryNode) Health() BusHealth {
	n.bus.mu.RLock()
	defer n.bus.mu.RUnlock()
	h := BusHealth{Since: n.since, Subscriptions: len(n.held), Answered: time.Now()}
	if !n.started || n.closed {
		h.Err = errMemoryBus
	}
	return h
}

func (n *memoryNode) Close(context.Context) error {
	b := n.bus
	b.mu.Lock()
	n.closed = true
	n.held = map[place]struct{}{}
	for i, other := range b.nodes {
		if other == n {
			b.nodes = append(b.nodes[:i:i], b.nodes[i+1:]...)
			break
		}
	}
	b.mu.Unlock()
	n.receiving.Wait()
	return nil
}
