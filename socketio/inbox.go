package socketio

import (
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
)

// messageOverhead is what a waiting event counts beside its bytes.
const messageOverhead = 256

// entry is what waits for a socket's worker: an event, or the end of an EmitWithAckFunc.
type entry struct {
	event  *event.Message // the event, or the answer that came; nil when none came
	answer *answer        // nil for an event
}

// weight is what an entry counts.
func (e entry) weight() int {
	if e.event == nil && e.answer != nil {
		return messageOverhead
	}
	return (*message.Message)(e.event).Size() + messageOverhead
}

// inbox holds the events of one socket, and the answers to its functions, that wait to be handled in the order in which they came. The connection's mutex guards it.
type inbox struct {
	queue []entry
	first [1]entry // memory of the usual queue
	bytes int
}

func (b *inbox) pushLocked(e entry) {
	if b.queue == nil {
		b.queue = b.first[:0]
	}
	b.queue = append(b.queue, e)
	b.bytes += e.weight()
}

// popLocked takes the first entry and reports whether there are more.
func (b *inbox) popLocked() (e entry, more bool) {
	if len(b.queue) == 0 {
		return entry{}, false
	}
	e = b.queue[0]
	b.queue[0] = entry{}
	b.queue = b.queue[1:]
	b.bytes -= e.weight()
	if len(b.queue) == 0 {
		b.queue, b.first[0] = nil, entry{} // a queue that has outgrown first has left its event there
	}
	return e, len(b.queue) > 0
}

// fits reports whether an entry of this size may join the queue; an empty one takes any.
func (b *inbox) fits(size int, o *Options) bool {
	return len(b.queue) == 0 || (len(b.queue) < o.InboxPackets && b.bytes+size <= o.InboxBytes)
}
