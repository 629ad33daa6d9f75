package socketio

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/parser"
)

// EmitWithAck sends an event and waits for the client's answer, until ctx ends or, when it has no deadline, until
// Options.AckTimeout. It returns ErrClosed when the socket disconnects first, ErrTooManyAcks, the context's error, or
// an encoding error.
//
// Called by a handler it holds up the socket's later events until the answer is there, though not the answer itself:
// the events of one socket are handled one after the other. Where Node's code passes a callback and goes on,
// use EmitWithAckFunc, or register the handler with event.Concurrent.
func (s *Socket) EmitWithAck(ctx context.Context, name string, args ...any) (*event.Message, error) {
	return SocketEmitter{s: s}.EmitWithAck(ctx, name, args...)
}

// EmitWithAck sends an event and waits for the client's answer; see Socket.EmitWithAck. When a volatile event was dropped it
// returns ErrDropped at once.
func (e SocketEmitter) EmitWithAck(ctx context.Context, name string, args ...any) (*event.Message, error) {
	s := e.s
	p, err := s.nsp.eventPacket(name, args)
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.nsp.server.ackContext(ctx)
	defer cancel()
	id := s.nsp.nextAckID()
	p.ID, p.HasID = id, true
	answers := make(chan *parser.Packet, 1) // one is sent: the answer, or the end
	if err := s.awaitAck(id, func(answer *parser.Packet) { answers <- answer }); err != nil {
		return nil, err
	}
	s.observe(p)
	if err := e.send(p); err != nil {
		s.forgetAck(id)
		return nil, err
	}
	var answer *parser.Packet
	select {
	case answer = <-answers:
	case <-ctx.Done():
		if s.forgetAck(id) {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				s.nsp.server.counters.ackTimeouts.Add(1)
			}
			return nil, fmt.Errorf("socketio: waiting for an acknowledgement of %q: %w", name, ctx.Err())
		}
		answer = <-answers // it came, or the socket went, at the same moment
	}
	if answer == nil {
		return nil, ErrClosed
	}
	return (*event.Message)(message.Answer(answer, &s.nsp.server.toClients)), nil
}

// ackContext gives a context that waits for acknowledgements its default deadline.
func (s *Server) ackContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.opts.AckTimeout)
}

// waiting is who waits for an acknowledgement: one of the two.
type waiting struct {
	answered func(*parser.Packet) // called at once, with the connection locked: somebody waits
	answer   *answer              // queued behind the events that came before
}

// awaitAck registers where the answer goes: the acknowledgement, or nil when the socket disconnects. Answered is called
// once, with the connection locked, and must not block.
func (s *Socket) awaitAck(id uint64, answered func(*parser.Packet)) error {
	return s.await(id, waiting{answered: answered})
}

func (s *Socket) await(id uint64, w waiting) error {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case s.state != connected: // a client that is still connecting answers nothing
		return ErrClosed
	case int(c.acks) >= c.server.opts.MaxAcks:
		c.server.counters.tooManyAcks.Add(1)
		return ErrTooManyAcks
	}
	if s.acks == nil {
		s.acks = map[uint64]waiting{}
	}
	s.acks[id] = w
	c.acks++
	if w.answered != nil {
		c.waits++
		c.wakeReaderLocked() // a reader that waits for space must go on: only it can bring the answer
		c.handOverLocked()
	}
	return nil
}

// forgetAck gives up waiting. It reports false when the answer has come or the socket has gone.
func (s *Socket) forgetAck(id uint64) bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.forgetAckLocked(id)
}

func (s *Socket) forgetAckLocked(id uint64) bool {
	w, found := s.acks[id]
	if found {
		delete(s.acks, id)
		s.conn.acks--
		if w.answered != nil {
			s.conn.waits--
		}
	}
	return found
}

// resolveLocked delivers an answer, on the goroutine that reads; one for a function is returned, to be queued. One that
// nobody awaits is ignored.
func (c *connection) resolveLocked(s *Socket, p *parser.Packet) *answer {
	w, ok := s.acks[p.ID]
	switch {
	case !ok || !p.HasID:
		c.server.counters.unknownAcks.Add(1)
	case w.answer != nil:
		return w.answer
	default:
		s.forgetAckLocked(p.ID)
		w.answered(p)
	}
	return nil
}

// loseAcksLocked ends the waiting for all answers, because the socket disconnects.
func (s *Socket) loseAcksLocked() {
	for _, id := range slices.Sorted(maps.Keys(s.acks)) {
		if w := s.acks[id]; w.answer != nil {
			s.failAnswerLocked(w.answer, ErrClosed)
		} else {
			s.forgetAckLocked(id)
			w.answered(nil)
		}
	}
}
