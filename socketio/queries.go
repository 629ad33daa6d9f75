package socketio

import (
	"context"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/parser"
)

// FetchSockets describes the chosen sockets of all nodes. It waits for the other nodes until ctx ends, and returns what
// has come together with a *IncompleteError.
func (b Broadcast) FetchSockets(ctx context.Context) ([]*RemoteSocket, error) {
	infos, err := b.nsp.adapter.FetchSockets(ctx, &b.target)
	sockets := make([]*RemoteSocket, len(infos))
	for i, info := range infos {
		sockets[i] = &RemoteSocket{b.nsp, info}
	}
	return sockets, err
}

// SocketsJoin puts the chosen sockets of all nodes into rooms. A socket that may join no more is left as it is.
func (b Broadcast) SocketsJoin(rooms ...string) error {
	if err := b.nsp.server.checkRooms(rooms); err != nil {
		return err
	}
	return b.nsp.adapter.SocketsJoin(&b.target, rooms...)
}

// SocketsLeave takes the chosen sockets of all nodes out of rooms.
func (b Broadcast) SocketsLeave(rooms ...string) error {
	return b.nsp.adapter.SocketsLeave(&b.target, rooms...)
}

// DisconnectSockets takes the chosen sockets of all nodes out of the namespace, and with closeConnection closes their
// connections. The clients do not come back by themselves.
func (b Broadcast) DisconnectSockets(closeConnection bool) error {
	return b.nsp.adapter.DisconnectSockets(&b.target, closeConnection)
}

// EmitWithAcks sends an event to the chosen sockets and waits for their answers, until ctx ends or, when it has no
// deadline, until Options.AckTimeout. It returns the answers that have come, in their order, and a
// *IncompleteError when some are missing: their sockets did not answer in time, or have disconnected.
func (b Broadcast) EmitWithAcks(ctx context.Context, name string, args ...any) ([]*event.Message, error) {
	p, err := b.nsp.eventPacket(name, args)
	if err != nil {
		return nil, err
	}
	ctx, cancel := b.nsp.server.ackContext(ctx)
	defer cancel()
	p.HasID = true // each node gives it an id of its own
	b.observe(p)
	came, err := b.nsp.adapter.BroadcastWithAck(ctx, p, &b.target)
	answers := make([]*event.Message, len(came))
	for i, answer := range came {
		answers[i] = (*event.Message)(message.Answer(&parser.Packet{
			Type: parser.Ack, Data: answer.Data, Attachments: answer.Attachments,
		}, &b.nsp.server.toClients))
	}
	return answers, err
}

// ServerCount returns the number of nodes that have this namespace, as far as this node knows. It includes this node. See
// cluster.Adapter.ServerCount.
func (n *Namespace) ServerCount(ctx context.Context) (int, error) { return n.adapter.ServerCount(ctx) }

// FetchSockets describes all sockets of the namespace; see Broadcast.FetchSockets.
func (n *Namespace) FetchSockets(ctx context.Context) ([]*RemoteSocket, error) {
	return n.all().FetchSockets(ctx)
}

// SocketsJoin puts all sockets of the namespace into rooms; see Broadcast.SocketsJoin.
func (n *Namespace) SocketsJoin(rooms ...string) error { return n.all().SocketsJoin(rooms...) }

// SocketsLeave takes all sockets of the namespace out of rooms; see Broadcast.SocketsLeave.
func (n *Namespace) SocketsLeave(rooms ...string) error { return n.all().SocketsLeave(rooms...) }

// DisconnectSockets disconnects all sockets of the namespace; see Broadcast.DisconnectSockets.
func (n *Namespace) DisconnectSockets(closeConnection bool) error {
	return n.all().DisconnectSockets(closeConnection)
}

// EmitWithAcks asks all sockets of the namespace; see Broadcast.EmitWithAcks.
func (n *Namespace) EmitWithAcks(ctx context.Context, name string, args ...any) ([]*event.Message, error) {
	return n.all().EmitWithAcks(ctx, name, args...)
}

// ObserveRooms calls f for each change of the namespace's rooms on this node: created, joined, left, deleted. It
// returns the function that ends that. The events come in the order of the changes, later than they, on a goroutine of
// the adapter; see cluster.Adapter.ObserveRooms.
func (n *Namespace) ObserveRooms(f func(RoomEvent)) (off func()) {
	return n.adapter.ObserveRooms(func(e RoomEvent) {
		_ = n.protect(e.Kind.String(), func() error { f(e); return nil }) // logged by protect
	})
}

// ClusterHealth returns what this node knows of the cluster without asking anybody: the state of the brokers, the other
// nodes and when each was heard last, and what was lost.
func (s *Server) ClusterHealth() cluster.Health { return s.cluster.Health() }
