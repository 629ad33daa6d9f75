package realtime

import (
	"context"
	"errors"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

// registrar registers handlers on a server and gives all of them what the contract promises for every event.
type registrar struct{ *Handlers }

var errPanic = errors.New("realtime: panic in a handler")

// On implements [event.Registrar].
func (r registrar) On(name string, h event.Handler[*socketio.Socket]) (off func()) {
	return r.io.On(name, func(ctx context.Context, socket *socketio.Socket, m *event.Message) error {
		c := r.client(socket)
		c.Begin()
		defer c.End() // when the answer is in the send queue
		returned := false
		defer func() {
			if !returned { // a panic, which the server logs
				tell(socket, m, event.AsError(errPanic))
			}
		}()
		err := h(ctx, socket, m)
		returned = true
		return report(ctx, socket, m, err)
	})
}

// report tells the sender of a failure unless the server will, in the acknowledgement. It returns what the server has to
// know.
func report(ctx context.Context, socket *socketio.Socket, m *event.Message, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, socketio.ErrClosed), errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return nil // the sender has gone, and what it wanted to know or to join is of no use to it
	}
	err = onWire(err)
	if m.WantsAck() {
		return err
	}
	e := event.AsError(err)
	tell(socket, m, e)
	if e.Code != event.Internal {
		return nil // the client's mistake, and it knows
	}
	return err
}

// tell emits Exception to a sender who has not asked for an acknowledgement.
func tell(socket *socketio.Socket, m *event.Message, e *event.Error) {
	if !m.WantsAck() {
		// If the sender has gone meanwhile there is nobody to tell.
		_ = event.Emit(socket, Exception, Failure{Event: m.Name(), Code: e.Code, Message: e.Message})
	}
}

// onWire gives the errors that a client may see the form in which the server sends them. Others stay as they are: they are
// logged, and the client learns no more than that they are internal.
func onWire(err error) error {
	if errors.Is(err, socketio.ErrTooManyRooms) {
		return &event.Error{Code: event.Invalid, Message: "too many rooms"}
	}
	if errors.Is(err, parser.ErrExceedsLimit) { // the message fits, but not within the event that relays it
		return &event.Error{Code: event.Invalid, Message: "message is nested too deep to be relayed"}
	}
	e, ok := errors.AsType[*backend.Error](err)
	if !ok || e.Code == backend.CodeInternal {
		return err
	}
	return &event.Error{Code: string(e.Code), Message: e.Message}
}
