package cluster

import (
	"context"
	"errors"
	"log/slog"
)

// healLocked begins to read entries that were not delivered: those behind the end, up to awaited.
func (s *stream) healLocked() {
	s.engine.counters.healed.Add(1)
	s.healing = s.engine.spawn("reading lost entries", s.heal)
}

// heal reads until nothing is missing. It delivers in place of the log meanwhile.
func (s *stream) heal() {
	defer s.healed()
	const page = 256
	for attempt := 0; ; {
		s.mu.Lock()
		after := s.end
		complete := after.Compare(s.awaited) >= 0
		if complete {
			s.healing = false // no entry can come between
		}
		s.mu.Unlock()
		if complete {
			return
		}
		ctx, cancel := context.WithTimeout(s.ctx, s.engine.config.RequestTimeout)
		entries, err := s.log.Read(ctx, s.adapter.name, after, page)
		cancel()
		switch {
		case errors.Is(err, ErrUnknownOffset):
			s.loseRest()
			return
		case err != nil, len(entries) == 0:
			if attempt == 0 && err != nil {
				s.engine.log.Warn("reading lost entries", slog.String("nsp", s.adapter.name), slog.Any("err", err))
			}
			if !s.engine.pause(s.ctx, attempt) {
				return
			}
			attempt++
			if err == nil && attempt > 5 { // the log has taken back what it had announced
				return
			}
			continue
		}
		attempt = 0
		s.mu.Lock()
		for i := range entries {
			_ = s.deliverOneLocked(&entries[i]) // logged; of its own it is not told again
		}
		s.lookLocked()
		s.mu.Unlock()
	}
}

func (s *stream) healed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.healing = false
}

// loseRest is for entries that were not delivered and cannot be read any more.
func (s *stream) loseRest() {
	ctx, cancel := context.WithTimeout(s.ctx, s.engine.config.RequestTimeout)
	defer cancel()
	end, err := s.log.Last(ctx, s.adapter.name)
	if err != nil {
		s.mu.Lock()
		end = s.awaited
		s.mu.Unlock()
	}
	s.lose(end)
}

// lose is called by the log when entries are gone that were not delivered here.
func (e *Engine) lose(namespace string, end Position) {
	if a := e.adapter(namespace); a != nil && a.stream != nil {
		a.stream.jump(end) // at once: entries behind it follow
		e.spawn("lost entries", a.stream.reset)
	}
}

// lose ends the sessions of all members of this node: they have missed packets, and their clients must know.
func (s *stream) lose(end Position) {
	s.jump(end)
	s.reset()
}

// jump goes on behind entries that are gone.
func (s *stream) jump(end Position) {
	s.engine.counters.lost.Add(1)
	s.engine.log.Warn("entries of the log are gone: clients have to come back as new ones",
		slog.String("nsp", s.adapter.name), slog.String("node", s.engine.id))
	s.mu.Lock()
	s.followedLocked(end)
	s.healing = false
	for _, r := range s.returning {
		r.lost = true
	}
	s.lookLocked()
	s.mu.Unlock()
}

// reset ends the sessions of all members of this node.
func (s *stream) reset() {
	members := s.adapter.Members(&Target{Everyone: true})
	var lost []Member
	for _, m := range members {
		if m.Progress() != nil {
			s.drop(m, nil)
			lost = append(lost, m)
		}
	}
	if len(lost) > 0 {
		s.adapter.local.Reset(lost)
	}
}

// checkPositions compares what each namespace has delivered with the end of its log. What is behind twice in a row at the
// same place has missed something.
func (e *Engine) checkPositions() {
	for _, a := range e.all() {
		if a.stream != nil {
			a.stream.checkPosition()
		}
	}
}

func (s *stream) checkPosition() {
	ctx, cancel := context.WithTimeout(s.ctx, s.engine.config.RequestTimeout)
	defer cancel()
	s.mu.Lock()
	before, followed, healing := s.end, s.followed, s.healing
	s.mu.Unlock()
	if !followed || healing {
		return
	}
	last, err := s.log.Last(ctx, s.adapter.name)
	if err != nil {
		return // the broker is away; what it has then counts
	}
	if last.Compare(before) < 0 { // nothing can come before what was delivered
		s.lose(last)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.healing, s.end != before, last == before:
		s.suspect = Position{}
	case s.suspect.IsZero():
		s.suspect = last
	default:
		s.suspect, s.awaited = Position{}, last
		s.healLocked()
	}
}
