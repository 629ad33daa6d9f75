package cluster

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"github.com/parleyio/parley/parser"
)

// stream is a namespace's part in a log: it puts packets in, and delivers what comes out to the members of this node, in
// the order of positions.
type stream struct {
	// Immutable after construction.
	adapter *Adapter
	engine  *Engine
	log     Log
	shared  bool
	// The log delivers during Append.
	immediate bool
	stop      context.CancelFunc
	ctx       context.Context
	sessions  sessions
	ready     chan struct{} // closed when followed is set

	appends  queue[Entry] // unless the log is immediate
	appended uint64       // the number of the last of them; guarded by appends.mu
	scratch  sync.Pool    // of *[1]Entry, for a log that is immediate

	// mu is held while entries are delivered, which waits for nothing: so the order of positions is the order of delivery.
	// The locks of the room index and of the members' queues are taken under it. It guards the fields below.
	mu        sync.Mutex
	followed  bool
	end       Position          // everything up to here was delivered on this node
	returning []*Return         // members that are coming back; few
	healing   bool              // entries are being read that were not delivered
	awaited   Position          // the last of them that is known
	suspect   Position          // the end of the log when it was last compared with end, if it was further
	numbers   map[string]uint64 // by node: the number of its last entry; nil for a log that is immediate
}

func newStream(a *Adapter) *stream {
	e := a.engine
	s := &stream{adapter: a, engine: e, log: e.record, shared: e.shared()}
	s.ctx, s.stop = context.WithCancel(e.ctx)
	s.scratch.New = func() any { return new([1]Entry) }
	s.sessions.stream = s
	s.ready = make(chan struct{})
	if s.immediate = s.log.Traits().Immediate; !s.immediate {
		s.appends = newQueue[Entry](e.config.MaxQueue)
		s.numbers = map[string]uint64{}
	}
	return s
}

// follow begins to follow the namespace, once what was there before has been left. A log that is not immediate is asked on
// another goroutine.
func (s *stream) follow() error {
	e, name := s.engine, s.adapter.name
	e.mu.RLock()
	left := e.leaving[name]
	e.mu.RUnlock()
	if s.immediate {
		if left != nil {
			<-left
		}
		end, err := s.log.Follow(s.ctx, name)
		if err == nil {
			s.begin(end)
		}
		return err
	}
	e.spawn("following a log", func() {
		if left != nil {
			<-left
		}
		for attempt := 0; ; attempt++ {
			end, err := s.log.Follow(s.ctx, name)
			if err == nil {
				s.begin(end)
				s.resetEarly()
				return
			}
			if attempt == 0 {
				e.log.Warn("following a log", slog.String("nsp", name), slog.Any("err", err))
			}
			if !e.pause(s.ctx, attempt) {
				return
			}
		}
	})
	return nil
}

// resetEarly closes the connections of members that entered before the log was followed: nobody knows what they have missed.
func (s *stream) resetEarly() {
	early := s.adapter.Members(&Target{Everyone: true})
	s.mu.Lock()
	early = slices.DeleteFunc(early, func(m Member) bool { return m.Progress() == nil || m.Progress().record != nil })
	s.mu.Unlock()
	if len(early) > 0 {
		s.adapter.local.Reset(early)
	}
}

// begin notes where the log ended when it was first followed. Entries behind may have been delivered already.
func (s *stream) begin(end Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.followed {
		s.followedLocked(end)
		s.lookLocked()
	}
}

// followedLocked notes up to where everything was delivered on this node.
func (s *stream) followedLocked(end Position) {
	if s.end = end; !s.followed {
		s.followed = true
		close(s.ready)
	}
}

// leave ends the following, and makes way for another adapter of the same name.
func (s *stream) leave() {
	s.stop()
	s.sessions.close()
	e, name := s.engine, s.adapter.name
	done := make(chan struct{})
	e.mu.Lock()
	e.leaving[name] = done
	e.mu.Unlock()
	e.adapters.CompareAndDelete(name, s.adapter)
	end := func() {
		defer func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.leaving[name] == done {
				delete(e.leaving, name)
			}
			close(done)
		}()
		for attempt := 0; ; attempt++ {
			ctx, cancel := context.WithTimeout(e.ctx, e.config.RequestTimeout)
			err := s.log.Unfollow(ctx, name)
			cancel()
			if err == nil {
				return
			}
			e.log.Warn("leaving a log", slog.String("nsp", name), slog.Any("err", err))
			if s.immediate || !e.pause(e.ctx, attempt) {
				return
			}
		}
	}
	if s.immediate || !e.spawn("leaving a log", end) {
		end()
	}
}

// deliver takes entries from the log.
func (e *Engine) deliver(namespace string, entries []Entry) error {
	a := e.adapter(namespace)
	if a == nil || a.stream == nil {
		return nil
	}
	return a.stream.deliver(entries)
}

func (s *stream) deliver(entries []Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range entries {
		entry := &entries[i]
		switch {
		case s.healing:
			if entry.Position.Compare(s.awaited) > 0 {
				s.awaited = entry.Position // it is read with the others
			}
			continue
		case s.followed && !entry.Previous.IsZero() && entry.Previous.Compare(s.end) > 0:
			s.awaited = entry.Position
			s.healLocked()
			continue
		}
		if err := s.deliverOneLocked(entry); err != nil {
			return err
		}
	}
	s.lookLocked()
	return nil
}

// deliverOneLocked delivers an entry, unless it was delivered before. Only the node that has appended it to an immediate
// log hears of an error, or of a panic.
func (s *stream) deliverOneLocked(entry *Entry) error {
	before := s.end
	if s.followed && entry.Position.Compare(before) <= 0 {
		return nil
	}
	s.followedLocked(entry.Position)
	if s.doubleLocked(entry) {
		return nil
	}
	if s.immediate && entry.Node == s.engine.id {
		err := s.putLocked(entry)
		if err != nil {
			s.end = before
		}
		return err
	}
	if err := s.guardedPutLocked(entry); err != nil {
		s.engine.undelivered(s.adapter.name, err)
	}
	return nil
}

func (s *stream) guardedPutLocked(entry *Entry) error {
	defer s.engine.guard("delivering an entry of a log")
	return s.putLocked(entry)
}

// doubleLocked reports whether an entry was appended twice.
func (s *stream) doubleLocked(entry *Entry) bool {
	const most = 4096
	if s.immediate || entry.Sequence == 0 {
		return false
	}
	if last, ok := s.numbers[entry.Node]; ok && entry.Sequence <= last {
		return true
	}
	if len(s.numbers) >= most {
		clear(s.numbers) // of nodes that are long gone, above all
	}
	s.numbers[entry.Node] = entry.Sequence
	return false
}

// putLocked puts the packet of an entry into the queues of its members, and in front of those that are coming back.
func (s *stream) putLocked(entry *Entry) error {
	t := entry.Target
	members := s.adapter.rooms.snapshot(t)
	defer s.adapter.rooms.release(members)
	if len(members.members) == 0 && len(s.returning) == 0 {
		return nil
	}
	p := s.withOffset(entry)
	if len(members.members) > 0 {
		if err := s.adapter.local.Deliver(p, members.members, t); err != nil {
			return err
		}
		for _, m := range members.members {
			if progress := m.Progress(); progress != nil {
				progress.received = entry.Position
			}
		}
	}
	for _, r := range s.returning {
		r.putLocked(entry, p)
	}
	return nil
}

// withOffset returns a copy of an entry's packet that ends with the entry's offset.
func (s *stream) withOffset(entry *Entry) *parser.Packet {
	p := *entry.Packet
	p.Data = withOffset(s.log, p.Data, entry.Position)
	return &p
}

// withOffset returns a copy of an array with an offset as its last element. The array has an element in front, the event's
// name. What is no array is returned as it is.
func withOffset(log Log, array []byte, at Position) []byte {
	const longest = 48 // of an offset with its quotes
	end := bytes.LastIndexByte(array, ']')
	if end < 0 {
		return array
	}
	data := make([]byte, 0, end+longest)
	data = append(data, array[:end]...)
	data = append(data, `,"`...)
	data = log.AppendOffset(data, at)
	return append(data, `"]`...)
}

// undelivered says in the log that a packet was not delivered to the members of this node.
func (e *Engine) undelivered(namespace string, err error) {
	if errors.Is(err, ErrClosed) {
		return
	}
	e.log.Warn("a packet was not delivered", slog.String("nsp", namespace), slog.String("node", e.id), slog.Any("err", err))
}
