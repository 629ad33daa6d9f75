package engineio

import (
	"time"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// Answers to a poll without messages (engine.io-protocol v4, "Transports").
var (
	closeAnswer = control(eio.TypeClose)               // the session is closed
	noopAnswer  = control(eio.TypeNoop)                // the session continues
	endAnswer   = control(eio.TypeNoop, eio.TypeClose) // the session is closed
)

// pollTransport is the polling half of a session. The session's mutex guards it.
type pollTransport struct {
	queue []*transport.Group
	bytes int // size of queue as a payload
	count int // packets in queue

	expendable int // number of groups in queue that are expendable

	poll     *pendingPoll // the held GET
	posting  bool         // a POST is being handled
	stopPost func()       // makes that POST stop reading its body; nil when it is not reading
	postDone chan struct{}
	closing  *pollClosing // set when the session is closing; nil: it is not

	refused int64 // size of a body that was too large, -1 for an unknown one; 0: none, or a message has come since
}

// pollClosing says how a session on polling ends.
type pollClosing struct {
	answer *transport.Group // to the next poll
	reason Reason           // when that comes
	late   Reason           // when none comes
	err    error
}

// pendingPoll is a GET that waits for packets.
type pendingPoll struct {
	wake   chan struct{}    // capacity 1; receives a token when the poll can be answered
	answer *transport.Group // the answer; nil: the queue is
	noop   *time.Timer      // releases the poll while a connection probes the session; nil otherwise
}

// reserveLocked makes space for a group. It drops the oldest expendable groups for it and returns their number.
func (t *pollTransport) reserveLocked(g *transport.Group, limits *transport.Limits) (dropped int, fits bool) {
	packets, bytes := len(g.Packets), eio.Payload4.Size(g.Packets) // the size in other forms is similar
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

// answerLocked answers the pending poll, if there is one, with the given group in place of the queue.
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

// endLocked ends the session's pending requests and empties the queue.
func (t *pollTransport) endLocked() {
	t.takeLocked()
	t.answerLocked(closeAnswer)
	if t.stopPost != nil {
		t.stopPost()
	}
}

// postDoneLocked wakes an upgrade that waits for a POST.
func (t *pollTransport) postDoneLocked() {
	if t.postDone != nil {
		close(t.postDone)
		t.postDone = nil
	}
}

// control makes a group of packets without data, which are never compressed.
func control(types ...eio.Type) *transport.Group {
	packets := make([]eio.Packet, len(types))
	for i, t := range types {
		packets[i] = eio.Packet{Type: t, Plain: true}
	}
	return transport.NewGroup(packets...)
}
