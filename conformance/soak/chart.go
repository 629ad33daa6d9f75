package main

import (
	"bytes"
	"fmt"
	"time"
)

// The sizes of a chart, in pixels.
const (
	chartWidth  = 900
	panelHeight = 120
	panelGap    = 46
	left        = 70
	right       = 20
	top         = 30
)

// panel is one curve of a chart.
type panel struct {
	title string
	color string
	value func(*sample) float64
}

func panels() []panel {
	return []panel{
		{"open sessions", "#2563eb", func(s *sample) float64 { return float64(s.Sessions) }},
		{"goroutines, idle workers of sockets among them", "#7c3aed", func(s *sample) float64 { return float64(s.Goroutines + s.Workers) }},
		{"heap in use, MiB", "#059669", func(s *sample) float64 { return mib(s.Heap) }},
		{"open descriptors", "#d97706", func(s *sample) float64 { return float64(s.Descriptors) }},
	}
}

// chart draws the samples over time, in SVG.
func chart(samples []sample) []byte {
	all := panels()
	height := top + len(all)*(panelHeight+panelGap)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="12">`+"\n", chartWidth, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", chartWidth, height)
	if len(samples) > 1 {
		for i, p := range all {
			p.draw(&b, samples, top+i*(panelHeight+panelGap))
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// draw draws the panel below y.
func (p *panel) draw(b *bytes.Buffer, samples []sample, y int) {
	most := 1.0
	for i := range samples {
		most = max(most, p.value(&samples[i]))
	}
	first, end := samples[0].At, samples[len(samples)-1].At
	span := max(end-first, time.Millisecond)
	const width = chartWidth - left - right
	fmt.Fprintf(b, `<text x="%d" y="%d" fill="#111827" font-weight="600">%s</text>`+"\n", left, y-8, p.title)
	for _, part := range []float64{0, 0.5, 1} {
		line := float64(y) + panelHeight*(1-part)
		fmt.Fprintf(b, `<path d="M%d %.1fh%d" stroke="#e5e7eb"/>`, left, line, width)
		fmt.Fprintf(b, `<text x="%d" y="%.1f" fill="#6b7280" text-anchor="end">%.4g</text>`+"\n", left-8, line+4, most*part)
	}
	for i := range 6 {
		at := first + span*time.Duration(i)/5
		fmt.Fprintf(b, `<text x="%d" y="%d" fill="#6b7280" text-anchor="middle">%v</text>`+"\n", left+width*i/5, y+panelHeight+16, at.Round(time.Second))
	}
	fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="1.5" points="`, p.color)
	for i := range samples {
		s := &samples[i]
		fmt.Fprintf(b, "%.1f,%.1f ", left+width*float64(s.At-first)/float64(span), float64(y)+panelHeight*(1-p.value(s)/most))
	}
	b.WriteString(`"/>` + "\n")
}
