package cluster

import (
	"sync"
	"time"
)

// memoryStream is the packets of a namespace.
type memoryStream struct {
	namespace string // immutable after construction

	// mu is held while entries are delivered, which waits for nothing: so they are delivered in order. It guards the
	// fields below.
	mu        sync.Mutex
	packets   history
	followers []*memoryLogNode  // replaced and never changed
	numbers   map[string]uint64 // by node: the number of its last entry
	sweeper   *time.Timer       // drops old packets when nobody sends new ones; nil while there are none
	closed    bool
	one       [1]Entry // that is delivered
}

// append puts entries at the end and delivers them, first to the node that they come from: an error of it undoes the
// last.
func (s *memoryStream) append(from *memoryLogNode, entries []Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	now := time.Now()
	for i := range entries {
		e := &entries[i]
		if e.Sequence != 0 && s.numbers[e.Node] >= e.Sequence {
			e.Position = s.packets.last() // it was appended before
			continue
		}
		s.packets.push(e, now)
		s.one[0] = *e
		if err := s.deliverLocked(from); err != nil {
			s.packets.pop()
			e.Position = Position{}
			return err
		}
		if e.Sequence != 0 {
			if s.numbers == nil {
				s.numbers = map[string]uint64{}
			}
			s.numbers[e.Node] = e.Sequence
		}
	}
	s.packets.trim(now)
	if s.sweeper == nil {
		s.sweeper = time.AfterFunc(s.packets.limits.MaxAge, s.sweep)
	}
	return nil
}

func (s *memoryStream) deliverLocked(from *memoryLogNode) error {
	defer clear(s.one[:])
	if err := from.node.Deliver(s.namespace, s.one[:]); err != nil {
		return err
	}
	for _, f := range s.followers {
		if f != from {
			_ = f.node.Deliver(s.namespace, s.one[:]) // the error of another node undoes nothing
		}
	}
	return nil
}

// sweep drops the packets that are too old. Append does so too: sweep is for when there is none.
func (s *memoryStream) sweep() {
	defer guardCall("a memory log", nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	now := time.Now()
	s.packets.trim(now)
	oldest, ok := s.packets.oldest()
	if !ok {
		s.sweeper = nil
		return
	}
	// Not for each packet when its time comes, but for those of a while.
	s.sweeper.Reset(oldest.Add(s.packets.limits.MaxAge).Sub(now) + s.packets.limits.MaxAge/8)
}

func (s *memoryStream) closeLocked() {
	s.closed = true
	if s.sweeper != nil {
		s.sweeper.Stop()
	}
	s.packets.kept, s.packets.bytes = nil, 0
}
