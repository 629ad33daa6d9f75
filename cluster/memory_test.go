package cluster_test

import (
	"errors"
	"testing"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/cluster/clustertest"
	"github.com/parleyio/parley/parser"
)

func TestInMemory(t *testing.T) {
	clustertest.TestAdapter(t, func(*testing.T) cluster.Factory { return cluster.InMemory() })
}

func TestInMemory_Broadcast(t *testing.T) {
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

// setup makes an in-memory adapter that delivers to a function.
func setup(t testing.TB, f func(*parser.Packet, []cluster.Member, *cluster.Target) error) cluster.Adapter {
	t.Helper()
	a, err := cluster.InMemory()("/", deliver(f))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// deliver is a namespace that consists of its Deliver method.
func deliver(f func(p *parser.Packet, members []cluster.Member, t *cluster.Target) error) cluster.Local {
	return namespace{deliver: f}
}

type namespace struct {
	cluster.LocalQueries // none
	deliver              func(p *parser.Packet, members []cluster.Member, t *cluster.Target) error
}

func (n namespace) Deliver(p *parser.Packet, members []cluster.Member, t *cluster.Target) error {
	return n.deliver(p, members, t)
}

// member is a socket that is nothing but its id.
type member string

func (m member) ID() string { return string(m) }
