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
	first [1]*event.Message // memory of the usual queue
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
