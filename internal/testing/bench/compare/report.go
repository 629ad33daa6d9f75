package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/parleyio/parley/internal/testing/bench/load"
)

// report is what a comparison has found.
type report struct {
	Machine     machine `json:"machine"`
	Repetitions int     `json:"repetitions"`
	Results     results `json:"results"`

	loads map[string]measured
	order []measured
}

func newReport(s *settings, m machine, loads []measured, r results) *report {
	rep := &report{Machine: m, Repetitions: s.repeat, Results: r, loads: map[string]measured{}, order: loads}
	for _, l := range loads {
		rep.loads[l.name] = l
	}
	return rep
}

func writeJSON(file string, r *report) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := makeFolder(file); err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o666)
}

// markdown returns the part of the page that this program writes.
func (r *report) markdown() string {
	var b strings.Builder
	m := &r.Machine
	fmt.Fprintf(&b, "\nMeasured on %s with `%s`, commit %s: %s, %d cores, %s of memory, %s, %s",
		m.Date, m.Command, m.Commit, m.CPU, m.Cores, m.Memory, m.System, m.Go)
	if m.Node != "" {
		fmt.Fprintf(&b, ", Node %s", m.Node)
	}
	fmt.Fprintf(&b, ". Each figure is the median of %d runs. The machine's load was %.1f before the run.\n", r.Repetitions, m.Load)
	for _, warning := range m.warnings() {
		fmt.Fprintf(&b, "\nNote: %s.\n", warning)
	}
	r.writeSanity(&b)
	r.writeGoals(&b)
	r.writeGrowth(&b)
	r.writeSecure(&b)
	r.writeLatencies(&b)
	return b.String()
}

// checkFloor compares the floor's CPU time with Node's in each baseline check. The run is void if a check fails.
func (r *report) checkFloor() (parts []string, void bool) {
	for _, s := range sanities {
		ratio := r.Results.ratio(s.load, floor, node, cpu)
		if ratio == 0 {
			continue
		}
		void = void || ratio > s.most
		l := r.loads[s.load]
		parts = append(parts, fmt.Sprintf("%.0f %% for %s (at most %.0f %%)", 100*ratio, l.title(), 100*s.most))
	}
	return parts, void
}

// writeSanity writes the result of the baseline check.
func (r *report) writeSanity(b *strings.Builder) {
	parts, void := r.checkFloor()
	switch {
	case len(parts) == 0:
	case void:
		fmt.Fprintf(b, "\n**This run is void: the floor is too slow.** In percent of Node's CPU time it uses %s.\n", strings.Join(parts, ", "))
	default:
		fmt.Fprintf(b, "\nBaseline check passed: in percent of Node's CPU time the floor uses %s.\n", strings.Join(parts, ", "))
	}
}

// writeGoals writes the table of the goals.
func (r *report) writeGoals(b *strings.Builder) {
	rows := r.rows(figures())
	if len(rows) == 0 {
		return
	}
	b.WriteString("\n### Goals\n\n| load | figure | floor | Parley | Node | to the floor | goal | to Node | goal | verdict |\n" +
		"|---|---|--:|--:|--:|--:|--:|--:|--:|---|\n")
	for _, row := range rows {
		f := row.figure
		verdict := "-"
		if misses, goals := row.misses(); len(misses) > 0 {
			verdict = "**missed: " + strings.Join(misses, ", ") + "**"
		} else if goals > 0 {
			verdict = "met"
		}
		what := f.what
		if f.most >= 0 {
			what = fmt.Sprintf("%s (goal: %s)", what, f.format(f.most))
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", row.title, what,
			row.cell(floor), row.cell(parley), row.cell(node),
			times(row.toFloor), goal(f.toFloor), times(row.toNode), goal(f.toNode), verdict)
	}
}

// row is a figure with its measured values.
type row struct {
	figure
	title           string
	medians         map[string]float64
	toFloor, toNode float64
}

// rows are the figures that were measured.
func (r *report) rows(of []figure) (rows []row) {
	for _, f := range of {
		l, ok := r.loads[f.load]
		if !ok {
			continue
		}
		row := row{figure: f, title: l.title(), medians: map[string]float64{}}
		for _, server := range l.servers {
			if v, ok := r.Results.median(f.load, server, f.of); ok {
				row.medians[server] = v
			}
		}
		row.toFloor = r.Results.ratio(f.load, parley, floor, f.of)
		row.toNode = r.Results.ratio(f.load, parley, node, f.of)
		rows = append(rows, row)
	}
	return rows
}

// misses returns by how much goals are missed, and how many goals could be checked.
func (r *row) misses() (misses []string, goals int) {
	check := func(got, goal float64, what string) {
		goals++
		switch {
		case got <= goal:
		case goal == 0:
			misses = append(misses, "not 0")
		default:
			misses = append(misses, fmt.Sprintf("%sby %.0f%%", what, 100*(got/goal-1)))
		}
	}
	if r.figure.toFloor > 0 && r.toFloor > 0 {
		check(r.toFloor, r.figure.toFloor, "to the floor ")
	}
	if r.figure.toNode > 0 && r.toNode > 0 {
		check(r.toNode, r.figure.toNode, "to Node ")
	}
	if v, ok := r.medians[parley]; ok && r.most >= 0 {
		check(v, r.most, "")
	}
	return misses, goals
}

func (r *row) cell(server string) string {
	v, ok := r.medians[server]
	if !ok {
		return "-"
	}
	return r.format(v)
}

// format writes a value of a figure with its unit.
func (f *figure) format(v float64) string {
	switch f.unit {
	case "µs", "s":
		return fmt.Sprintf("%.2f %s", v, f.unit)
	case "x":
		return fmt.Sprintf("%.2fx", v)
	default:
		return strings.TrimSpace(group(int(v+0.5)) + " " + f.unit)
	}
}

// perItem reports whether the figure is the cost of one item, which depends little on the number of items.
func (f *figure) perItem() bool { return f.unit == "µs" || f.unit == "bytes" }

func times(ratio float64) string {
	if ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2fx", ratio)
}

func goal(ratio float64) string {
	if ratio == 0 {
		return "-"
	}
	return "≤ " + times(ratio)
}

// writeGrowth writes how figures change as the number of connections grows.
func (r *report) writeGrowth(b *strings.Builder) {
	var lines []string
	for _, g := range []struct {
		what  string
		load  func(int) string
		sizes []int
		of    func(*load.Result) float64
	}{{"memory per connection", idle, idleSizes, memory}, {"CPU per delivery of a broadcast", broadcastTo, broadcastSizes, cpu}} {
		first, isFirst := r.loads[g.load(grown[0])]
		last, isLast := r.loads[g.load(grown[1])]
		if !isFirst || !isLast {
			continue
		}
		var ends, highest []string
		for _, server := range last.servers {
			of := func(clients int) float64 {
				v, _ := r.Results.median(g.load(clients), server, g.of)
				return v
			}
			a, z := of(grown[0]), of(grown[1])
			if a <= 0 || z <= 0 {
				continue
			}
			most := 0.0
			for _, clients := range g.sizes {
				if clients > grown[0] {
					most = max(most, of(clients))
				}
			}
			ends = append(ends, fmt.Sprintf("%s %.2fx", server, z/a))
			highest = append(highest, fmt.Sprintf("%s %.2fx", server, most/a))
		}
		lines = append(lines, fmt.Sprintf("| %s | %s to %s | %s | %s |\n", g.what, group(first.config.Clients), group(last.config.Clients),
			strings.Join(ends, ", "), strings.Join(highest, ", ")))
	}
	if len(lines) > 0 {
		b.WriteString("\n### Growth\n\n| figure | connections | from first to last | maximum in between |\n|---|---|---|---|\n" + strings.Join(lines, ""))
	}
}

// writeSecure writes the table over TLS, and the cost of TLS.
func (r *report) writeSecure(b *strings.Builder) {
	rows := r.rows(secureFigures())
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### Over TLS\n\nThere are at most %s connections, because the generator needs much more memory for each than a server. "+
		"The last column is empty where the load without TLS has more connections.\n\n", group(tlsMost))
	b.WriteString("| load | figure | Parley | Node | to Node | to Parley without TLS |\n|---|---|--:|--:|--:|--:|\n")
	for _, row := range rows {
		without := 0.0
		if v, ok := r.Results.median(r.plainTwin(row.load), parley, row.of); ok && v > 0 && row.perItem() {
			without = row.medians[parley] / v
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", row.title, row.what,
			row.cell(parley), row.cell(node), times(row.toNode), times(without))
	}
	for _, server := range []string{parley, node} {
		plain, isPlain := r.Results.median(idle(tlsMost), server, memory)
		secure, isSecure := r.Results.median(tlsPrefix+idle(tlsMost), server, memory)
		if isPlain && isSecure {
			fmt.Fprintf(b, "\nA TLS connection costs %s %s bytes more than a plain one.\n", server, group(int(secure-plain)))
		}
	}
}

// plainTwin returns the name of the same load without TLS, or an empty string if that load has another number of clients.
func (r *report) plainTwin(secure string) string {
	name := strings.TrimPrefix(secure, tlsPrefix)
	if r.loads[name].config.Clients != r.loads[secure].config.Clients {
		return ""
	}
	return name
}

// writeLatencies writes throughput and latency.
func (r *report) writeLatencies(b *strings.Builder) {
	b.WriteString("\n### Throughput and latency\n\n| load | server | per second | p50 | p99 | CPU of the server | generator busy |\n|---|---|--:|--:|--:|--:|--:|\n")
	for _, l := range r.order {
		title := l.title()
		if l.secure {
			title += ", TLS"
		}
		for _, server := range l.servers {
			get := func(of func(*load.Result) float64) float64 {
				v, _ := r.Results.median(l.name, server, of)
				return v
			}
			if len(r.Results[l.name][server]) == 0 || l.config.Mode == "idle" {
				continue
			}
			busy := fmt.Sprintf("%.0f%%", 100*get(func(r *load.Result) float64 { return r.Busy }))
			if r.limited(l.name, server) {
				busy += " (the limit)"
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %.0f%% | %s |\n", title, server,
				group(int(get(func(r *load.Result) float64 { return r.Rate }))),
				latency(get(func(r *load.Result) float64 { return r.P50 })),
				latency(get(func(r *load.Result) float64 { return r.P99 })),
				100*get(func(r *load.Result) float64 { return r.ServerBusy }), busy)
		}
	}
	b.WriteString("\nThe CPU of the server is in percent of one core. The last column is the share of the time in which the generator's loop was " +
		"busy; over TLS it is a lower bound, the share of all cores that the generator used. If the generator or the shared machine was " +
		"the limit, throughput and latency do not describe the server, but its CPU time does.\n\n")
}

// limited reports whether the generator was the limit in most of the runs.
func (r *report) limited(name, server string) bool {
	n := 0
	for _, result := range r.Results[name][server] {
		if result.GeneratorLimited() {
			n++
		}
	}
	return 2*n > len(r.Results[name][server])
}

// latency writes microseconds.
func latency(us float64) string {
	switch {
	case us == 0:
		return "-"
	case us < 1000:
		return fmt.Sprintf("%.0f µs", us)
	default:
		return fmt.Sprintf("%.1f ms", us/1000)
	}
}
