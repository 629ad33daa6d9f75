package engineio

import (
	"time"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// The answers of a poll that say that a transport or a session ends (engine.io-protocol v4, "Transports").
var (
	closeAnswer = control(eio.TypeClose)               // the session is closed
	noopAnswer  = control(eio.TypeNoop)                // nothing to say: go on
	endAnswer   = control(eio.TypeNoop, eio.TypeClose) // nothing more to say: the session is closed
)

// pollTransport is the polling half of a session. The session's mutex guards it.
type pollTransport struct {
	queue []*transport.Group
	bytes int // of queue, as payload
	count int // packets in queue

	expendable int // how many of the queue are

	poll       *pendingPoll // the held GET
	posting    bool         // a POST is being handled
	stopPost   func()       // makes that POST give up reading its body; nil when it is not
	postDone   chan struct{}
	lastAnswer *transport.Group // what the next poll of a closing session is answered
	reason     Reason           // why it is closing
}

// pendingPoll is a GET that waits for something to say.
type pendingPoll struct {
	wake   chan struct{}    // capacity 1; one token says that there is something
	answer *transport.Group // says it, unless it is nil: then the queue does
	noop   *time.Timer      // releases it while a connection probes the session; nil unless one does
}

// reserveLocked makes a group fit, and returns how many groups were dropped for it: those that are expendable and have
// waited longest.
func (t *pollTransport) reserveLocked(g *transport.Group, limits *transport.Limits) (dropped int, fits bool) {
	packets, bytes := len(g.Packets), eio.Payload4.Size(g.Packets) // near enough to the other forms
	if limits.Fits(t.count, t.bytes, packets, bytes) {
		return 0, true
	}
	if t.expendable == 0 {
		return 0, false
	}
	morePackets, moreBytes := limits.WithSlack(packets, bytes)
	kept := t.queue[:0]
	for _, g := range t.queue {
		if !g.Expendable || limits.Fits(t.count, t.bytes, morePackets, moreBytes) {
			kept = append(kept, g)
			continue
		}
		t.bytes -= eio.Payload4.Size(g.Packets) + 1
		t.count -= len(g.Packets)
		t.expendable--
		dropped++
	}
	clear(t.queue[len(kept):])
	t.queue = kept
	return dropped, limits.Fits(t.count, t.bytes, packets, bytes)
}

// pushLocked queues packets and wakes the pending poll.
func (t *pollTransport) pushLocked(g *transport.Group) {
	t.queue = append(t.queue, g)
	if g.Expendable {
		t.expendable++
	}
	t.bytes += eio.Payload4.Size(g.Packets) + 1
	t.count += len(g.Packets)
	t.wakeLocked()
}

func (t *pollTransport) wakeLocked() {
	if t.poll != nil {
		select {
		case t.poll.wake <- struct{}{}:
		default:
		}
	}
}

// answerLocked ends the pending poll with a body of its own.
func (t *pollTransport) answerLocked(answer *transport.Group) {
	if t.poll != nil {
		t.poll.answer = answer
		t.wakeLocked()
		t.poll = nil
	}
}

// takeLocked empties the queue.
func (t *pollTransport) takeLocked() []*transport.Group {
	queue := t.queue
	t.queue, t.bytes, t.count, t.expendable = nil, 0, 0, 0
	return queue
}

// endLocked lets go of the session's requests and of what was queued.
func (t *pollTransport) endLocked() {
	t.takeLocked()
	t.answerLocked(closeAnswer)
	if t.stopPost != nil {
		t.stopPost()
	}
}

// postDoneLocked makes an upgrade that waits for a POST look again.
func (t *pollTransport) postDoneLocked() {
	if t.postDone != nil {
		close(t.postDone)
		t.postDone = nil
	}
}

// control makes a group of packets without data, which nothing would compress.
func control(types ...eio.Type) *transport.Group {
	packets := make([]eio.Packet, len(types))
	for i, t := range types {
		packets[i] = eio.Packet{Type: t, Plain: true}
	}
	return transport.NewGroup(packets...)
}
