package clustertest_test

import (
	"sync"
	"testing"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/cluster/clustertest"
	"github.com/parleyio/parley/internal/testing/leak"
	"github.com/parleyio/parley/parser"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestAdapter_later runs the suite against an adapter that delivers after Broadcast has returned, as one with a log
// does: the interface and the suite must leave room for it.
func TestAdapter_later(t *testing.T) {
	clustertest.TestAdapter(t, func(*testing.T) cluster.Factory { return newLater })
}

// later accepts packets into a bounded queue and delivers them, with an offset, from its own goroutine.
type later struct {
	cluster.Adapter // of the local members
	done            chan struct{}

	// mu guards the fields below.
	mu     sync.Mutex
	closed bool
	queue  chan broadcast // closed by Close
}

type broadcast struct {
	packet *parser.Packet
	target *cluster.Target
}

func newLater(namespace string, local cluster.Local) (cluster.Adapter, error) {
	inner, err := cluster.InMemory()(namespace, local)
	if err != nil {
		return nil, err
	}
	a := &later{Adapter: inner, queue: make(chan broadcast, 8), done: make(chan struct{})}
	go a.deliver()
	return a, nil
}

func (a *later) Broadcast(p *parser.Packet, t *cluster.Target) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return cluster.ErrClosed
	}
	select {
	case a.queue <- broadcast{p, t}:
		return nil
	default:
		return cluster.ErrQueueFull
	}
}

func (a *later) deliver() {
	defer close(a.done)
	for b := range a.queue {
		p := *b.packet // others may hold the packet without an offset
		p.Data = append(p.Data[:len(p.Data)-1:len(p.Data)-1], `,"offset"]`...)
		_ = a.Adapter.Broadcast(&p, b.target) // nobody waits for this error
	}
}

func (a *later) Close() error {
	a.mu.Lock()
	if !a.closed {
		a.closed = true
		close(a.queue)
	}
	a.mu.Unlock()
	<-a.done
	return a.Adapter.Close()
}
