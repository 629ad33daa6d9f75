package socketio

import (
	"context"

	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// SlowConsumerPolicy says what happens when a client does not read fast enough, so that its send queue is full. Volatile
// events never wait in it: they are dropped first. Then those go that DropOldest names. When that is not enough, or it
// names none, the client is disconnected with the reason SlowConsumer, and Emit returns ErrQueueFull. One slow client
// never delays others.
type SlowConsumerPolicy struct {
	// DropOldest names events of which the latest matter most, such as positions and prices. When the queue is full, those
	// that have waited longest are dropped to make room for whatever comes, which is no error; what is left arrives in
	// order. An event that asks for an acknowledgement is never dropped. With Options.Recovery one that was dropped is not
	// sent again, unless the client comes back without having received a later event. Empty means none.
	DropOldest []string
}

// slowConsumer is a SlowConsumerPolicy in the form that events are checked against. Immutable.
type slowConsumer struct{ dropOldest map[string]struct{} }

func newSlowConsumer(policy SlowConsumerPolicy) *slowConsumer {
	p := &slowConsumer{dropOldest: make(map[string]struct{}, len(policy.DropOldest))}
	for _, name := range policy.DropOldest {
		p.dropOldest[name] = struct{}{}
	}
	return p
}

// SetSlowConsumer says what happens to the events of this namespace, or of a parent's children, when a client does not
// keep up, instead of Options.SlowConsumer or what the parent says. It holds for events that are sent later.
func (r *registry) SetSlowConsumer(policy SlowConsumerPolicy) { r.slow.Store(newSlowConsumer(policy)) }

// expendable reports whether a packet of the namespace may be dropped.
func (n *Namespace) expendable(p *parser.Packet) bool {
	policy := n.server.slow
	for _, r := range n.registries { // the namespace's own comes last
		if own := r.slow.Load(); own != nil {
			policy = own
		}
	}
	if len(policy.dropOldest) == 0 || p.Type != parser.Event || p.HasID {
		return false
	}
	name, _, err := payload.EventName(p.Data)
	if err != nil {
		return false
	}
	_, named := policy.dropOldest[name]
	return named
}

// Queued returns how much waits to be written to the client, over all its namespaces, in packets and in bytes.
// Options.SendQueuePackets and SendQueueBytes bound it: who sends much can hold back in time, until OnDrain.
func (s *Socket) Queued() (packets, bytes int) { return s.conn.session.Queued() }

// OnDrain adds a function that is called when all that had to wait for a client, because it does not read fast enough or
// because a poll had to come, has been written: for each socket of the connection, in the order of its events. Times that
// follow one another closely may be told once. It returns the function that removes it.
func (r *registry) OnDrain(f func(ctx context.Context, s *Socket)) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnDrain")
	}
	return r.drain.add(f)
}

// OnDrain adds a function for this socket; it runs behind those of the namespace. See Namespace.OnDrain.
func (s *Socket) OnDrain(f func(ctx context.Context, s *Socket)) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnDrain")
	}
	return s.listeners().drain.add(f)
}

// Flushed implements engineio.FlushHandler.
func (c *connection) Flushed() {
	if c.server.drains.Load() == 0 { // as nearly always, and it may be told of each write
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sockets {
		if s.state == connected && s.awaitsDrain() {
			s.drained = true
			s.startLocked()
		}
	}
}

// awaitsDrain reports whether anybody wants to know.
func (s *Socket) awaitsDrain() bool {
	for _, r := range s.nsp.registries {
		if len(r.drain.all()) > 0 {
			return true
		}
	}
	own := s.own.Load()
	return own != nil && len(own.drain.all()) > 0
}

// tellDrained calls the functions, on the socket's worker. A panic of one has been logged by protect.
func (s *Socket) tellDrained() {
	tell := func(f func(context.Context, *Socket)) {
		_ = s.protect("drain", func() error { f(s.ctx, s); return nil })
	}
	for _, r := range s.nsp.registries {
		for _, f := range r.drain.all() {
			tell(*f)
		}
	}
	if own := s.own.Load(); own != nil {
		for _, f := range own.drain.all() {
			tell(*f)
		}
	}
}
