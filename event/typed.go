package event

import (
	"context"
	"fmt"
)

// Name is the name of an event whose payload is a T. It is usually a constant.
type Name[T any] string

// WithAck is the name of an event whose payload is a Req and which is answered with a Res. It is usually a constant.
type WithAck[Req, Res any] string

// Registrar is what handlers are added to: a server, a namespace, a socket, a client, a [Mux].
type Registrar[S any] interface {
	On(name string, h Handler[S]) (off func())
}

// Emitter is what events are sent through: a server, a namespace, a broadcast, a socket, a client.
type Emitter interface {
	Emit(name string, args ...any) error
}

// AckEmitter sends an event to one peer and waits for its answer.
type AckEmitter interface {
	EmitWithAck(ctx context.Context, name string, args ...any) (*Message, error)
}

// AllEmitter sends an event to many peers and waits for their answers. It returns those that came even when the error
// is not nil.
type AllEmitter interface {
	EmitWithAcks(ctx context.Context, name string, args ...any) ([]*Message, error)
}

// On adds a handler for a typed event and returns the function that removes it. A payload that does not decode into T is
// an *[Error] with code [Invalid], and h is not called. When h returns nil and the sender asked for an acknowledgement,
// it gets one without arguments. Like [Mux.On] it panics on a nil handler and on a reserved name.
func On[S, T any](r Registrar[S], name Name[T], h func(context.Context, S, T) error) (off func()) {
	if h == nil {
		panic("event: nil handler for " + string(name))
	}
	return r.On(string(name), func(ctx context.Context, s S, m *Message) error {
		var payload T
		if err := m.Scan(pointers(&payload)...); err != nil {
			return err
		}
		if err := h(ctx, s, payload); err != nil {
			return err
		}
		return m.finish()
	})
}

// OnWithAck adds a handler for a typed event that is answered: with the arguments that Res stands for. The answer is
// dropped when the sender did not ask for one. It is like [On] otherwise.
//
// An event has one answer: when several handlers of it would give one, the first does, and the others fail with
// [ErrAcknowledged].
func OnWithAck[S, Req, Res any](r Registrar[S], name WithAck[Req, Res], h func(context.Context, S, Req) (Res, error)) (off func()) {
	if h == nil {
		panic("event: nil handler for " + string(name))
	}
	return r.On(string(name), func(ctx context.Context, s S, m *Message) error {
		var payload Req
		if err := m.Scan(pointers(&payload)...); err != nil {
			return err
		}
		result, err := h(ctx, s, payload)
		if err != nil {
			return err
		}
		return m.Ack(arguments(result)...)
	})
}

// Emit sends a typed event. It does not block; the error is the emitter's.
func Emit[T any](e Emitter, name Name[T], payload T) error {
	return e.Emit(string(name), arguments(payload)...)
}

// EmitWithAck sends a typed event to one peer and waits for its answer, or until the context ends.
//
// An answer of the form {"error":{"code":…}}, with no other key, is returned as an *[Error]; one that does not decode
// into Res as an *[Error] with code [Invalid]. All other errors are the emitter's.
func EmitWithAck[Req, Res any](ctx context.Context, e AckEmitter, name WithAck[Req, Res], payload Req) (Res, error) {
	m, err := e.EmitWithAck(ctx, string(name), arguments(payload)...)
	if err != nil {
		var none Res
		return none, err
	}
	return answer[Res](m)
}

// EmitAll sends a typed event to many peers and returns their answers as they came. The answers that could be had are
// returned together with an error, which tells of missing ones and of the first that was an error itself.
func EmitAll[Req, Res any](ctx context.Context, e AllEmitter, name WithAck[Req, Res], payload Req) ([]Res, error) {
	messages, err := e.EmitWithAcks(ctx, string(name), arguments(payload)...)
	results := make([]Res, 0, len(messages))
	var first error
	for _, m := range messages {
		if res, err := answer[Res](m); err == nil {
			results = append(results, res)
		} else if first == nil {
			first = err
		}
	}
	switch failed := len(messages) - len(results); {
	case failed == 0:
		return results, err
	case err == nil:
		return results, fmt.Errorf("event: %d of %d answers failed, first: %w", failed, len(messages), first)
	default:
		return results, fmt.Errorf("%w; %d of %d answers failed, first: %w", err, failed, len(messages), first)
	}
}

// answer decodes an acknowledgement.
func answer[Res any](m *Message) (res Res, err error) {
	if e := m.failure(); e != nil {
		return res, e
	}
	err = m.Scan(pointers(&res)...)
	return res, err
}
