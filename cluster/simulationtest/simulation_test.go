package simulationtest_test

import (
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/parleyio/parley/cluster/simulationtest"
)

var (
	seed  = flag.Uint64("seed", 0, "run this seed only, and print its trace")
	first = flag.Uint64("first", 1, "the first seed")
	seeds = flag.Uint64("seeds", 40, "the number of seeds")
	steps = flag.Int("steps", 0, "the steps of each run; 0 means the default")
)

// TestMain leaves one processor to the runs: they do one thing at a time, and what little of them is left to the scheduler
// of Go is then the same each time.
func TestMain(m *testing.M) {
	flag.Parse()
	runtime.GOMAXPROCS(1)
	m.Run()
}

func TestSimulation(t *testing.T) {
	if *seed != 0 {
		r := simulationtest.Run(t, simulationtest.Plan{Seed: *seed, Steps: *steps})
		t.Log("the trace:\n" + strings.Join(r.Trace, "\n"))
		report(t, *seed, r)
		return
	}
	for s := *first; s < *first+*seeds; s++ {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			report(t, s, simulationtest.Run(t, simulationtest.Plan{Seed: s, Steps: *steps}))
		})
	}
}

// report fails the test when a run has found faults, and says how to run it again.
func report(t *testing.T, seed uint64, r simulationtest.Report) {
	t.Helper()
	if len(r.Faults) == 0 {
		return
	}
	t.Errorf("seed %d:\n%s\n\nthe end of the trace:\n%s\n\nto run it again:\n"+
		"go test ./cluster/simulationtest -run TestSimulation -seed %d -steps %d",
		seed, strings.Join(r.Faults, "\n"), strings.Join(r.Trace[max(0, len(r.Trace)-40):], "\n"), seed, *steps)
}

func TestSabotage(t *testing.T) {
	for _, sabotage := range simulationtest.Sabotages() {
		t.Run(string(sabotage), func(t *testing.T) {
			for seed := uint64(1); seed <= 200; seed++ {
				p := simulationtest.Plan{Seed: seed, Sabotage: sabotage}
				r := simulationtest.Run(t, p)
				if len(r.Faults) == 0 {
					continue
				}
				p.Spared = true
				if spared := simulationtest.Run(t, p); len(spared.Faults) > 0 {
					t.Errorf("seed %d fails without it too: %s", seed, spared.Faults[0])
					continue
				}
				t.Logf("found by seed %d: %s", seed, r.Faults[0])
				return
			}
			t.Error("200 seeds have not found it")
		})
	}
}
