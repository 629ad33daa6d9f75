package cluster

import (
	"bytes"
	"context"
	"errors"
	"log/slog"

	"github.com/parleyio/parley/parser"
)

// takes reports whether a packet belongs into the log: an event without an acknowledgement that may not be dropped, and
// with an array for the offset. In a log that all nodes have there is nothing for one node alone.
func (s *stream) takes(p *parser.Packet, t *Target) bool {
	return p.Type == parser.Event && !p.HasID && !t.Volatile && !(t.Local && s.shared) && bytes.IndexByte(p.Data, ']') >= 0
}

// append puts a packet into the log. With an immediate log it has been delivered when append returns.
func (s *stream) append(p *parser.Packet, t *Target) error {
	e := Entry{Node: s.engine.id, Packet: p, Target: t}
	if s.immediate {
		one := s.scratch.Get().(*[1]Entry)
		one[0] = e
		err := s.log.Append(s.ctx, s.adapter.name, one[:])
		one[0] = Entry{}
		s.scratch.Put(one)
		return err
	}
	q := &s.appends
	q.mu.Lock()
	s.appended++
	e.Sequence = s.appended
	work, ok := q.pushLocked(e, packetSize(p, t), false)
	if !ok {
		s.appended--
	}
	q.mu.Unlock()
	if !ok {
		return ErrQueueFull
	}
	if work && !s.engine.spawn("appending to a log", s.appendAll) {
		return ErrClosed
	}
	return nil
}

// packetSize is about what a packet holds in memory.
func packetSize(p *parser.Packet, t *Target) int {
	m := Message{Packet: p, Target: *t}
	return messageSize(&m)
}

// appendAll appends what waits until there is nothing more. It does not give up: what was accepted stays accepted.
func (s *stream) appendAll() {
	for {
		batch := s.appends.take(128)
		if batch == nil {
			return
		}
		for attempt := 0; len(batch) > 0; attempt++ {
			err := s.try(batch)
			for len(batch) > 0 && !batch[0].Position.IsZero() {
				batch = batch[1:]
			}
			if err == nil {
				break
			}
			if attempt == 0 {
				s.engine.log.Warn("appending to a log", slog.String("nsp", s.adapter.name), slog.Any("err", err))
			}
			if !s.engine.pause(s.engine.ctx, attempt) {
				s.engine.undelivered(s.adapter.name, err)
				return
			}
		}
	}
}

func (s *stream) try(batch []Entry) error {
	ctx, cancel := context.WithTimeout(s.engine.ctx, s.engine.config.RequestTimeout)
	defer cancel()
	err := errors.New("cluster: the log has panicked")
	func() {
		defer s.engine.guard("appending to a log")
		err = s.log.Append(ctx, s.adapter.name, batch)
	}()
	return err
}
