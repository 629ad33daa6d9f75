package transport

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/internal/eio"
)

// sink keeps what is written to it. It takes so many bytes directly, and the rest from a flusher that is let through.
type sink struct {
	direct  int           // bytes that it still takes directly
	proceed chan struct{} // closed to let the flusher write

	mu      sync.Mutex
	written bytes.Buffer
	now     int // direct writes
	largest int // batch
}

func (s *sink) WriteNow(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now++
	n := min(len(b), s.direct)
	s.direct -= n
	s.written.Write(b[:n])
	return n, nil
}

func (s *sink) WriteBatch(pieces net.Buffers) (n int64, err error) {
	<-s.proceed
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err = pieces.WriteTo(&s.written)
	s.largest = max(s.largest, int(n))
	return n, err
}

func (s *sink) SetWriteDeadline(time.Time) error { return nil }
func (s *sink) Emptied() func()                  { return nil }

// flushed is a Session that only learns that the queue is empty.
type flushed struct {
	Session
	times chan struct{}
}

func (s flushed) Flushed(*Link) { s.times <- struct{}{} }
func (s flushed) Guard()        {}

func newTestQueue(direct int) (*Queue, *sink, flushed) {
	s := &sink{direct: direct, proceed: make(chan struct{})}
	session := flushed{times: make(chan struct{}, 1)}
	link := &Link{Session: session, Mu: new(sync.Mutex), Limits: &Limits{SendQueueBytes: 4 << 20, SendQueuePackets: 16384}}
	q := &Queue{}
	q.Init(link, s, true)
	return q, s, session
}

// write writes a message, as one of this session alone or as one that others write too.
func (q *Queue) testWrite(data []byte, shared bool) (wire []byte, err error) {
	packets := []eio.Packet{{Type: eio.TypeMessage, Data: data, Binary: true}}
	wire = eio.Frames4.Append(nil, packets)
	q.link.Mu.Lock()
	defer q.link.Mu.Unlock()
	if shared {
		return wire, q.WriteShared(wire, 1, false)
	}
	return wire, q.WriteOwn(1, func(dst []byte) []byte { return eio.Frames4.Append(dst, packets) })
}

// TestQueue_cork: what a burst says leaves in one write, whether other sessions share it or not.
func TestQueue_cork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, s, _ := newTestQueue(1 << 20)
		q.Cork()
		var want []byte
		for i := range 40 {
			wire, err := q.testWrite(bytes.Repeat([]byte{'x'}, i), i%3 == 0)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, wire...)
		}
		if packets, bytes := q.Len(); packets != 40 || bytes != len(want) || s.now != 0 {
			t.Fatalf("%d packets, %d bytes, %d writes", packets, bytes, s.now)
		}
		if err := q.Uncork(); err != nil || q.Flushing() || s.now != 1 {
			t.Fatalf("flushing %v, %v, %d writes", q.Flushing(), err, s.now)
		}
		if packets, bytes := q.Len(); packets != 0 || bytes != 0 {
			t.Errorf("%d packets, %d bytes are left", packets, bytes)
		}
		if got := s.written.Bytes(); !bytes.Equal(got, want) {
			t.Errorf("%d bytes of %d, or others", len(got), len(want))
		}
	})
}

// TestQueue_partial: what the sink does not take is queued, and left to one flusher in the right order.
func TestQueue_partial(t *testing.T) {
	q, s, session := newTestQueue(100_001)
	var want []byte
	for i := range 200 {
		wire, err := q.testWrite(bytes.Repeat([]byte{byte(i)}, i*i%50_000), i%2 == 0)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, wire...)
	}
	s.mu.Lock()
	direct := s.now
	s.mu.Unlock()
	q.link.Mu.Lock()
	if _, bytes := q.Len(); !q.Flushing() || bytes != len(want)-100_001 || q.Writable() {
		t.Fatalf("flushing %v, %d bytes queued", q.Flushing(), bytes)
	}
	q.link.Mu.Unlock()
	close(s.proceed)
	<-session.times
	if packets, bytes := q.Len(); packets != 0 || bytes != 0 || q.Flushing() {
		t.Errorf("%d packets, %d bytes are left, flushing %v", packets, bytes, q.Flushing())
	}
	if s.now != direct || s.largest > flushBatch {
		t.Errorf("%d direct writes beside the flusher, a batch of %d bytes", s.now-direct, s.largest)
	}
	if got := s.written.Bytes(); !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, or others", len(got), len(want))
	}
}
