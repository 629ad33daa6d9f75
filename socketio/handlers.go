package socketio

import (
	"errors"
	"log/slog"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
)

// handle runs what is registered for one event: the listeners for all events, the middlewares, and, when
// no middleware has stopped it, the handlers.
func (s *Socket) handle(m *event.Message) {
	caught := s.caught(m)
	if !s.admit(m) {
		return
	}
	var lists [3][]event.Handler[*Socket] // all before the first runs: those that one adds are for the next event
	for i, r := range s.nsp.registries {
		lists[i] = r.events.Handlers(m.Name())
	}
	if events := s.events.Load(); events != nil {
		lists[2] = events.Handlers(m.Name())
	}
	for _, handlers := range lists {
		for _, h := range handlers {
			s.call(m, h)
			caught = true
		}
	}
	if !caught {
		s.nsp.server.counters.unhandledEvents.Add(1)
		s.warnUnhandled(m.Name())
	}
}

// caught calls the listeners for all incoming events and reports whether there are any.
func (s *Socket) caught(m *event.Message) (found bool) {
	for _, r := range s.nsp.registries {
		for _, f := range r.incoming.all() {
			s.call(m, *f)
			found = true
		}
	}
	if own := s.own.Load(); own != nil {
		for _, f := range own.incoming.all() {
			s.call(m, *f)
			found = true
		}
	}
	return found
}

// admit runs the middlewares for incoming events. It reports false when one has stopped the event.
func (s *Socket) admit(m *event.Message) bool {
	for _, r := range s.nsp.registries {
		for _, f := range r.filters.all() {
			if !s.call(m, *f) {
				return false
			}
		}
	}
	if own := s.own.Load(); own != nil {
		for _, f := range own.filters.all() {
			if !s.call(m, *f) {
				return false
			}
		}
	}
	return true
}

// call runs one handler and reports whether it succeeded.
func (s *Socket) call(m *event.Message, h event.Handler[*Socket]) bool {
	err := s.protect(m.Name(), func() error { return h(s.ctx, s, m) })
	s.failed(m, err)
	return err == nil
}

// failed deals with a handler's error: the client receives it if it asked, and otherwise Options.OnError does.
func (s *Socket) failed(m *event.Message, err error) {
	if err == nil {
		return
	}
	s.warnRateLimited(m.Name(), err)
	onError := s.nsp.server.opts.OnError
	switch {
	case m.WantsAck():
		s.log("handler failed", m.Name(), err)
		s.sendFailure(m, err)
	case onError != nil:
		_ = s.protect("error", func() error { onError(s.ctx, s, m.Name(), err); return nil }) // logged by protect
	case !s.warnUnacknowledged(m.Name(), err):
		s.log("handler failed", m.Name(), err)
	}
}

// sendFailure acknowledges an event with its handler's error. Encoding the error's data may run code of the application.
func (s *Socket) sendFailure(m *event.Message, err error) {
	sent := s.protect(m.Name(), func() error { return fail(m, err) })
	var panicked *panicError
	switch {
	case errors.As(sent, &panicked):
		_ = m.Ack(struct { // the client must not wait because of that; it cannot fail to encode
			Error event.Error `json:"error"`
		}{event.Error{Code: event.Internal, Message: event.Internal}})
	case sent != nil && !errors.Is(sent, event.ErrAcknowledged):
		s.log("acknowledging a failure", m.Name(), sent)
	}
}

// fail answers the sender of an event with what it may learn of the handler's error.
func fail(m *event.Message, err error) error {
	return (*message.Message)(m).Fail((*message.Failure)(event.AsError(err)))
}

// log reports a failure of the application. One that the client was meant to hear of, or that a disconnect has caused,
// needs nobody's attention; a panic has been logged already.
func (s *Socket) log(message, name string, err error) {
	level := slog.LevelWarn
	var sent *event.Error
	var panicked *panicError
	switch {
	case errors.As(err, &panicked):
		return
	case errors.As(err, &sent) && sent != nil, s.ctx.Err() != nil, errors.Is(err, ErrClosed):
		level = slog.LevelDebug
	}
	s.nsp.server.opts.Logger.LogAttrs(s.ctx, level, message,
		slog.String("nsp", s.nsp.name), slog.String("event", name), slog.Any("err", err))
}
