package cluster

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

// outbox brings messages to the bus in the order in which they were published. A queue keeps callers from waiting.
type outbox struct {
	queue[outgoing]
	sequence uint64 // of the last message; guarded by queue.mu

	hello  atomic.Bool // a Hello is due: it is made when its turn comes, so that many changes make one
	asking atomic.Bool // it asks for the others'

	warned atomic.Int64 // when a loss was last logged, in Unix seconds
}

// outgoing is a message that waits for the bus.
type outgoing struct {
	message *Message
	failed  func(error) // called when it was not sent; may be nil
}

// publish hands a message to the bus, later. It reports false when it is dropped, in which case failed is not called.
func (e *Engine) publish(m *Message, failed func(error)) bool {
	m.Node = e.id
	urgent := m.Kind != KindBroadcast || m.Request != ""
	o := &e.outbox
	o.mu.Lock()
	o.sequence++
	m.Sequence = o.sequence
	work, ok := o.pushLocked(outgoing{m, failed}, messageSize(m), urgent)
	o.mu.Unlock()
	if !ok {
		e.unsent(1, ErrQueueFull)
		return false
	}
	if work {
		return e.spawn("publishing", e.send)
	}
	return true
}

// announce lets the other nodes know of this node's namespaces, and with ask wants to know of theirs.
func (e *Engine) announce(ask bool) {
	if ask {
		e.outbox.asking.Store(true)
	}
	if !e.outbox.hello.Swap(true) && e.outbox.resume() {
		e.spawn("publishing", e.send)
	}
}

// hello returns what this node says of its namespaces.
func (e *Engine) hello(ask bool) *Message {
	return &Message{Kind: KindHello, Namespaces: e.namespaces(), Version: e.peers.version.Load(), Ask: ask}
}

// send works on the queue until it is empty.
func (e *Engine) send() {
	const most = 256
	o := &e.outbox
	for {
		if o.hello.Load() {
			ask := o.asking.Swap(false)
			o.hello.Store(false)
			m := e.hello(ask)
			m.Node = e.id
			o.mu.Lock()
			o.sequence++
			m.Sequence = o.sequence
			o.mu.Unlock()
			if !e.transmit([]outgoing{{m, nil}}) && ask {
				o.asking.Store(true) // with the next heartbeat
			}
		}
		batch := o.take(most)
		if batch == nil {
			if o.hello.Load() && o.resume() {
				continue // it became due while the worker was about to end
			}
			return
		}
		if !e.transmit(batch) && e.closing.Load() {
			e.unsent(o.drop(), ErrClosed) // the broker is away: nobody waits for it any more
		}
	}
}

// resume reports whether the caller is to be the worker: there is none.
func (o *outbox) resume() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.working {
		return false
	}
	o.working = true
	return true
}

// transmit publishes a batch. It reports whether it was sent.
func (e *Engine) transmit(batch []outgoing) bool {
	messages := make([]*Message, len(batch))
	for i := range batch {
		messages[i] = batch[i].message
	}
	ctx, cancel := context.WithTimeout(e.ctx, e.config.RequestTimeout)
	defer cancel()
	err := errors.New("cluster: the bus has panicked")
	func() {
		defer e.guard("publishing")
		err = e.bus.Publish(ctx, messages)
	}()
	if err == nil {
		return true
	}
	e.unsent(len(batch), err)
	for _, o := range batch {
		if o.failed != nil {
			o.failed(err)
		}
	}
	return false
}

// unsent counts messages that other nodes will not have, and says so in the log, once in a while.
func (e *Engine) unsent(n int, err error) {
	e.counters.unsent.Add(int64(n))
	now, before := time.Now().Unix(), e.outbox.warned.Load()
	if now-before < 10 || !e.outbox.warned.CompareAndSwap(before, now) {
		return
	}
	e.log.Warn("messages were not sent to the other nodes", slog.Int64("total", e.counters.unsent.Load()),
		slog.String("node", e.id), slog.Any("err", err))
}

// messageSize is about what a message holds in memory.
func messageSize(m *Message) int {
	size := 256 + len(m.Data) + len(m.Answer.Data)
	if m.Packet != nil {
		size += len(m.Packet.Data)
		for _, attachment := range m.Packet.Attachments {
			size += len(attachment)
		}
	}
	for _, attachment := range m.Answer.Attachments {
		size += len(attachment)
	}
	for _, s := range m.Sockets {
		size += len(s.Handshake) + len(s.Data)
	}
	for _, names := range [][]string{m.Target.Rooms, m.Target.Except, m.Rooms, m.IDs, m.Namespaces} {
		for _, name := range names {
			size += 16 + len(name)
		}
	}
	return size
}
