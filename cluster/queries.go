package cluster

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/parleyio/parley/parser"
)

// The queries reach all nodes of the cluster, this one included unless a method says otherwise; Target.Local keeps them on
// this node. Those that take a context wait for other nodes until it ends or, when it has no deadline, for
// Config.RequestTimeout; they return what has come, together with an *[IncompleteError] when something is missing. A node
// that stops in order is not waited for, nor one that has been silent for Config.HeartbeatTimeout.
//
// After Close, SocketsJoin and those that send something return ErrClosed; the others go on answering for this node.
// Members of this node have been moved or disconnected when a method returns, those of other nodes a little later.

// FetchSockets describes the members that a target selects.
func (a *Adapter) FetchSockets(ctx context.Context, t *Target) ([]SocketInfo, error) {
	if t.nobody() {
		return nil, nil
	}
	var infos []SocketInfo
	if members := a.Members(t); len(members) > 0 {
		infos = a.local.Describe(members)
	}
	if t.Local || a.closed.Load() {
		return infos, nil
	}
	err := a.gather(ctx, &Message{Kind: KindFetch, Target: *t}, func(m *Message) { infos = append(infos, m.Sockets...) })
	return infos, err
}

// gather sends a question to the other nodes and hands each answer to receive, one at a time.
func (a *Adapter) gather(ctx context.Context, question *Message, receive func(m *Message)) error {
	e := a.engine
	ctx, cancel := e.deadline(ctx)
	defer cancel()
	r := e.ask(ctx, a.name)
	if r == nil {
		return nil
	}
	r.receive = func(m *Message) bool {
		if _, again := r.answered[m.Node]; again {
			return false
		}
		receive(m)
		return true
	}
	question.Namespace, question.Timeout = a.name, timeout(ctx)
	if err := e.pose(r, question); err != nil {
		return err
	}
	err := e.wait(ctx, r, r.completeLocked)
	if errors.Is(err, ErrClosed) {
		return err
	}
	if missing := r.missing(err); missing != nil {
		return missing
	}
	return nil
}

// SocketsJoin puts the members that a target selects into rooms.
func (a *Adapter) SocketsJoin(t *Target, rooms ...string) error {
	if a.closed.Load() {
		return ErrClosed
	}
	if members := a.Members(t); len(members) > 0 {
		a.local.Join(members, rooms...)
	}
	a.tell(t, &Message{Kind: KindJoin, Rooms: rooms})
	return nil
}

// SocketsLeave takes the members that a target selects out of rooms.
func (a *Adapter) SocketsLeave(t *Target, rooms ...string) error {
	if members := a.Members(t); len(members) > 0 {
		a.local.Leave(members, rooms...)
	}
	a.tell(t, &Message{Kind: KindLeave, Rooms: rooms})
	return nil
}

// DisconnectSockets takes the members that a target selects out of the namespace, and with closeConnection closes their
// connections.
func (a *Adapter) DisconnectSockets(t *Target, closeConnection bool) error {
	if members := a.Members(t); len(members) > 0 {
		a.local.Disconnect(members, closeConnection)
	}
	a.tell(t, &Message{Kind: KindDisconnect, Close: closeConnection})
	return nil
}

// tell sends a message for the members that a target selects to the other nodes.
func (a *Adapter) tell(t *Target, m *Message) {
	if a.engine.bus == nil || t.nobody() || t.Local || a.closed.Load() {
		return
	}
	m.Namespace, m.Target = a.name, *t
	a.engine.publish(m, nil)
}

// ServerSideEmit hands an event, as a JSON array with the name in front, to the other nodes.
func (a *Adapter) ServerSideEmit(data []byte) error {
	if a.closed.Load() {
		return ErrClosed
	}
	if a.engine.bus != nil && !a.engine.publish(&Message{Kind: KindServerEmit, Namespace: a.name, Data: data}, nil) {
		return ErrQueueFull
	}
	return nil
}

// ServerSideEmitWithAck does the same and collects the answers of the other nodes, each a JSON value.
func (a *Adapter) ServerSideEmitWithAck(ctx context.Context, data []byte) ([]json.RawMessage, error) {
	if a.closed.Load() {
		return nil, ErrClosed
	}
	var answers []json.RawMessage
	err := a.gather(ctx, &Message{Kind: KindServerEmit, Data: data}, func(m *Message) { answers = append(answers, m.Data) })
	return answers, err
}

// ServerCount returns the number of nodes on which the namespace lives, this one included, as far as it is known.
func (a *Adapter) ServerCount(ctx context.Context) (int, error) {
	e := a.engine
	if e.bus == nil {
		return 1, nil
	}
	beating, lately := e.peers.in(a.name)
	if !e.bus.Traits().Counts {
		return 1 + len(beating) + len(lately), nil
	}
	ctx, cancel := e.deadline(ctx)
	defer cancel()
	n, err := e.bus.Count(ctx, a.name)
	return max(n, 1+len(beating)), err
}

// handle does what another node asks for.
func (a *Adapter) handle(m *Message) {
	defer a.engine.guard("a message of another node")
	if a.closed.Load() {
		return
	}
	switch m.Kind {
	case KindBroadcast:
		if m.Packet == nil {
			return
		}
		if m.Request != "" {
			a.answerAcks(m)
			return
		}
		a.receive(m.Packet, &m.Target)
	case KindJoin, KindLeave, KindDisconnect:
		members := a.Members(&m.Target)
		switch {
		case len(members) == 0:
		case m.Kind == KindJoin:
			a.local.Join(members, m.Rooms...)
		case m.Kind == KindLeave:
			a.local.Leave(members, m.Rooms...)
		default:
			a.local.Disconnect(members, m.Close)
		}
	case KindFetch:
		answer := &Message{Kind: KindFetchAnswer}
		if members := a.Members(&m.Target); len(members) > 0 {
			answer.Sockets = a.local.Describe(members)
		}
		a.reply(m, answer)
	case KindServerEmit:
		if m.Request == "" {
			a.local.ServerEvent(m.Data, nil)
			return
		}
		a.local.ServerEvent(m.Data, func(value json.RawMessage) {
			a.reply(m, &Message{Kind: KindServerEmitAnswer, Data: value})
		})
	case KindRelease:
		if a.stream == nil || m.Session == nil {
			return
		}
		a.reply(m, &Message{Kind: KindReleaseAnswer, Session: a.stream.sessions.release(m.Session.PID)})
	}
}

// receive delivers a packet of another node to the members of this one. A log of this node alone gets it too.
func (a *Adapter) receive(p *parser.Packet, t *Target) {
	var err error
	if a.stream != nil && !a.stream.shared && a.stream.takes(p, t) {
		err = a.stream.append(p, t)
	} else {
		err = a.deliver(p, t)
	}
	if err != nil {
		a.engine.undelivered(a.name, err)
	}
}

// reply answers a message. A sender that is no node gets no answer.
func (a *Adapter) reply(to, answer *Message) {
	if to.Node == "" || to.Node == emitter || to.Request == "" {
		return
	}
	answer.To, answer.Request, answer.Namespace = to.Node, to.Request, a.name
	a.engine.publish(answer, nil)
}
