package socketio

import (
	"context"
	"errors"
	"fmt"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/parser"
)

// EmitWithAck sends an event and waits for the client's answer, until ctx ends or, when it has no deadline, until
// Options.AckTimeout. It returns ErrClosed when the socket disconnects first, ErrTooManyAcks, the context's error, or
// an encoding error. It may be called by a handler: the answer does not wait behind it.
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
	return (*event.Message)(message.Answer(answer)), nil
}

// ackContext gives a context that waits for acknowledgements its default deadline.
func (s *Server) ackContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.opts.AckTimeout)
}

// awaitAck registers where the answer goes: the acknowledgement, or nil when the socket disconnects. Answered is called
// once, with the connection locked, and must not block.
func (s *Socket) awaitAck(id uint64, answered func(*parser.Packet)) error {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case s.state != connected: // a client that is still connecting answers nothing
		return ErrClosed
	case c.acks >= c.server.opts.MaxAcks:
		c.server.counters.tooManyAcks.Add(1)
		return ErrTooManyAcks
	}
	if s.acks == nil {
		s.acks = map[uint64]func(*parser.Packet){}
	}
	s.acks[id] = answered
	c.acks++
	c.wakeReaderLocked() // a reader that waits for space must go on: only it can bring the answer
	c.handOverLocked()
	return nil
}

// forgetAck gives up waiting. It reports false when the answer has come or the socket has gone.
func (s *Socket) forgetAck(id uint64) bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	_, waiting := s.acks[id]
	if waiting {
		delete(s.acks, id)
		s.conn.acks--
	}
	return waiting
}

// resolveLocked delivers an answer, on the goroutine that reads. One that nobody awaits is ignored.
func (c *connection) resolveLocked(s *Socket, p *parser.Packet) {
	answered, ok := s.acks[p.ID]
	if !ok || !p.HasID {
		c.server.counters.unknownAcks.Add(1)
		return
	}
	delete(s.acks, p.ID)
	c.acks--
	answered(p)
}
