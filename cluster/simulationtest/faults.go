package simulationtest

import "slices"

// fault is something that goes wrong, or ends.
type fault struct {
	name string
	do   func(w *world)
}

// allFaults returns those that a run may have.
func allFaults() []fault {
	return []fault{
		{"partition", func(w *world) {
			for _, n := range w.nodes {
				n.group = w.rng.IntN(2)
			}
			if chance(w.rng, 0.5) {
				for _, n := range w.nodes {
					n.group = 0
				}
			}
			w.trace.addf("partition")
		}},
		{"pause", func(w *world) {
			n := choose(w.rng, w.nodes)
			n.paused = n.run != nil && !n.paused
			w.trace.addf("pause of %s: %t", n.name, n.paused)
		}},
		{"kill", func(w *world) {
			if n := choose(w.rng, w.nodes); n.run != nil && len(w.up()) > 1 {
				w.trace.addf("kill %s", n.run.id)
				n.crash()
			} else if n.run == nil {
				n.start()
				w.trace.addf("start %s", n.run.id)
			}
		}},
		{"restart", func(w *world) {
			if n := choose(w.rng, w.nodes); n.run != nil {
				w.trace.addf("restart %s", n.run.id)
				n.paused = false
				n.stop()
				n.start()
			}
		}},
		{"broker away", func(w *world) {
			if n := choose(w.rng, w.nodes); n.run != nil {
				away := !n.run.bus.isAway()
				n.run.bus.setAway(away)
				w.trace.addf("broker away from %s: %t", n.run.id, away)
			}
		}},
		{"no log", func(w *world) {
			n := choose(w.rng, w.nodes)
			n.noLog = n.run != nil && !n.noLog
			w.trace.addf("no log for %s: %t", n.name, n.noLog)
		}},
		{"slow log", func(w *world) {
			w.slowLog = !w.slowLog
			w.trace.addf("slow log: %t", w.slowLog)
		}},
		{"log emptied", func(w *world) {
			if chance(w.rng, 0.3) {
				w.emptyLog()
			}
		}},
	}
}

func faultNamed(name string) fault {
	all := allFaults()
	return all[slices.IndexFunc(all, func(f fault) bool { return f.name == name })]
}

// emptyLog takes everything from the shared log.
func (w *world) emptyLog() {
	if w.plan.sabotaged() == LogKeepsEpoch {
		w.store.forgetEntries()
	} else {
		w.store.empty()
	}
	w.empties++
	w.trace.addf("the log is empty")
}
