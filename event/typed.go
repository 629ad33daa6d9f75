package event

import (
	"context"
	"fmt"
)

// Name is the name of an event with a payload of type T. It is usually a constant.
type Name[T any] string

// WithAck is the name of an event with a payload of type Req that is acknowledged with a Res. It is usually a constant.
type WithAck[Req, Res any] string

// Registrar is implemented by everything that handlers can be added to: servers, namespaces, sockets, clients and [Mux].
type Registrar[S any] interface {
	On(name string, h Handler[S]) (off func())
}

// Emitter is implemented by everything that can send events: servers, namespaces, broadcasts, sockets and clients.
type Emitter interface {
	Emit(name string, args ...any) error
}

// AckEmitter sends an event to one peer and waits for its answer.
type AckEmitter interface {
	EmitWithAck(ctx context.Context, name string, args ...any) (*Message, error)
}

// AckFuncEmitter sends an event to one peer and has a function called with the answer, or with the reason why there is
// none.
type AckFuncEmitter interface {
	EmitWithAckFunc(ctx context.Context, name string, answered func(*Message, error), args ...any) error
}

// AllEmitter sends an event to many peers and waits for their answers. It returns the answers that arrived, also together
// with an error.
type AllEmitter interface {
	EmitWithAcks(ctx context.Context, name string, args ...any) ([]*Message, error)
}

// On adds a handler for a typed event and returns the function that removes it. If a payload does not decode into T, h is
// not called and the event fails with an *[Error] with code [Invalid]. If h returns nil and the sender asked for an
// acknowledgement, the event is acknowledged without arguments. On panics on a nil handler and on a reserved name, like
// [Mux.On].
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

// OnWithAck adds a handler whose result acknowledges the event. The result is dropped if the sender did not ask for an
// acknowledgement. Otherwise OnWithAck is like [On].
//
// An event is acknowledged once. If several handlers return a result, the first result is sent and the others fail with
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

// Emit sends a typed event. It does not block. The error is that of e.Emit.
func Emit[T any](e Emitter, name Name[T], payload T) error {
	return e.Emit(string(name), arguments(payload)...)
}

// EmitWithAck sends a typed event to one peer and waits until it answers or the context ends. In a handler it delays the
// socket's later events meanwhile; [EmitWithAckFunc] does not.
//
// If the answer is {"error":{"code":…}} without another key next to "error", EmitWithAck returns it as an *[Error]. If the
// answer does not decode into Res, it returns an *[Error] with code [Invalid]. All other errors are those of e.EmitWithAck.
func EmitWithAck[Req, Res any](ctx context.Context, e AckEmitter, name WithAck[Req, Res], payload Req) (Res, error) {
	m, err := e.EmitWithAck(ctx, string(name), arguments(payload)...)
	if err != nil {
		var none Res
		return none, err
	}
	return answer[Res](m)
}

// EmitWithAckFunc sends a typed event to one peer and returns; answered is called once with the answer, or with an error
// as [EmitWithAck] returns it. It holds up nothing, and is the form to use in a handler: see the emitter's method for where
// answered runs. When EmitWithAckFunc itself returns an error, which is the emitter's, answered is not called.
func EmitWithAckFunc[Req, Res any](
	ctx context.Context, e AckFuncEmitter, name WithAck[Req, Res], payload Req, answered func(Res, error),
) error {
	if answered == nil {
		panic("event: nil function for " + string(name))
	}
	return e.EmitWithAckFunc(ctx, string(name), func(m *Message, err error) {
		var res Res
		if err == nil {
			res, err = answer[Res](m)
		}
		answered(res, err)
	}, arguments(payload)...)
}

// EmitAll sends a typed event to many peers and returns their answers in the order of arrival. If some answers are missing,
// are errors or do not decode, EmitAll returns the others together with an error. That error wraps the error of
// e.EmitWithAcks and the first failed answer.
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
