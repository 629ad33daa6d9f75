package engineio

import "github.com/parleyio/parley/internal/eio"

// expendableSlack is the part of the bounds of a queue that is freed beyond what is needed, so that a client that stays
// slow does not cost a walk over its queue for each message.
const expendableSlack = 16

// shedLocked drops the expendable chunks that have waited longest until so much more fits, and returns how many. What
// is being written, and a chunk in front that may have been written in part, stays.
func (q *sendQueue) shedLocked(bytes, packets int) (dropped int) {
	if q.expendable == 0 {
		return 0
	}
	bytes += q.limits.SendQueueBytes / expendableSlack
	packets += q.limits.SendQueuePackets / expendableSlack
	kept, seen := q.chunks[:0], 0
	for i, c := range q.chunks {
		touched := i == 0 || seen < q.taken
		seen += len(c.data)
		if !c.expendable || touched || q.fitsLocked(bytes, packets) {
			kept = append(kept, c)
			continue
		}
		q.bytes -= len(c.data)
		q.packets -= c.packets
		q.expendable--
		dropped++
	}
	clear(q.chunks[len(kept):])
	q.chunks = kept
	return dropped
}

// shedLocked is the same for what waits for a poll.
func (t *pollTransport) shedLocked(bytes, packets int, limits *Options) (dropped int) {
	if t.expendable == 0 {
		return 0
	}
	bytes += limits.SendQueueBytes / expendableSlack
	packets += limits.SendQueuePackets / expendableSlack
	kept := t.queue[:0]
	for _, p := range t.queue {
		if !p.expendable || t.fitsLocked(bytes, packets, limits) {
			kept = append(kept, p)
			continue
		}
		t.bytes -= eio.Payload4.Size(p.packets) + 1
		t.count -= len(p.packets)
		t.expendable--
		dropped++
	}
	clear(t.queue[len(kept):])
	t.queue = kept
	return dropped
}

// shedLocked drops what is expendable until so much more fits, if that is possible.
func (s *Session) shedLocked(bytes, packets int) bool {
	var dropped int
	var fits bool
	if c := s.ws.Load(); c != nil {
		dropped = c.out.shedLocked(bytes, packets)
		fits = c.out.fitsLocked(bytes, packets)
	} else {
		dropped = s.polling.shedLocked(bytes, packets, &s.server.opts)
		fits = s.polling.fitsLocked(bytes, packets, &s.server.opts)
	}
	s.server.counters.expendableDropped.Add(int64(dropped))
	return fits
}

// writePreparedLocked writes a group to the websocket, in the way that lets it be dropped if it may.
func (c *wsConn) writePreparedLocked(p *Prepared) error {
	frames := c.framesOf(p)
	var flush bool
	var err error
	if p.expendable {
		flush, err = c.out.writeExpendableLocked(frames, len(p.packets))
	} else {
		flush, err = c.out.writeSharedLocked(frames, len(p.packets))
	}
	c.startFlusherLocked(flush)
	return err
}
