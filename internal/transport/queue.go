package transport

import (
	"net"
	"time"

	"github.com/parleyio/parley/internal/buffer"
)

const (
	// flushBatch is how much one write of the flusher carries, so that the write deadline is one on progress.
	flushBatch = 64 << 10
	// corkBytes ends a cork early: a burst of replies this large is worth a write of its own.
	corkBytes = 16 << 10
	// corkCopy is the largest shared piece that is copied so as to leave with what a cork holds.
	corkCopy = 4 << 10
	// corkDelay ends a cork early: a reply is never held back longer.
	corkDelay = time.Millisecond
)

// Queue writes bytes to one connection, in order and without blocking. They go straight to a sink that takes bytes
// directly when nothing is before them; what it does not take at once is queued, and a flusher goroutine lives as long as
// there is a queue.
//
// The session's mutex guards all fields and is held in all calls; the flusher owns the batch it has taken. An error is a
// failed write, or ErrQueueFull where a method says so.
type Queue struct {
	// What a direct write looks at comes first: a broadcast to thousands finds little of it in the processor's cache.

	// Immutable after construction.
	link *Link
	sink Sink

	chunks   []chunk
	bytes    int  // queued, including what the flusher is writing
	packets  int  // the same, in packets
	corks    int  // nested corks: bytes are held while there are any
	direct   bool // the sink takes bytes directly; immutable
	flushing bool // a flusher runs; no direct write may be made

	corkArmed  bool
	corkTimer  *time.Timer
	taken      int // bytes at the front that the flusher is writing
	expendable int // how many of the chunks are
}

// Sink is what a Queue writes to: the connection itself.
type Sink interface {
	// WriteNow makes one attempt that does not block, and returns how much was taken. The mutex is held. It is called of
	// sinks that take bytes directly, and not while WriteBatch runs.
	WriteNow(b []byte) (int, error)

	// WriteBatch writes all the pieces, and waits for the client if need be, until the deadline.
	WriteBatch(pieces net.Buffers) (int64, error)

	// SetWriteDeadline sets the deadline of WriteBatch.
	SetWriteDeadline(t time.Time) error

	// Emptied returns what is to be done now that everything has been written by the flusher, or nil. It is called with the
	// mutex held; what it returns is called without.
	Emptied() func()
}

// chunk is a run of bytes that is written as one piece.
type chunk struct {
	data    []byte
	packets int
	own     *[]byte // the pooled buffer that data lies in; nil when data is shared with other sessions

	expendable bool // see Group
}

// Init makes the queue ready. Direct says that the sink takes bytes directly.
func (q *Queue) Init(link *Link, sink Sink, direct bool) {
	q.link, q.sink, q.direct = link, sink, direct
}

// Len returns how much is queued.
func (q *Queue) Len() (packets, bytes int) { return q.packets, q.bytes }

// Flushing reports whether a flusher runs: what is written waits for it.
func (q *Queue) Flushing() bool { return q.flushing }

// Writable reports whether bytes that are written now would not wait behind others.
func (q *Queue) Writable() bool { return !q.flushing && (len(q.chunks) == 0 || q.corks > 0) }

// Fits reports whether so much more may be queued.
func (q *Queue) Fits(packets, bytes int) bool {
	return q.link.Limits.Fits(q.packets, q.bytes, packets, bytes)
}

// Reserve makes so much more fit, or returns ErrQueueFull. What a cork holds back is not the client's fault: it is written
// first. Then what is expendable is shed.
func (q *Queue) Reserve(packets, bytes int) error {
	if q.Fits(packets, bytes) {
		return nil
	}
	if q.corks > 0 && !q.flushing {
		if err := q.flush(); err != nil {
			return err
		}
	} else if dropped := q.shed(packets, bytes); dropped > 0 {
		q.link.Session.Shed(dropped)
	}
	if !q.Fits(packets, bytes) {
		return ErrQueueFull
	}
	return nil
}

// shed drops the expendable chunks that have waited longest until so much more fits, and returns how many. What is being
// written, and a chunk in front that may have been written in part, stays.
func (q *Queue) shed(packets, bytes int) (dropped int) {
	if q.expendable == 0 {
		return 0
	}
	packets, bytes = q.link.Limits.WithSlack(packets, bytes)
	kept, seen := q.chunks[:0], 0
	for i, c := range q.chunks {
		touched := i == 0 || seen < q.taken
		seen += len(c.data)
		if !c.expendable || touched || q.Fits(packets, bytes) {
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

// WriteOwn writes packets of this session alone, which encode appends to a buffer.
func (q *Queue) WriteOwn(packets int, encode func(dst []byte) []byte) error {
	if tail := q.tail(); tail != nil {
		return q.grow(tail, encode(tail.data), packets)
	}
	own := buffer.Take()
	*own = encode(*own)
	return q.write(chunk{data: *own, packets: packets, own: own})
}

// Hold puts what is in a pooled buffer in front of what is written first, with which it leaves.
func (q *Queue) Hold(own *[]byte) {
	q.chunks = []chunk{{data: *own, own: own}}
	q.bytes = len(*own)
}

// WriteShared writes bytes that other sessions write too. They may be dropped while they wait if they are expendable.
func (q *Queue) WriteShared(data []byte, packets int, expendable bool) error {
	if q.corks > 0 && !q.flushing && len(data) <= corkCopy && !expendable {
		if tail := q.tail(); tail != nil {
			return q.grow(tail, append(tail.data, data...), packets)
		}
		own := buffer.Take()
		*own = append(*own, data...)
		return q.write(chunk{data: *own, packets: packets, own: own})
	}
	return q.write(chunk{data: data, packets: packets, expendable: expendable})
}

// write writes a chunk at once if nothing is before it, and queues what the sink does not take.
func (q *Queue) write(c chunk) error {
	if q.direct && !q.flushing && q.corks == 0 && len(q.chunks) == 0 {
		n, err := q.sink.WriteNow(c.data)
		if err != nil || n == len(c.data) {
			buffer.Give(c.own)
			return err
		}
		c.data = c.data[n:]
	}
	if c.expendable {
		q.expendable++
	}
	q.chunks = append(q.chunks, c)
	return q.queued(c.packets, len(c.data))
}

// tail returns the last chunk if more bytes may join it: what piles up shares a buffer, and so a write.
func (q *Queue) tail() *chunk {
	if len(q.chunks) == 0 {
		return nil
	}
	if tail := &q.chunks[len(q.chunks)-1]; tail.own != nil && len(tail.data) < corkBytes {
		return tail
	}
	return nil
}

// grow accounts for bytes that were appended to the last chunk; data is what it holds now.
func (q *Queue) grow(tail *chunk, data []byte, packets int) error {
	added := len(data) - len(tail.data)
	tail.data, *tail.own = data, data
	tail.packets += packets
	return q.queued(packets, added)
}

// queued accounts for what was queued, and has it written unless it is held back.
func (q *Queue) queued(packets, bytes int) error {
	q.packets += packets
	q.bytes += bytes
	switch {
	case q.flushing:
		return nil
	case q.corks > 0 && q.bytes < corkBytes:
		if !q.corkArmed && q.corkTimer != nil {
			q.corkArmed = true
			q.corkTimer.Reset(corkDelay)
		}
		return nil
	default:
		return q.flush()
	}
}

// Cork holds back what is written until the matching Uncork, 16 KiB or a millisecond, whichever comes first.
func (q *Queue) Cork() {
	if q.corkTimer == nil {
		q.corkTimer = time.AfterFunc(time.Hour, q.corkExpired)
		q.corkTimer.Stop()
	}
	q.corks++
}

// Uncork ends a Cork, if there is one, and writes what the last one has held back.
func (q *Queue) Uncork() error {
	if q.corks == 0 {
		return nil
	}
	if q.corks--; q.corks > 0 {
		return nil
	}
	return q.flush()
}

// EndCorks ends all corks for good; the next write takes with it what they have held back.
func (q *Queue) EndCorks() { q.corks = 0 }

// corkExpired writes what has been held back for as long as it may be.
func (q *Queue) corkExpired() {
	defer q.link.Session.Guard()
	if err := q.flushHeld(); err != nil {
		q.link.Session.WriteFailed(q.link, err)
	}
}

func (q *Queue) flushHeld() error {
	q.link.Mu.Lock()
	defer q.link.Mu.Unlock()
	q.corkArmed = false
	return q.flush()
}

// flush writes what is queued as far as the sink takes it at once, and leaves the rest to a flusher.
func (q *Queue) flush() error {
	for q.direct && !q.flushing && len(q.chunks) > 0 {
		c := &q.chunks[0]
		n, err := q.sink.WriteNow(c.data)
		if err != nil {
			return err
		}
		q.bytes -= n
		if n < len(c.data) {
			c.data = c.data[n:]
			break
		}
		q.pop(*c)
	}
	if len(q.chunks) > 0 && !q.flushing {
		q.flushing = true
		go q.flushAll() // ends with the queue or with the connection
	}
	return nil
}

// flushAll is the flusher: it writes the queue in batches until it is empty.
func (q *Queue) flushAll() {
	s := q.link.Session
	defer s.Guard()
	emptied := false
	defer func() {
		if !emptied {
			q.link.Conn.Drop() // nothing else will write what is queued
		}
	}()
	for written := 0; ; {
		batch, last := q.nextBatch(written)
		if len(batch) == 0 {
			if last != nil {
				last()
			}
			emptied = true
			s.Flushed(q.link)
			return
		}
		q.sink.SetWriteDeadline(time.Now().Add(q.link.Limits.WriteTimeout))
		n, err := q.sink.WriteBatch(batch)
		if err != nil {
			s.WriteFailed(q.link, err)
			return
		}
		written = int(n)
	}
}

// nextBatch takes what the flusher has written out of the queue and returns what comes next. Nothing ends the flusher,
// when it has done what is last.
func (q *Queue) nextBatch(written int) (batch net.Buffers, last func()) {
	q.link.Mu.Lock()
	defer q.link.Mu.Unlock()
	q.wrote(written)
	if batch = q.batch(); len(batch) > 0 {
		return batch, nil
	}
	q.sink.SetWriteDeadline(time.Time{}) // its timer would outlive the flusher
	q.flushing = false
	return nil, q.sink.Emptied()
}

// batch returns up to flushBatch bytes from the front of the queue. More may be appended behind them meanwhile; the bytes
// themselves stay until wrote.
func (q *Queue) batch() net.Buffers {
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

// wrote removes n bytes from the front of the queue.
func (q *Queue) wrote(n int) {
	q.bytes -= n
	q.taken = 0
	for n > 0 {
		c := &q.chunks[0]
		if n < len(c.data) {
			c.data = c.data[n:]
			return
		}
		n -= len(c.data)
		q.pop(*c)
	}
}

// pop removes the first chunk, which has been written.
func (q *Queue) pop(c chunk) {
	q.packets -= c.packets
	if c.expendable {
		q.expendable--
	}
	buffer.Give(c.own)
	q.chunks[0] = chunk{}
	if q.chunks = q.chunks[1:]; len(q.chunks) == 0 {
		q.chunks = nil
	}
}
