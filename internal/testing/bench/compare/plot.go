package main

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parleyio/parley/internal/testing/bench/load"
)

// plot is a line chart over a logarithmic axis.
type plot struct {
	title, x, y string
	lines       []line
	format      func(float64) string // of a value
}

type line struct {
	name   string
	points []point
}

type point struct{ x, y float64 }

// The sizes of a chart, and of the area with the lines.
const (
	width, height            = 760, 420
	left, right, top, bottom = 70, 620, 70, 360
)

// colours are readable on the plots' background, also for people with colour blindness.
var colours = map[string]string{floor: "#6b7280", parley: "#0b6bcb", node: "#b45309"}

// writePlots writes the charts of a complete run, and returns their titles by file.
func (r *report) writePlots(folder string) (map[string]string, error) {
	titles := map[string]string{}
	for file, p := range map[string]plot{
		"bench-memory.svg": {
			title: "Memory per idle websocket connection", x: "connections", y: "KB of resident memory per connection",
			lines:  r.lines([]string{parley, node}, idleSizes, idle, func(r *load.Result) float64 { return memory(r) / 1000 }),
			format: func(v float64) string { return fmt.Sprintf("%.1f KB", v) },
		},
		"bench-broadcast.svg": {
			title: "CPU time of the server per delivery of a broadcast", x: "members of the room", y: "µs per delivery",
			lines:  r.lines([]string{floor, parley, node}, roomSizes, broadcastTo, cpu),
			format: func(v float64) string { return fmt.Sprintf("%.1f µs", v) },
		},
	} {
		file = filepath.Join(folder, file)
		if err := makeFolder(file); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, []byte(p.svg()), 0o666); err != nil {
			return nil, err
		}
		titles[file] = p.title
	}
	return titles, nil
}

// lines returns the medians of series.
func (r *report) lines(servers []string, sizes []int, name func(int) string, of func(*load.Result) float64) (all []line) {
	for _, server := range servers {
		l := line{name: server}
		for _, size := range sizes {
			if v, ok := r.Results.median(name(size), server, of); ok {
				l.points = append(l.points, point{float64(r.loads[name(size)].config.Clients), v})
			}
		}
		if len(l.points) > 0 {
			all = append(all, l)
		}
	}
	return all
}

func (p *plot) svg() string {
	var b strings.Builder
	low, high, most := p.bounds()
	x := func(v float64) float64 {
		if low == high {
			return (left + right) / 2
		}
		return left + (right-left)*math.Log(v/low)/math.Log(high/low)
	}
	y := func(v float64) float64 { return bottom - (bottom-top)*v/most }
	text := func(x, y float64, attributes, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" %s>%s</text>`+"\n", x, y, attributes, html.EscapeString(s))
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s" `+
		`font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="13" fill="#374151">`+"\n",
		width, height, width, height, html.EscapeString(p.title))
	fmt.Fprintf(&b, `<rect x="0.5" y="0.5" width="%d" height="%d" rx="8" fill="#ffffff" stroke="#d1d5db"/>`+"\n", width-1, height-1)
	text(left-46, 32, `font-size="17" font-weight="600" fill="#111827"`, p.title)
	text(left-46, 52, ``, p.y)

	step := niceStep(most / 5)
	for v := 0.0; v <= most*1.001; v += step {
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#e5e7eb"/>`+"\n", left, right, y(v), y(v))
		text(left-8, y(v)+4, `text-anchor="end"`, fmt.Sprint(math.Round(v*1000)/1000))
	}
	for _, v := range p.ticks() {
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#9ca3af"/>`+"\n", x(v), x(v), bottom, bottom+5)
		text(x(v), bottom+20, `text-anchor="middle"`, group(int(v)))
	}
	text((left+right)/2, bottom+42, `text-anchor="middle"`, p.x+" (logarithmic)")

	labels := p.labels(y)
	for i, l := range p.lines {
		colour := colours[l.name]
		var points []string
		for _, at := range l.points {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(at.x), y(at.y)))
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2.5"/>`+"\n", strings.Join(points, " "), colour)
		for _, at := range l.points {
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`+"\n", x(at.x), y(at.y), colour)
		}
		last := l.points[len(l.points)-1]
		text(x(last.x)+10, labels[i]+4, fmt.Sprintf(`font-weight="600" fill="%s"`, colour), l.name+" "+p.format(last.y))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// bounds returns the first and the last value of the horizontal axis, and the top of the vertical one.
func (p *plot) bounds() (low, high, most float64) {
	low = math.Inf(1)
	for _, l := range p.lines {
		for _, at := range l.points {
			low, high, most = min(low, at.x), max(high, at.x), max(most, at.y)
		}
	}
	if most <= 0 {
		return low, high, 1
	}
	step := niceStep(most / 5)
	return low, high, step * math.Ceil(most/step)
}

// ticks returns the values of the points on the horizontal axis.
func (p *plot) ticks() (all []float64) {
	seen := map[float64]bool{}
	for _, l := range p.lines {
		for _, at := range l.points {
			if !seen[at.x] {
				seen[at.x] = true
				all = append(all, at.x)
			}
		}
	}
	return all
}

// labels returns the heights of the lines' names: beside their ends, without overlap.
func (p *plot) labels(y func(float64) float64) []float64 {
	const apart = 17
	heights := make([]float64, len(p.lines))
	order := make([]int, len(p.lines))
	for i, l := range p.lines {
		heights[i] = y(l.points[len(l.points)-1].y)
		order[i] = i
	}
	// From the bottom up, because lines are closest together at the bottom.
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(heights[b], heights[a]) })
	for i, at := range order[1:] {
		heights[at] = min(heights[at], heights[order[i]]-apart)
	}
	return heights
}

// niceStep returns the next larger number of the form 1, 2 or 5 times a power of ten.
func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, digit := range []float64{1, 2, 5, 10} {
		if digit*power >= v {
			return digit * power
		}
	}
	return 10 * power
}
