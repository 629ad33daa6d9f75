//go:build !race

package simulationtest_test

import (
	"slices"
	"testing"

	"github.com/parleyio/parley/cluster/simulationtest"
)

// TestReplay wants the same trace from the same seed. The race detector shuffles the goroutines of an engine on purpose, so
// this is built without it. A busy machine may interrupt a goroutine in the middle of what it does: of three runs of a seed
// two have to be the same.
func TestReplay(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		run := func() []string { return simulationtest.Run(t, simulationtest.Plan{Seed: seed}).Trace }
		a, b := run(), run()
		if len(a) < 100 {
			t.Errorf("seed %d has a trace of %d lines", seed, len(a))
		}
		if slices.Equal(a, b) {
			continue
		}
		i := 0
		for i < min(len(a), len(b)) && a[i] == b[i] {
			i++
		}
		if c := run(); slices.Equal(a, c) || slices.Equal(b, c) {
			t.Logf("seed %d: one run of three went another way from line %d on", seed, i)
			continue
		}
		t.Errorf("seed %d is not the same each time: line %d of %d and %d is\n%s\nand then\n%s",
			seed, i, len(a), len(b), a[min(i, len(a)-1)], b[min(i, len(b)-1)])
	}
}
