package simulationtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/parleyio/parley/cluster"
)

// Report is what a run has found.
type Report struct {
	// Faults are the invariants that did not hold, each with its step. Empty means that all did.
	Faults []string

	// Trace is what happened, line by line: the same each time the plan is run.
	Trace []string
}

// Run runs a plan. It must not be called from within a bubble of package synctest. A test fails only if goroutines are
// left: what is wrong is in the report.
func Run(t *testing.T, p Plan) Report {
	if p.Steps == 0 {
		p.Steps = 150
	}
	var report Report
	ended := false
	defer func() {
		if !ended {
			t.Logf("seed %d did not end, sabotage %q", p.Seed, p.Sabotage)
		}
	}()
	synctest.Test(t, func(*testing.T) {
		report = newWorld(p).run()
	})
	ended = true
	return report
}

func newWorld(p Plan) *world {
	w := &world{plan: p, rng: rand.New(rand.NewPCG(p.Seed, 1)), expired: make(map[string]bool)}
	w.trace.begin = time.Now()
	w.shape = newShape(w.rng, p.Sabotage)
	w.network = newNetwork(w.shape.traits)
	w.store = newStore(w.shape.kept)
	w.store.forgetful, w.store.plain = w.shape.forgetful, w.shape.plain
	w.memory = cluster.NewMemoryLog(cluster.MemoryLogLimits{MaxPackets: w.shape.kept})
	for i := range w.shape.nodes {
		w.nodes = append(w.nodes, &node{w: w, name: fmt.Sprintf("n%d", i+1)})
	}
	for i := range w.shape.clients {
		namespace := w.shape.namespaces[i%len(w.shape.namespaces)]
		w.clients = append(w.clients, &client{w: w, name: fmt.Sprintf("c%d", i+1), namespace: namespace})
	}
	w.trace.addf("seed %d: %s", p.Seed, &w.shape)
	return w
}

func (w *world) run() Report {
	for _, n := range w.nodes {
		n.start()
		w.sleep(time.Duration(1+w.rng.IntN(500)) * time.Millisecond)
	}
	untilCalm := max(1, w.plan.Steps/(1+w.rng.IntN(3)))
	for i := range w.plan.Steps {
		if w.broken() {
			break
		}
		w.act()
		w.pass()
		if i > 0 && i%untilCalm == 0 {
			w.calm()
		}
	}
	if !w.broken() {
		w.end()
	}
	w.closeAll()
	w.found.mu.Lock()
	defer w.found.mu.Unlock()
	return Report{Faults: slices.Clone(w.found.faults), Trace: w.trace.lines}
}

// end lets all clients go, and sees that nothing of them is left.
func (w *world) end() {
	w.calm()
	for _, c := range w.clients {
		w.mu.Lock()
		s := c.socket
		w.mu.Unlock()
		if s != nil {
			w.next(c.name+" quits", func() { c.quit(s) })
		}
	}
	for range 400 {
		for w.move() {
		}
		w.sleep(time.Second)
	}
	if n := w.store.count(); n > 0 {
		w.faultf("%d sessions are left", n)
	}
	for _, n := range w.nodes {
		for _, namespace := range w.shape.namespaces {
			s := n.run.spaces[namespace]
			if left := s.adapter.Members(&cluster.Target{Everyone: true}); len(left) > 0 {
				w.faultf("%d members are left on %s", len(left), n.run.id)
			}
		}
	}
	if n := w.forgets.Load(); n != 0 {
		w.faultf("%d deliveries with acknowledgements were not forgotten", n)
	}
}

// closeAll ends all engines and sees that nothing of them is left. Goroutines that are left end the test: the bubble does
// not end without them.
func (w *world) closeAll() {
	w.trace.ended = true
	w.healAll()
	w.shape.failure, w.shape.loss, w.shape.skip, w.shape.again = 0, 0, 0, 0
	for _, n := range w.nodes {
		n.stop()
	}
	for begin := time.Now(); time.Since(begin) < time.Minute && len(w.unfinished()) > 0; w.sleep(100 * time.Millisecond) {
		for w.move() {
		}
	}
	for _, name := range w.unfinished() {
		w.faultf("%s has not ended", name)
	}
	for _, r := range w.runs {
		r.calls.kill()
		_ = r.engine.Close(context.Background())
	}
	time.Sleep(time.Hour)
	synctest.Wait()
	w.checkFreed()
}

// checkFreed sees that nothing refers to an engine any more: no timer, no goroutine.
func (w *world) checkFreed() {
	engines := make(map[string]weak.Pointer[cluster.Engine])
	for _, r := range w.runs {
		engines[r.id] = weak.Make(r.engine)
	}
	w.runs, w.nodes, w.clients, w.lives, w.stopping, w.stale, w.network, w.memory = nil, nil, nil, nil, nil, nil, nil, nil
	for range 3 { // a sync.Pool holds what it is part of until then
		runtime.GC()
	}
	for id, e := range engines {
		if e.Value() != nil {
			w.faultf("something refers to the engine of %s, which was closed", id)
		}
	}
}
