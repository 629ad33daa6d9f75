package cluster

import (
	"slices"
	"time"
)

// emitter is the id of senders that are no nodes.
const emitter = "emitter"

// receive takes a message from the bus. Answers and what concerns the nodes themselves are handled at once; the rest waits
// in the queue of its namespace, whose order it keeps.
func (e *Engine) receive(m *Message) (behind bool) {
	now := time.Now()
	if m.Node == e.id || m.To != "" && m.To != e.id {
		return false
	}
	if m.Node != "" && m.Node != emitter {
		if e.peers.repeated(m.Node, m.Sequence, now) {
			e.counters.repeated.Add(1)
			return false
		}
		ask, first := e.peers.hear(m, now)
		if first {
			e.requests.revived(m.Node)
		}
		if ask {
			hello := e.hello(true)
			hello.To = m.Node
			e.publish(hello, nil)
		}
	}
	switch m.Kind {
	case KindHello:
		e.requests.moved(m.Node, m.Namespaces, m.Namespace == "")
		if m.Ask || m.Namespace != "" {
			hello := e.hello(false)
			hello.To = m.Node
			e.publish(hello, nil)
		}
	case KindHeartbeat:
	case KindBye:
		e.requests.left(m.Node, m.Namespace)
	case KindFetchAnswer, KindServerEmitAnswer, KindAckCount, KindAck, KindReleaseAnswer:
		e.requests.answer(m)
	default:
		return e.enqueue(m)
	}
	return false
}

// enqueue lets a message wait for its namespace. One for a namespace that does not live here is ignored: nobody waits for
// this node's answer.
func (e *Engine) enqueue(m *Message) (behind bool) {
	a := e.adapter(m.Namespace)
	if a == nil {
		return false
	}
	work, ok := a.inbox.push(m, messageSize(m), false)
	if !ok {
		e.counters.unheard.Add(1)
		return true
	}
	if work {
		e.spawn("messages of other nodes", a.handleAll)
	}
	return a.inbox.behind()
}

// handleAll handles the messages of other nodes until there are none.
func (a *Adapter) handleAll() {
	for {
		batch := a.inbox.take(64)
		if batch == nil {
			return
		}
		for _, m := range batch {
			a.handle(m)
		}
	}
}

// beat tells the other nodes that this one lives, and finds out which of them do not.
func (e *Engine) beat() {
	if e.outbox.asking.Load() { // the bus has not taken the hello
		e.announce(true)
	}
	e.publish(&Message{Kind: KindHeartbeat, Version: e.peers.version.Load()}, nil)
	for _, p := range e.peers.expire(time.Now(), e.config.HeartbeatTimeout) {
		e.requests.died(p.Node, p.Namespaces)
	}
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

// contains reports whether a sorted list has a name.
func contains(sorted []string, name string) bool {
	_, ok := slices.BinarySearch(sorted, name)
	return ok
}
