package memnet

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// stream is one direction of a connection: a bounded buffer with a reader's and a writer's end.
type stream struct {
	size int // of the buffer; immutable after construction

	// mu guards the fields below. changed is signalled after every change that a reader or writer may wait for.
	mu       sync.Mutex
	changed  sync.Cond
	data     []byte // data[read:] has been written and not read
	read     int
	finished bool // nothing more will be written
	writing  bool // a write is running: another one waits, so that their bytes do not mix
	reader   end
	writer   end
}

// end is the state of the reader's or the writer's end of a stream, guarded by the stream's mu.
type end struct {
	err     error // why this end is closed, or nil
	expired bool  // the deadline has passed
	timer   *time.Timer
}

func newStream(size int) *stream {
	s := &stream{size: size}
	s.changed.L = &s.mu
	return s
}

// take reads what is buffered, and waits only if the buffer is empty.
func (s *stream) take(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.reader.failedLocked() != nil:
			return 0, s.reader.failedLocked()
		case len(p) == 0:
			return 0, nil
		case s.read < len(s.data):
			n := copy(p, s.data[s.read:])
			s.read += n
			if s.read == len(s.data) {
				s.data, s.read = s.data[:0], 0
			}
			s.changed.Broadcast()
			return n, nil
		case s.finished:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

// put writes all of p. On an error it returns how many bytes it wrote.
func (s *stream) put(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.writing { // it ends when this end fails
		s.changed.Wait()
	}
	if err := s.writer.failedLocked(); err != nil {
		return 0, err
	}
	s.writing = true
	defer func() {
		s.writing = false
		s.changed.Broadcast()
	}()
	for n < len(p) {
		space := s.size - (len(s.data) - s.read)
		if err := s.writer.failedLocked(); err != nil {
			return n, err
		}
		if space == 0 {
			s.changed.Wait()
			continue
		}
		if s.read > 0 && len(s.data)+space > cap(s.data) {
			s.data = append(s.data[:0], s.data[s.read:]...)
			s.read = 0
		}
		part := p[n:min(len(p), n+space)]
		s.data = append(s.data, part...)
		n += len(part)
		s.changed.Broadcast()
	}
	return n, nil
}

// finish closes the writer's end: the reader gets io.EOF after the buffered bytes, and writes fail with err.
func (s *stream) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = true
	s.writer.failLocked(err)
	s.changed.Broadcast()
}

// abandon drops the buffer and closes both ends.
func (s *stream) abandon(reader, writer error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data, s.read = nil, 0
	s.reader.failLocked(reader)
	s.writer.failLocked(writer)
	s.changed.Broadcast()
}

// setDeadline sets the deadline of one of the stream's ends; the zero time removes it.
func (s *stream) setDeadline(e *end, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(e.err, net.ErrClosed) {
		return e.err
	}
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
	wait := time.Until(t)
	e.expired = !t.IsZero() && wait <= 0
	if !t.IsZero() && wait > 0 {
		var timer *time.Timer
		timer = time.AfterFunc(wait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if e.timer == timer { // no other deadline was set meanwhile
				e.expired = true
				s.changed.Broadcast()
			}
		})
		e.timer = timer
	}
	s.changed.Broadcast()
	return nil
}

// failLocked makes an end fail from now on. Its own close takes precedence over what the peer did.
func (e *end) failLocked(err error) {
	if e.err == nil || errors.Is(err, net.ErrClosed) {
		e.err = err
	}
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
}

// failedLocked returns why an end cannot be used now, or nil.
func (e *end) failedLocked() error {
	switch {
	case e.err != nil:
		return e.err
	case e.expired:
		return os.ErrDeadlineExceeded
	}
	return nil
}
