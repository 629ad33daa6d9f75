package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/cluster/clustertest"
	"github.com/parleyio/parley/parser"
)

// TestAdapter runs the suites on a node that is alone; package clustertest runs them on several.
func TestAdapter(t *testing.T) {
	for name, limits := range map[string]cluster.MemoryLogLimits{
		"limits":    {},
		"no limits": {MaxAge: -1, MaxPackets: -1, MaxBytes: -1},
	} {
		configure := func(*testing.T, int) []cluster.Config {
			return []cluster.Config{{Log: cluster.PrivateLog(limits), MaxDisconnection: limits.MaxAge, MaxSessions: limits.MaxPackets}}
		}
		t.Run(name, func(t *testing.T) {
			clustertest.TestAdapter(t, configure)
			clustertest.TestRecovery(t, configure)
		})
	}
	t.Run("without a log", func(t *testing.T) {
		clustertest.TestAdapter(t, func(*testing.T, int) []cluster.Config { return make([]cluster.Config, 1) })
	})
}

func TestAdapter_Broadcast(t *testing.T) {
	packet := &parser.Packet{Type: parser.Event, Data: []byte(`["x"]`)}

	t.Run("delivers the very packet and target before it returns", func(t *testing.T) {
		var got *parser.Packet
		var target *cluster.Target
		a := setup(t, func(p *parser.Packet, _ []cluster.Member, t *cluster.Target) error {
			got, target = p, t
			return nil
		})
		a.Add(member("a"))
		want := &cluster.Target{Everyone: true, Volatile: true}
		if err := a.Broadcast(packet, want); err != nil || got != packet || target != want {
			t.Errorf("delivered %p with %p, error %v", got, target, err)
		}
	})
	t.Run("returns the error of the delivery", func(t *testing.T) {
		want := errors.New("cannot encode")
		a := setup(t, func(*parser.Packet, []cluster.Member, *cluster.Target) error { return want })
		if err := a.Broadcast(packet, &cluster.Target{Everyone: true}); err != nil {
			t.Errorf("to nobody: %v", err)
		}
		a.Add(member("a"))
		if err := a.Broadcast(packet, &cluster.Target{Everyone: true}); !errors.Is(err, want) {
			t.Errorf("got %v", err)
		}
	})
}

// setup makes the adapter of a node that is alone, which delivers to a function.
func setup(t testing.TB, f func(*parser.Packet, []cluster.Member, *cluster.Target) error) *cluster.Adapter {
	t.Helper()
	return join(t, cluster.Config{}, deliver(f))
}

// join starts a node with one namespace, which ends with the test.
func join(t testing.TB, config cluster.Config, local cluster.Local) *cluster.Adapter {
	t.Helper()
	e, err := cluster.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	a, err := e.Namespace("/", local)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// deliver is a namespace that consists of its Deliver method.
func deliver(f func(p *parser.Packet, members []cluster.Member, t *cluster.Target) error) cluster.Local {
	return namespace{deliver: f}
}

type namespace struct {
	cluster.LocalQueries // none
	deliver              func(p *parser.Packet, members []cluster.Member, t *cluster.Target) error
	expired              func(id string)
}

func (n namespace) Deliver(p *parser.Packet, members []cluster.Member, t *cluster.Target) error {
	return n.deliver(p, members, t)
}

func (n namespace) Data(cluster.Member) json.RawMessage { return nil }
func (n namespace) Supersede(cluster.Member)            {}
func (n namespace) Reset([]cluster.Member)              {}

func (n namespace) Expired(id string) {
	if n.expired != nil {
		n.expired(id)
	}
}

// member is a socket that is nothing but its id.
type member string

func (m member) ID() string                  { return string(m) }
func (m member) Progress() *cluster.Progress { return nil }
