package socketio

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// ServerSideEmit sends an event to the other nodes of the cluster, whose handlers of OnServerEvent receive it. Binary
// values travel as base64 text. Besides the names that no event may have, "connection" and "new_namespace" are reserved.
func (n *Namespace) ServerSideEmit(name string, args ...any) error {
	data, err := n.server.marshalServerEvent(name, args)
	if err != nil {
		return err
	}
	return n.adapter.ServerSideEmit(data)
}

// ServerSideEmitWithAck does the same and waits for one answer of each other node, until ctx ends or, when it has no
// deadline, until Options.AckTimeout. It returns what has come, and a *IncompleteError when nodes are missing.
func (n *Namespace) ServerSideEmitWithAck(ctx context.Context, name string, args ...any) ([]*event.Message, error) {
	data, err := n.server.marshalServerEvent(name, args)
	if err != nil {
		return nil, err
	}
	ctx, cancel := n.server.ackContext(ctx)
	defer cancel()
	came, err := n.adapter.ServerSideEmitWithAck(ctx, data)
	answers := make([]*event.Message, len(came))
	for i, answer := range came {
		array := append(append([]byte{'['}, answer...), ']')
		answers[i] = (*event.Message)(message.Answer(&parser.Packet{Type: parser.Ack, Data: array}, &n.server.toServers))
	}
	return answers, err
}

// OnServerEvent adds a handler for an event that another node sends with ServerSideEmit, and returns the function that
// removes it. Its context is that of the server. Each event is handled on a goroutine of its own.
func (n *Namespace) OnServerEvent(name string, h func(ctx context.Context, m *event.Message) error) (off func()) {
	return n.serverEvents.On(name, func(ctx context.Context, _ *Namespace, m *event.Message) error { return h(ctx, m) })
}

// marshalServerEvent encodes an event for other nodes. It cannot have attachments. A node of the reference server would
// take some names for its own affairs.
func (s *Server) marshalServerEvent(name string, args []any) ([]byte, error) {
	if payload.Reserved(name) || name == "connection" || name == "new_namespace" {
		return nil, fmt.Errorf("%w: %q", parser.ErrReservedEvent, name)
	}
	if err := s.toServers.Send.CheckName(name); err != nil {
		return nil, err
	}
	data, err := payload.MarshalValue(append([]any{name}, args...))
	if err != nil {
		return nil, err
	}
	return data, s.toServers.Send.CheckDepth(data)
}

// ServerEvent implements cluster.LocalQueries.
func (d deliverer) ServerEvent(data []byte, answer func(json.RawMessage)) {
	n := d.nsp
	if !n.server.begin() {
		return
	}
	go func() {
		defer n.server.running.Done()
		defer n.server.guard("server event")
		p := &parser.Packet{Type: parser.Event, Namespace: n.name, Data: data, HasID: answer != nil}
		m := (*event.Message)(message.Parse(p, serverAcker(answer), &n.server.toServers))
		for _, h := range n.serverEvents.Handlers(m.Name()) {
			err := n.protect(m.Name(), func() error { return h(n.server.base, n, m) })
			if err == nil {
				continue
			}
			n.server.opts.Logger.Warn("handler of a server event failed",
				slog.String("nsp", n.name), slog.String("event", m.Name()), slog.Any("err", err))
			_ = fail(m, err) // answered already, or nobody asked
		}
	}()
}

// serverAcker answers another node's event.
type serverAcker func(json.RawMessage)

// Acknowledge sends the first argument of the answer, as the protocol of clusters has it.
func (a serverAcker) Acknowledge(_ uint64, data []byte, attachments [][]byte) error {
	first, _, ok := payload.Next(data, 0)
	switch {
	case !ok:
		first = []byte("null")
	case len(attachments) > 0: // binary values travel as base64 text
		var value any
		err := payload.Unmarshal(first, attachments, &value)
		if err == nil {
			first, err = payload.MarshalValue(value)
		}
		if err != nil {
			return err
		}
	}
	a(json.RawMessage(first))
	return nil
}
