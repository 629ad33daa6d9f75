package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

// servePair starts two servers that are a cluster.
func servePair(t testing.TB, opts socketio.Options) (a, b *node) {
	t.Helper()
	var nodes [2]map[string]*peer
	start := func(self int) *node {
		nodes[self] = map[string]*peer{}
		o := opts
		o.Adapter = func(name string, local cluster.Local) (cluster.Adapter, error) {
			adapter, err := cluster.InMemory()(name, local)
			p := &peer{Adapter: adapter, local: local, other: func() *peer { return nodes[1-self][name] }}
			nodes[self][name] = p
			return p, err
		}
		return serve(t, &o)
	}
	return start(0), start(1)
}

// peer is the adapter of a namespace on one of two nodes in one process. Tests make all namespaces before they use them.
type peer struct {
	cluster.Adapter
	local cluster.Local
	other func() *peer
}

// remote returns the other node, unless the target is local.
func (p *peer) remote(t *cluster.Target) *peer {
	if t != nil && t.Local {
		return nil
	}
	return p.other()
}

func (p *peer) both(t *cluster.Target, f func(cluster.Adapter) error) error {
	err := f(p.Adapter)
	if o := p.remote(t); o != nil {
		err = errors.Join(err, f(o.Adapter))
	}
	return err
}

func (p *peer) Broadcast(packet *parser.Packet, t *cluster.Target) error {
	return p.both(t, func(a cluster.Adapter) error { return a.Broadcast(packet, t) })
}

func (p *peer) SocketsJoin(t *cluster.Target, rooms ...string) error {
	return p.both(t, func(a cluster.Adapter) error { return a.SocketsJoin(t, rooms...) })
}

func (p *peer) SocketsLeave(t *cluster.Target, rooms ...string) error {
	return p.both(t, func(a cluster.Adapter) error { return a.SocketsLeave(t, rooms...) })
}

func (p *peer) DisconnectSockets(t *cluster.Target, closeConnection bool) error {
	return p.both(t, func(a cluster.Adapter) error { return a.DisconnectSockets(t, closeConnection) })
}

func (p *peer) FetchSockets(ctx context.Context, t *cluster.Target) (all []cluster.SocketInfo, err error) {
	err = p.both(t, func(a cluster.Adapter) error {
		infos, err := a.FetchSockets(ctx, t)
		all = append(all, infos...)
		return err
	})
	return all, err
}

func (p *peer) ServerCount(context.Context) (int, error) { return 2, nil }

func (p *peer) BroadcastWithAck(ctx context.Context, packet *parser.Packet, t *cluster.Target) (all []cluster.Answer, err error) {
	type result struct {
		answers []cluster.Answer
		err     error
	}
	results := make(chan result, 2)
	asked := 0
	_ = p.both(t, func(a cluster.Adapter) error {
		asked++
		go func() {
			answers, err := a.BroadcastWithAck(ctx, packet, t)
			results <- result{answers, err}
		}()
		return nil
	})
	missing := socketio.IncompleteError{}
	for range asked {
		r := <-results
		all = append(all, r.answers...)
		var incomplete *socketio.IncompleteError
		switch {
		case errors.As(r.err, &incomplete):
			missing.Sockets = append(missing.Sockets, incomplete.Sockets...)
			missing.Err = errors.Join(missing.Err, incomplete.Err)
		case r.err != nil:
			return all, r.err
		}
	}
	if len(missing.Sockets) > 0 {
		return all, &missing
	}
	return all, nil
}

func (p *peer) ServerSideEmit(data []byte) error {
	if err := p.Adapter.ServerSideEmit(data); err != nil {
		return err
	}
	p.other().local.ServerEvent(data, nil)
	return nil
}

func (p *peer) ServerSideEmitWithAck(ctx context.Context, data []byte) ([]json.RawMessage, error) {
	answer := make(chan json.RawMessage, 2)
	p.other().local.ServerEvent(data, func(v json.RawMessage) { answer <- v })
	select {
	case v := <-answer:
		return []json.RawMessage{v}, nil
	case <-ctx.Done():
		return nil, &socketio.IncompleteError{UnnamedNodes: 1, Err: ctx.Err()}
	}
}
