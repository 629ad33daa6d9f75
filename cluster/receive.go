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

// contains reports whether a sorted list has a name.
func contains(sorted []string, name string) bool {
	_, ok := slices.BinarySearch(sorted, name)
	return ok
}
