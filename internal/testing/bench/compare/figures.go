package main

import (
	"slices"

	"github.com/parleyio/parley/internal/testing/bench/load"
)

// figure is a number that a load measures, and the goals for it.
type figure struct {
	load string // its name
	what string // what is measured, as the table shows it
	unit string
	of   func(*load.Result) float64

	toFloor, toNode float64 // goals: the highest ratio to the floor's and to Node's figure; zero means no goal
	most            float64 // goal: the highest value; negative means no goal
}

const noGoal = -1

func cpu(r *load.Result) float64     { return r.ServerCPU }
func memory(r *load.Result) float64  { return r.RSSPerClient }
func seconds(r *load.Result) float64 { return r.Seconds }
func refused(r *load.Result) float64 { return float64(r.Refused) }
func slowing(r *load.Result) float64 {
	if r.P99Before == 0 {
		return 0
	}
	return r.P99 / r.P99Before
}

// figures returns the figures in the order of the table.
func figures() []figure {
	return []figure{
		{echo1, "CPU per message", "µs", cpu, 1.6, 0.40, noGoal},
		{echo16, "CPU per message", "µs", cpu, 0.8, 0.25, noGoal},
		{acks, "CPU per message", "µs", cpu, 0, 0, noGoal},
		{broadcastTo(1_000), "CPU per delivery", "µs", cpu, 1.15, 0.55, noGoal},
		{broadcastTo(10_000), "CPU per delivery", "µs", cpu, 1.2, 0.55, noGoal},
		{rooms, "CPU per delivery", "µs", cpu, 1.5, 0.5, noGoal},
		{idle(15_000), "memory per connection", "bytes", memory, 0, 0.45, 7_000},
		{connect, "CPU per connection", "µs", cpu, 0, 0.40, noGoal},
		{polling, "CPU per round trip", "µs", cpu, 0, 0.60, noGoal},
		{storm, "until all are connected", "s", seconds, 0, 0.5, noGoal},
		{storm, "refused", "", refused, 0, 0, 0},
		{slow, "p99 of the others, to that without slow ones", "x", slowing, 0, 0, 1.2},
	}
}

// secureFigures returns the same figures over TLS, without goals.
func secureFigures() []figure {
	var all []figure
	for _, f := range figures() {
		f.load, f.toFloor, f.toNode, f.most = overTLS(f.load), 0, 0, noGoal
		all = append(all, f)
	}
	return all
}

// sanity is a baseline check: the highest ratio of the floor's CPU time to Node's. A slower floor makes the run void.
type sanity struct {
	load string
	most float64
}

var sanities = []sanity{{echo1, 0.27}, {echo16, 0.33}, {broadcastTo(1_000), 0.55}}

// median returns the median of a server's figures. It returns false if there are none.
func (r results) median(name, server string, of func(*load.Result) float64) (float64, bool) {
	var values []float64
	for _, result := range r[name][server] {
		values = append(values, of(result))
	}
	if len(values) == 0 {
		return 0, false
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2, true
	}
	return values[middle], true
}

// ratio divides a server's figure by another's. It is zero if one of them is missing.
func (r results) ratio(name, server, other string, of func(*load.Result) float64) float64 {
	a, _ := r.median(name, server, of)
	b, _ := r.median(name, other, of)
	if b == 0 {
		return 0
	}
	return a / b
}
