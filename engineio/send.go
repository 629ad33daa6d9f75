package engineio

import (
	"sync"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// scratches pools the packets of one Send. They would otherwise be allocated, because a connection is called through an
// interface and the compiler cannot know that it does not keep them.
var scratches = sync.Pool{New: func() any { return new([4]eio.Packet) }} // most events have fewer than four packets

// Send sends messages together, with no other message between them. The bytes may be used again after the call. It returns
// ErrClosed, ErrDropped, or ErrQueueFull when the send queue is full because the client does not read fast enough, which
// closes the session.
func (s *Session) Send(messages ...Message) error {
	if len(messages) == 0 {
		return nil
	}
	scratch := scratches.Get().(*[4]eio.Packet)
	packets := scratch[:0]
	for _, m := range messages {
		packets = append(packets, m.packet())
	}
	err := s.sendPackets(packets, messages[0].Expendable)
	*scratch = [4]eio.Packet{}
	scratches.Put(scratch)
	if err != transport.ErrUnprepared {
		return s.sent(err)
	}
	copied := make([]Message, len(messages))
	for i, m := range messages {
		m.Data = append([]byte(nil), m.Data...)
		copied[i] = m
	}
	return s.SendPrepared(Prepare(copied...), false)
}

// sendPackets has the connection encode packets from the caller's bytes, or returns ErrUnprepared.
func (s *Session) sendPackets(packets []eio.Packet, expendable bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.link.Load()
	switch {
	case s.state != open:
		return ErrClosed
	case l == nil || expendable:
		return transport.ErrUnprepared
	}
	return s.failLocked(l, l.Conn.Send(packets))
}

// SendPrepared sends prepared messages. A volatile group is dropped, with ErrDropped, when the connection cannot take it
// at once. It returns the errors of Send.
func (s *Session) SendPrepared(p *Prepared, volatile bool) error {
	g := &p.group
	if len(g.Packets) == 0 {
		return nil
	}
	if l := s.link.Load(); l != nil && l.Prepares {
		l.Conn.Prepare(g)
	}
	err := s.sendGroup(g, volatile)
	if err == ErrQueueFull && g.Expendable {
		s.server.counters.expendableDropped.Add(1)
		return ErrDropped
	}
	return s.sent(err)
}

func (s *Session) sendGroup(g *transport.Group, volatile bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state != open:
		return ErrClosed
	case volatile && !s.writableLocked():
		s.server.counters.volatileDropped.Add(1)
		return ErrDropped
	}
	return s.failLocked(s.link.Load(), s.sendLocked(g))
}

// sent closes the session if err is ErrQueueFull. It returns err.
func (s *Session) sent(err error) error {
	if err == ErrQueueFull {
		s.Abort(SlowConsumer, err)
	}
	return err
}

// prefetched is the number of sessions that are loaded into the processor's cache together. A larger number does not help,
// because each write to the kernel uses most of that cache.
const prefetched = 16

// SendTo sends the messages to many sessions, as SendPrepared does to one. It calls failed with each error and the index
// of its session; nil ignores errors. It allocates nothing, and neither does a caller that gathers sessions a few at a time.
func (p *Prepared) SendTo(sessions []*Session, volatile bool, failed func(i int, err error)) {
	for first := 0; first < len(sessions); first += prefetched {
		few := sessions[first:min(first+prefetched, len(sessions))]
		for _, s := range few { // loads them together, so that the processor waits for memory once and not for each
			if l := s.link.Load(); l != nil {
				l.Touch()
			}
		}
		for i, s := range few {
			if err := s.SendPrepared(p, volatile); err != nil && failed != nil {
				failed(first+i, err)
			}
		}
	}
}

// sendLocked passes a group to the connection or queues it for the next poll. An error other than ErrQueueFull is a failed
// write.
func (s *Session) sendLocked(g *transport.Group) error {
	if l := s.link.Load(); l != nil {
		return l.Conn.SendGroup(g)
	}
	dropped, fits := s.polling.reserveLocked(g, &s.server.limits)
	s.server.counters.expendableDropped.Add(int64(dropped))
	if !fits {
		return ErrQueueFull
	}
	s.polling.pushLocked(g)
	return nil
}

// pushLocked is sendLocked without the limits of the send queue.
func (s *Session) pushLocked(g *transport.Group) error {
	if l := s.link.Load(); l != nil {
		return l.Conn.Push(g)
	}
	s.polling.pushLocked(g)
	return nil
}

// writableLocked reports whether a message that is sent now would not have to wait.
func (s *Session) writableLocked() bool {
	if l := s.link.Load(); l != nil {
		return l.Conn.Writable()
	}
	return s.polling.poll != nil
}

// Queued returns the length of the send queue in packets and in bytes. Options.SendQueuePackets and SendQueueBytes limit
// it.
func (s *Session) Queued() (packets, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queuedLocked()
}

func (s *Session) queuedLocked() (packets, bytes int) {
	if l := s.link.Load(); l != nil {
		return l.Conn.Queued()
	}
	return s.polling.count, s.polling.bytes
}

// FlushHandler is an optional interface of a Handler that is notified when the send queue has been written.
type FlushHandler interface {
	// Flushed is called each time that the send queue of an open session becomes empty, after messages that the connection
	// did not take at once or that waited for a poll. It is called by the goroutine that wrote them, may send, and should
	// not block.
	Flushed()
}

// notifyFlushed calls a FlushHandler if the queue is empty.
func (s *Session) notifyFlushed() {
	s.mu.Lock()
	packets, _ := s.queuedLocked()
	empty := packets == 0 && s.state == open && s.accepted
	s.mu.Unlock()
	if !empty {
		return
	}
	if h, ok := s.handler.(FlushHandler); ok {
		h.Flushed()
	}
}
