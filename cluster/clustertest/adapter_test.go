package clustertest_test

import (
	"context"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/cluster/clustertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory returns clusters in memory: with a bus that subscribes to rooms or not, and with logs that logs makes for so many
// nodes.
func memory(rooms bool, logs func(nodes int) []cluster.Log) clustertest.Configure {
	return func(_ *testing.T, nodes int) []cluster.Config {
		bus, configs := cluster.NewMemoryBus(rooms), make([]cluster.Config, nodes)
		for i := range configs {
			configs[i].Bus = bus.Node()
		}
		if logs != nil {
			for i, l := range logs(nodes) {
				configs[i].Log = l
			}
		}
		return configs
	}
}

func none(int) []cluster.Log { return nil }

func shared(nodes int) (logs []cluster.Log) {
	l := cluster.NewMemoryLog(cluster.MemoryLogLimits{})
	for range nodes {
		logs = append(logs, l.Node())
	}
	return logs
}

func private(nodes int) (logs []cluster.Log) {
	for range nodes {
		logs = append(logs, cluster.PrivateLog(cluster.MemoryLogLimits{}))
	}
	return logs
}

// delayed is shared by a log that delivers when it likes, as one does that is a broker.
func delayed(nodes int) (logs []cluster.Log) {
	for _, l := range shared(nodes) {
		logs = append(logs, &later{Log: l})
	}
	return logs
}

func TestAdapter(t *testing.T) {
	for name, configure := range map[string]clustertest.Configure{
		"bus":                         memory(false, none),
		"bus that subscribes":         memory(true, none),
		"bus and log":                 memory(false, shared),
		"bus and log of each":         memory(true, private),
		"bus and log that takes time": memory(true, delayed),
	} {
		t.Run(name, func(t *testing.T) { clustertest.TestAdapter(t, configure) })
	}
}

func TestRecovery(t *testing.T) {
	for name, configure := range map[string]clustertest.Configure{
		"log":                 memory(false, shared),
		"log of each":         memory(false, private),
		"log that takes time": memory(true, delayed),
	} {
		t.Run(name, func(t *testing.T) { clustertest.TestRecovery(t, configure) })
	}
}

// later is a log that delivers from a goroutine of its own.
type later struct {
	cluster.Log
	deliver func(string, []cluster.Entry) error

	mu      sync.Mutex // guards the fields below
	waiting []delivery
	working sync.WaitGroup
	busy    bool
}

type delivery struct {
	namespace string
	entries   []cluster.Entry
}

func (l *later) Traits() cluster.LogTraits { return cluster.LogTraits{Shared: true} }

func (l *later) Start(ctx context.Context, node cluster.LogNode) error {
	l.deliver = node.Deliver
	node.Deliver = func(namespace string, entries []cluster.Entry) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.waiting = append(l.waiting, delivery{namespace, append([]cluster.Entry(nil), entries...)})
		if !l.busy {
			l.busy = true
			l.working.Go(l.work)
		}
		return nil
	}
	return l.Log.Start(ctx, node)
}

func (l *later) work() {
	for {
		l.mu.Lock()
		if len(l.waiting) == 0 {
			l.busy = false
			l.mu.Unlock()
			return
		}
		next := l.waiting
		l.waiting = nil
		l.mu.Unlock()
		for _, d := range next {
			_ = l.deliver(d.namespace, d.entries)
		}
	}
}

func (l *later) Close(ctx context.Context) error {
	err := l.Log.Close(ctx)
	l.working.Wait()
	return err
}

func TestBus(t *testing.T) {
	for name, rooms := range map[string]bool{"all": false, "rooms": true} {
		t.Run(name, func(t *testing.T) {
			clustertest.TestBus(t, func(_ *testing.T, nodes int) (buses []cluster.Bus) {
				bus := cluster.NewMemoryBus(rooms)
				for range nodes {
					buses = append(buses, bus.Node())
				}
				return buses
			})
		})
	}
}

func TestLog(t *testing.T) {
	for name, logs := range map[string]func(int) []cluster.Log{"shared": shared, "private": private, "later": delayed} {
		t.Run(name, func(t *testing.T) {
			clustertest.TestLog(t, func(_ *testing.T, nodes int) []cluster.Log { return logs(nodes) })
		})
	}
}
