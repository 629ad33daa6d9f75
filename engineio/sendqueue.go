package engineio

import (
	"net"
	"time"

	"github.com/parleyio/parley/internal/eio"
)

const (
	// flushBatch is how much one write of the flusher carries, so that the write deadline is one on progress.
	flushBatch = 64 << 10
	// corkBytes ends a cork early: a burst of replies this large is worth a write of its own.
	corkBytes = 16 << 10
	// corkCopy is the largest shared frame that is copied so as to leave with what a cork holds.
	corkCopy = 4 << 10
	// corkDelay ends a cork early: a reply is never held back longer.
	corkDelay = time.Millisecond
)

// sendQueue writes frames to one websocket connection, in order and without blocking. A frame goes straight to the
// descriptor when nothing is before it; what the kernel does not take at once is queued, and a flusher goroutine lives
// as long as there is a queue. Connections without a descriptor always queue.
//
// The session's mutex guards all fields; the flusher owns the batch it has taken.
type sendQueue struct {
	// What a direct write looks at comes first: a broadcast to thousands finds little of it in the processor's cache.

	// Immutable after construction.
	direct directWriter // nil: no direct writes
	limits *Options

	chunks   []chunk
	bytes    int  // queued, including what the flusher is writing
	packets  int  // the same, in packets
	corks    int  // nested corks: frames are held while there are any
	flushing bool // a flusher runs; no direct write may be made

	corkArmed  bool
	corkTimer  *time.Timer
	taken      int // bytes at the front that the flusher is writing
	expendable int // how many of the chunks are
}

// chunk is a run of frames that is written as one piece.
type chunk struct {
	data    []byte
	packets int
	own     *[]byte // the pooled buffer that data lies in; nil when data is shared with other sessions

	expendable bool // see Message.Expendable
}

// directWriter is the connection's descriptor: see descriptor.writeNow.
type directWriter interface {
	writeNow(b []byte) (int, error)
}

func (q *sendQueue) init(limits *Options) { q.limits = limits }

// fitsLocked reports whether so much more may be queued. One message always fits an empty queue.
func (q *sendQueue) fitsLocked(bytes, packets int) bool {
	return q.packets == 0 || (q.bytes+bytes <= q.limits.SendQueueBytes && q.packets+packets <= q.limits.SendQueuePackets)
}

// writableLocked reports whether a frame written now would not wait behind others: volatile messages need it.
func (q *sendQueue) writableLocked() bool {
	return !q.flushing && (len(q.chunks) == 0 || q.corks > 0)
}

// directLocked reports whether a frame may be written without queueing it.
func (q *sendQueue) directLocked() bool {
	return q.direct != nil && !q.flushing && q.corks == 0 && len(q.chunks) == 0
}

// writeSharedLocked writes frames that other sessions write too. It reports whether a flusher has to be started.
func (q *sendQueue) writeSharedLocked(frames []byte, packets int) (flush bool, err error) {
	if q.corks > 0 && !q.flushing && len(frames) <= corkCopy {
		if tail := q.tailLocked(); tail != nil {
			return q.grewLocked(tail, append(tail.data, frames...), packets)
		}
		own := takeWriteBuffer()
		return q.pushLocked(chunk{data: append((*own)[:0], frames...), packets: packets, own: own})
	}
	return q.writeLocked(chunk{data: frames, packets: packets})
}

// writeExpendableLocked is writeSharedLocked for frames that may be dropped while they wait.
func (q *sendQueue) writeExpendableLocked(frames []byte, packets int) (flush bool, err error) {
	return q.writeLocked(chunk{data: frames, packets: packets, expendable: true})
}

// writePacketsLocked encodes and writes packets of this session alone.
func (q *sendQueue) writePacketsLocked(packets []eio.Packet, f eio.Form) (flush bool, err error) {
	if tail := q.tailLocked(); tail != nil {
		return q.grewLocked(tail, f.Append(tail.data, packets), len(packets))
	}
	own := takeWriteBuffer()
	*own = f.Append((*own)[:0], packets)
	return q.writeLocked(chunk{data: *own, packets: len(packets), own: own})
}

// writeLocked writes a chunk at once if nothing is before it, and queues what the kernel does not take.
func (q *sendQueue) writeLocked(c chunk) (flush bool, err error) {
	if q.directLocked() {
		n, err := q.direct.writeNow(c.data)
		if err != nil || n == len(c.data) {
			giveWriteBuffer(c.own)
			return false, err
		}
		c.data = c.data[n:]
	}
	return q.pushLocked(c)
}

// tailLocked returns the last chunk if more frames may join it: what piles up shares a buffer, and so a write.
func (q *sendQueue) tailLocked() *chunk {
	if len(q.chunks) == 0 {
		return nil
	}
	if tail := &q.chunks[len(q.chunks)-1]; tail.own != nil && len(tail.data) < corkBytes {
		return tail
	}
	return nil
}

// grewLocked accounts for frames that were appended to the last chunk; data is what it holds now.
func (q *sendQueue) grewLocked(tail *chunk, data []byte, packets int) (flush bool, err error) {
	added := len(data) - len(tail.data)
	tail.data, *tail.own = data, data
	tail.packets += packets
	return q.queuedLocked(added, packets)
}

func (q *sendQueue) pushLocked(c chunk) (flush bool, err error) {
	if c.expendable {
		q.expendable++
	}
	q.chunks = append(q.chunks, c)
	return q.queuedLocked(len(c.data), c.packets)
}

// queuedLocked accounts for what was queued and decides who writes it.
func (q *sendQueue) queuedLocked(bytes, packets int) (flush bool, err error) {
	q.bytes += bytes
	q.packets += packets
	switch {
	case q.flushing:
		return false, nil
	case q.corks > 0 && q.bytes < corkBytes:
		q.armCorkLocked()
		return false, nil
	default:
		return q.flushLocked()
	}
}

func (q *sendQueue) armCorkLocked() {
	if !q.corkArmed && q.corkTimer != nil {
		q.corkArmed = true
		q.corkTimer.Reset(corkDelay)
	}
}

// flushLocked writes what is queued as far as the kernel takes it at once, and reports whether the rest needs a
// flusher.
func (q *sendQueue) flushLocked() (flush bool, err error) {
	for q.direct != nil && !q.flushing && len(q.chunks) > 0 {
		c := &q.chunks[0]
		n, err := q.direct.writeNow(c.data)
		if err != nil {
			return false, err
		}
		q.bytes -= n
		if n < len(c.data) {
			c.data = c.data[n:]
			break
		}
		q.popLocked(*c)
	}
	if len(q.chunks) == 0 || q.flushing {
		return false, nil
	}
	q.flushing = true
	return true, nil
}

// popLocked removes the first chunk, which has been written.
func (q *sendQueue) popLocked(c chunk) {
	q.packets -= c.packets
	if c.expendable {
		q.expendable--
	}
	giveWriteBuffer(c.own)
	q.chunks[0] = chunk{}
	if q.chunks = q.chunks[1:]; len(q.chunks) == 0 {
		q.chunks = nil
	}
}

// batchLocked gives the flusher what it writes next: up to flushBatch bytes from the front of the queue. Frames may be
// appended behind them meanwhile; the bytes themselves stay until wroteLocked.
func (q *sendQueue) batchLocked() net.Buffers {
	var batch net.Buffers
	for size, i := 0, 0; i < len(q.chunks) && size < flushBatch; i++ {
		data := q.chunks[i].data
		data = data[:min(len(data), flushBatch-size)]
		batch = append(batch, data)
		size += len(data)
		q.taken = size
	}
	return batch
}

// wroteLocked removes n bytes from the front of the queue.
func (q *sendQueue) wroteLocked(n int) {
	q.bytes -= n
	q.taken = 0
	for n > 0 {
		c := &q.chunks[0]
		if n < len(c.data) {
			c.data = c.data[n:]
			return
		}
		n -= len(c.data)
		q.popLocked(*c)
	}
}
