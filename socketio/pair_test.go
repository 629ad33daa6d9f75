package socketio_test

import (
	"testing"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/socketio"
)

// servePair starts two servers that are a cluster.
func servePair(t testing.TB, opts socketio.Options) (a, b *node) {
	t.Helper()
	nodes := serveCluster(t, cluster.NewMemoryBus(false), 2, func(int) *socketio.Options { o := opts; return &o })
	return nodes[0], nodes[1]
}

// serveCluster starts servers on a bus. Each has options of its own, whose Adapter may have all but a bus; the
// nodes are "node 0" and so on.
func serveCluster(t testing.TB, bus *cluster.MemoryBus, count int, options func(i int) *socketio.Options) (nodes []*node) {
	t.Helper()
	for i := range count {
		o := options(i)
		o.Adapter.Bus = bus.Node()
		o.Adapter.NodeID = "node " + string(rune('0'+i))
		nodes = append(nodes, serve(t, o))
	}
	meet(t, nodes...)
	return nodes
}

// meet waits until each of the nodes knows the others, and their namespaces.
func meet(t testing.TB, nodes ...*node) {
	t.Helper()
	for range 5000 {
		met := true
		for _, n := range nodes {
			peers := n.ClusterHealth().Peers
			met = met && len(peers) == len(nodes)-1
			for _, p := range peers {
				met = met && len(p.Namespaces) >= len(n.Namespaces())
			}
		}
		if met {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("the nodes did not find each other")
}
