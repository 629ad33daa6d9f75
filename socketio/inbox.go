package socketio

import (
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
)

// messageOverhead is what a waiting event counts beside its bytes.
const messageOverhead = 256

// weight is what a waiting event counts.
func weight(m *event.Message) int { return (*message.Message)(m).Size() + messageOverhead }

// inbox holds the events of one socket that wait to be handled. The connection's mutex guards it.
type inbox struct {
	queue []*event.Message
	first [1]*event.Message // room for the usual queue
	bytes int
}

func (b *inbox) pushLocked(m *event.Message) {
	if b.queue == nil {
		b.queue = b.first[:0]
	}
	b.queue = append(b.queue, m)
	b.bytes += weight(m)
}

// popLocked takes the first event and reports whether there are more.
func (b *inbox) popLocked() (m *event.Message, more bool) {
	if len(b.queue) == 0 {
		return nil, false
	}
	m = b.queue[0]
	b.queue[0] = nil
	b.queue = b.queue[1:]
	b.bytes -= weight(m)
	if len(b.queue) == 0 {
		b.queue, b.first[0] = nil, nil // a queue that has outgrown first has left its event there
	}
	return m, len(b.queue) > 0
}

// fits reports whether an event of this size may join the queue; an empty one takes any.
func (b *inbox) fits(size int, o *Options) bool {
	return len(b.queue) == 0 || (len(b.queue) < o.InboxPackets && b.bytes+size <= o.InboxBytes)
}

// enqueue puts an event into its socket's inbox and sees to it that somebody works on it. When the inbox is full it
// waits, and with it the reading of the connection, so that TCP slows the client down. The client is not waited for
// while it owes an acknowledgement, which only further reading can bring; it may then send as many bytes once more.
//
// With mayInline the caller's goroutine may work on it itself.
func (c *connection) enqueue(s *Socket, m *event.Message, mayInline bool) error {
	size := weight(m)
	o := &c.server.opts
	c.mu.Lock()
	for {
		switch {
		case s.state == disconnected:
			c.mu.Unlock()
			return nil
		case s.inbox.fits(size, o), c.acks > 0 && s.inbox.bytes+size <= 2*o.InboxBytes:
			s.inbox.pushLocked(m)
			if mayInline && !s.working && c.acks == 0 {
				if run := c.server.inline.start(c); run != 0 {
					s.working, c.inlineRun = true, run
					c.mu.Unlock()
					c.workInline(s, run)
					return nil
				}
			}
			s.startLocked()
			c.mu.Unlock()
			return nil
		case c.acks > 0:
			c.mu.Unlock()
			c.server.counters.inboxOverflows.Add(1)
			return errInbox
		}
		room := make(chan struct{})
		c.room = room
		c.mu.Unlock()
		c.server.counters.inboxStalls.Add(1)
		c.control.Stalled(true)
		<-room
		c.control.Stalled(false)
		c.mu.Lock()
	}
}

// roomLocked wakes the reader, if it waits, to look again.
func (c *connection) roomLocked() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// startLocked starts the socket's worker unless it runs.
func (s *Socket) startLocked() {
	if !s.working {
		s.working = true
		s.conn.server.workers.start(s)
	}
}

// work is the worker of a socket: it connects it, runs its handlers in order, and ends when the inbox is empty. The last
// one tells of the disconnect. While more events wait, what the handlers send is held back to leave in one write.
func (s *Socket) work() {
	returned := false
	defer func() {
		if !returned {
			s.fault(recover())
		}
	}()
	if s.drain() {
		s.finish()
	}
	returned = true
}

// drain works until the inbox is empty and reports whether the disconnect is to be told.
func (s *Socket) drain() (last bool) {
	c := s.conn
	if s.opening() {
		s.open()
	}
	corked := false
	for {
		do := s.next()
		switch {
		case do.tellDrained:
			s.tellDrained()
			continue
		case do.event == nil:
			return do.last
		}
		if do.more && !corked {
			c.control.Cork()
			corked = true
		}
		s.handle(do.event)
		if corked && !do.more {
			c.control.Uncork()
			corked = false
		}
	}
}

// opening reports whether the socket has yet to be connected.
func (s *Socket) opening() bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.state == connecting
}

// task is what a worker is to do next. Without an event it ends, unless it has to tell that the queue is drained.
type task struct {
	tellDrained bool
	event       *event.Message
	more        bool // events wait behind it
	last        bool // the disconnect is to be told
}

// next returns the worker's next task.
func (s *Socket) next() task {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock() // after a fault too: the connection's end waits for it
	if s.drained && s.state == connected {
		s.drained = false
		return task{tellDrained: true}
	}
	if m, more := s.inbox.popLocked(); m != nil {
		c.roomLocked()
		return task{event: m, more: more}
	}
	if s.state != disconnected {
		s.working = false
		return task{}
	}
	s.worked = true // and working stays set: there will be no other worker
	return task{last: s.concurrent == 0}
}
