package socketio

import (
	"context"
	"errors"
	"fmt"

	"github.com/parleyio/parley/event"
)

// EmitWithAckFunc sends an event and returns; answered is called once, with the client's answer or with the reason why there
// is none: ErrClosed when the socket disconnects first, or the error of ctx, which without a deadline gets that of
// Options.AckTimeout. When EmitWithAckFunc itself returns an error, which is ErrClosed, ErrTooManyAcks, the context's error
// or an encoding error, answered is not called. You may pass the context of a handler. Do not pass a context that the
// handler cancels when it returns; call its cancel function in answered instead.
//
// Answered runs where the socket's handlers run, in order with them: behind the events that the client sent before its
// answer, ahead of those behind it, and before the functions of OnDisconnect. So it needs no lock against them, may take its
// time as they may, and nothing waits for the answer meanwhile. An answer counts for Options.MaxAcks until answered is
// called, and for Options.InboxBytes while it is queued.
func (s *Socket) EmitWithAckFunc(ctx context.Context, name string, answered func(*event.Message, error), args ...any) error {
	return SocketEmitter{s: s}.EmitWithAckFunc(ctx, name, answered, args...)
}

// EmitWithAckFunc sends an event and calls a function with the answer; see Socket.EmitWithAckFunc. When a volatile event
// was dropped it returns ErrDropped.
func (e SocketEmitter) EmitWithAckFunc(
	ctx context.Context, name string, answered func(*event.Message, error), args ...any,
) error {
	if answered == nil {
		panic("socketio: nil function for EmitWithAckFunc")
	}
	s := e.s
	p, err := s.nsp.eventPacket(name, args)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("socketio: sending %q: %w", name, err)
	}
	a := &answer{id: s.nsp.nextAckID(), name: name, answered: answered}
	p.ID, p.HasID = a.id, true
	if err := s.await(a.id, waiting{answer: a}); err != nil {
		return err
	}
	s.observe(p)
	if err := e.send(p); err != nil {
		if s.forgetAck(a.id) {
			return err
		}
		return nil // the disconnect has been reported to answered
	}
	s.limitAnswer(ctx, a)
	return nil
}

// answer is what becomes of an EmitWithAckFunc.
type answer struct {
	// Immutable after construction.
	id       uint64
	name     string
	answered func(*event.Message, error)

	// The connection's mutex guards the fields below until the answer is taken from the inbox.
	err  error
	stop func() // ends the waiting for the context; nil until there is one
}

// limitAnswer gives an answer the time that its context has.
func (s *Socket) limitAnswer(ctx context.Context, a *answer) {
	limited, cancel := s.nsp.server.ackContext(ctx)
	stop := context.AfterFunc(limited, func() {
		defer s.conn.guard("time of an acknowledgement")
		s.expire(a, limited.Err())
	})
	ended := func() {
		stop()
		cancel()
	}
	c := s.conn
	c.mu.Lock()
	waits := s.awaitsLocked(a)
	if waits {
		a.stop = ended
	}
	c.mu.Unlock()
	if !waits { // the answer was faster
		ended()
	}
}

// expire ends the waiting for an answer that has not come.
func (s *Socket) expire(a *answer, err error) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.awaitsLocked(a) {
		return
	}
	if errors.Is(err, context.DeadlineExceeded) {
		c.server.counters.ackTimeouts.Add(1)
	}
	s.failAnswerLocked(a, fmt.Errorf("socketio: waiting for an acknowledgement of %q: %w", a.name, err))
	s.startLocked()
}

// awaitsLocked reports whether the end of an answer is still open.
func (s *Socket) awaitsLocked(a *answer) bool { return s.acks[a.id].answer == a }

// failAnswerLocked queues an answer that will not come. It needs no space: MaxAcks bounds how many there are.
func (s *Socket) failAnswerLocked(a *answer, err error) {
	delete(s.acks, a.id)
	a.err = err
	s.inbox.pushLocked(entry{answer: a})
}

// callAnswered calls the function of an EmitWithAckFunc, on the socket's worker. Its panic has been logged by protect.
func (s *Socket) callAnswered(e entry) {
	a := e.answer
	if a.stop != nil {
		a.stop()
	}
	c := s.conn
	c.mu.Lock()
	c.acks-- // before the call, which may ask again
	c.mu.Unlock()
	_ = s.protect(a.name, func() error { a.answered(e.event, a.err); return nil })
}
