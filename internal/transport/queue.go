package transport

import (
	"net"
	"time"

	"github.com/parleyio/parley/internal/buffer"
)

const (
	// flushBatch is the number of bytes in one write of the flusher. Each write has its own deadline, so a slow client that
	// reads is not closed.
	flushBatch = 64 << 10
	// corkBytes is the number of bytes that ends a cork early.
	corkBytes = 16 << 10
	// corkCopy is the size of the largest shared piece that is copied into the buffer of a cork.
	corkCopy = 4 << 10
	// corkDelay is the longest time for which a cork holds bytes back.
	corkDelay = time.Millisecond
)

// Queue writes bytes to one connection, in order and without blocking. When the queue is empty and the sink allows direct
// writes, it writes bytes at once. Bytes that the sink does not take are queued. A flusher goroutine writes them and ends
// when the queue is empty.
//
// The session's mutex guards all fields and is held in all calls. The flusher owns the batch that it has taken. An error is
// a failed write, or ErrQueueFull where a method says so.
type Queue struct {
	// The fields of a direct write come first, so that a broadcast reads few cache lines.

	// Immutable after construction.
	link *Link
	sink Sink

	chunks   []chunk
	bytes    int  // queued, including what the flusher is writing
	packets  int  // the same, in packets
	corks    int  // nested corks: bytes are held back while it is above zero
	direct   bool // the sink allows direct writes; immutable
	flushing bool // a flusher runs: direct writes are not allowed

	corkArmed  bool
	corkTimer  *time.Timer
	taken      int // bytes at the front that the flusher is writing
	expendable int // number of chunks that are expendable
}

// Sink is the connection to which a Queue writes.
type Sink interface {
	// WriteNow makes one write that does not block, and returns the number of bytes written. The mutex is held. It is called
	// only for sinks that allow direct writes, and not while WriteBatch runs.
	WriteNow(b []byte) (int, error)

	// WriteBatch writes all the pieces. It may wait for the client until the deadline.
	WriteBatch(pieces net.Buffers) (int64, error)

	// SetWriteDeadline sets the deadline of WriteBatch.
	SetWriteDeadline(t time.Time) error

	// Emptied is called when the flusher has written everything, with the mutex held. If it returns a function, the flusher
	// calls it without the mutex.
	Emptied() func()
}

// chunk is a run of bytes that is written as one piece.
type chunk struct {
	data    []byte
	packets int
	own     *[]byte // the pooled buffer of data; nil when data is shared with other sessions

	expendable bool // see Group
}

// Init initializes the queue. direct means that the sink allows direct writes.
func (q *Queue) Init(link *Link, sink Sink, direct bool) {
	q.link, q.sink, q.direct = link, sink, direct
}

// Len returns the length of the queue.
func (q *Queue) Len() (packets, bytes int) { return q.packets, q.bytes }

// Flushing reports whether a flusher runs: written bytes wait for it.
func (q *Queue) Flushing() bool { return q.flushing }

// Writable reports whether bytes that are written now would not wait for other bytes.
func (q *Queue) Writable() bool { return !q.flushing && (len(q.chunks) == 0 || q.corks > 0) }

// Fits reports whether a group of packets and bytes fits the queue.
func (q *Queue) Fits(packets, bytes int) bool {
	return q.link.Limits.Fits(q.packets, q.bytes, packets, bytes)
}

// Reserve makes space for a group of packets and bytes, or returns ErrQueueFull. It first writes the bytes that a cork
// holds back, because the client is not responsible for those. Otherwise it drops expendable chunks.
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

// shed drops the oldest expendable chunks until a group of packets and bytes fits, and returns the number dropped. It keeps
// the chunks that are being written, and the first chunk, a part of which may have been written.
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

// WriteOwn writes packets for this session only. encode appends them to a buffer.
func (q *Queue) WriteOwn(packets int, encode func(dst []byte) []byte) error {
	if tail := q.tail(); tail != nil {
		return q.grow(tail, encode(tail.data), packets)
	}
	own := buffer.Take()
	*own = encode(*own)
	return q.write(chunk{data: *own, packets: packets, own: own})
}

// Hold puts the bytes of a pooled buffer into the queue. They are sent together with the first write.
func (q *Queue) Hold(own *[]byte) {
	q.chunks = []chunk{{data: *own, own: own}}
	q.bytes = len(*own)
}

// WriteShared writes bytes that are shared with other sessions. Expendable bytes may be dropped while they are queued.
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

// write writes a chunk at once if the queue is empty, and queues the bytes that the sink does not take.
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

// tail returns the last chunk if more bytes may be appended to it, or nil. Queued bytes share a buffer, and so a write.
func (q *Queue) tail() *chunk {
	if len(q.chunks) == 0 {
		return nil
	}
	if tail := &q.chunks[len(q.chunks)-1]; tail.own != nil && len(tail.data) < corkBytes {
		return tail
	}
	return nil
}

// grow counts bytes that were appended to the last chunk; data is its new content.
func (q *Queue) grow(tail *chunk, data []byte, packets int) error {
	added := len(data) - len(tail.data)
	tail.data, *tail.own = data, data
	tail.packets += packets
	return q.queued(packets, added)
}

// queued counts bytes that were queued, and flushes them unless a cork holds them back.
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

// Cork holds written bytes back until the matching Uncork, corkBytes or corkDelay, whichever is first.
func (q *Queue) Cork() {
	if q.corkTimer == nil {
		q.corkTimer = time.AfterFunc(time.Hour, q.corkExpired)
		q.corkTimer.Stop()
	}
	q.corks++
}

// Uncork ends a Cork, if any, and writes the held bytes when the last Cork has ended.
func (q *Queue) Uncork() error {
	if q.corks == 0 {
		return nil
	}
	if q.corks--; q.corks > 0 {
		return nil
	}
	return q.flush()
}

// EndCorks ends all corks. The next write sends the bytes that they have held back.
func (q *Queue) EndCorks() { q.corks = 0 }

// corkExpired writes the bytes that a cork has held back for corkDelay.
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

// flush writes as much of the queue as the sink takes at once, and starts a flusher for the rest.
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
			q.link.Conn.Drop() // the rest of the queue will never be written
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

// nextBatch removes the written bytes from the queue and returns the next batch. An empty batch ends the flusher, after it
// has called last.
func (q *Queue) nextBatch(written int) (batch net.Buffers, last func()) {
	q.link.Mu.Lock()
	defer q.link.Mu.Unlock()
	q.wrote(written)
	if batch = q.batch(); len(batch) > 0 {
		return batch, nil
	}
	q.sink.SetWriteDeadline(time.Time{}) // otherwise its timer stays when the flusher has ended
	q.flushing = false
	return nil, q.sink.Emptied()
}

// batch returns up to flushBatch bytes from the front of the queue. Bytes may be appended to the queue while they are
// written; wrote removes them.
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
