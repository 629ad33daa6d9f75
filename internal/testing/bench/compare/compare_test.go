package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/testing/bench/load"
)

func TestRun_errors(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no server":            {nil, "usage"},
		"no repetition":        {[]string{"--parley", "x", "--repeat", "0"}, "usage"},
		"arguments":            {[]string{"--parley", "x", "y"}, "usage"},
		"unknown flag":         {[]string{"--what"}, "not defined"},
		"no such load":         {[]string{"--parley", "x", "--only", "dance"}, "there are echo-1, echo-16, ack"},
		"no such binary":       {[]string{"--parley", "/nowhere/x", "--only", "echo-1", "--quick"}, "echo-1, Parley: "},
		"something else":       {[]string{"--parley", "echo", "--only", "echo-1", "--quick"}, "instead of its address"},
		"something that fails": {[]string{"--parley", "ls", "--only", "echo-1", "--quick"}, "the server wrote: ls"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := run(t.Context(), c.args, &out, io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := run(t.Context(), []string{"--help"}, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("--help: %v", err)
	}
}

func TestLoads(t *testing.T) {
	names := map[string]measured{}
	for _, l := range allLoads(1<<20, false) {
		if _, doubled := names[l.name]; doubled {
			t.Errorf("there are two loads %s", l.name)
		}
		names[l.name] = l
		if l.secure && l.config.Clients > tlsMost {
			t.Errorf("%s has %d clients", l.name, l.config.Clients)
		}
	}
	for _, f := range append(figures(), secureFigures()...) {
		if _, ok := names[f.load]; !ok {
			t.Errorf("no load %s for a figure", f.load)
		}
	}
	for _, s := range sanities {
		if _, ok := names[s.load]; !ok {
			t.Errorf("no load %s for the floor's check", s.load)
		}
	}
	for _, size := range append(broadcastSizes, 0) {
		if _, ok := names[broadcastTo(size)]; ok != (size > 0) {
			t.Errorf("broadcast to %d: %v", size, ok)
		}
	}
	if got := names[idle(15_000)]; got.title() != "15,000 idle connections" {
		t.Errorf("the title is %q", got.title())
	}
	for _, l := range allLoads(800, false) { // with few descriptors
		if l.name == idle(15_000) && l.title() != "800 idle connections" || l.name == rooms && l.title() != "80 rooms of 10, random rooms" {
			t.Errorf("%s is called %q", l.name, l.title())
		}
		if l.config.Clients > 800 || l.config.Rooms > l.config.Clients {
			t.Errorf("%s has %d clients in %d rooms", l.name, l.config.Clients, l.config.Rooms)
		}
	}
}

// made is a report of a complete run, in which Parley's figures are so many times the floor's, and Node's are 10.
func made(parleys, floors float64) *report {
	s := &settings{repeat: 3}
	r := results{}
	loads := allLoads(1<<20, false)
	for _, l := range loads {
		r[l.name] = map[string][]*load.Result{}
		for _, server := range l.servers {
			v := map[string]float64{floor: floors, parley: floors * parleys, node: 10}[server]
			for _, noise := range []float64{v * 100, v, v / 100} {
				r[l.name][server] = append(r[l.name][server], &load.Result{
					ServerCPU: noise, RSSPerClient: noise * 1000, Seconds: noise, P99: v, P99Before: 1, Busy: 0.96,
				})
			}
		}
	}
	return newReport(s, machine{}, loads, r)
}

func TestReport(t *testing.T) {
	for name, c := range map[string]struct {
		parleys, floors float64
		dearer          string // the load that costs Parley four times as much
		want, not       []string
	}{
		"met": {0.75, 2, "", []string{
			"Baseline check passed: in percent of Node's CPU time the floor uses 20 % for echo", "| 2.00 µs | 1.50 µs | 10.00 µs | 0.75x | ≤ 1.60x | 0.15x | ≤ 0.40x | met |",
			"Parley 1.00x", "96% (the limit)",
		}, []string{"void"}},
		"missed": {2, 2.5, "", []string{
			"| 2.00x | ≤ 1.60x | 0.50x | ≤ 0.40x | **missed: to the floor by 25%, to Node by 25%** |", "25 % for broadcast",
			"| 5.00x | 10.00x | - | - | 0.50x | - | **missed: by 317%** |",
		}, []string{"void"}},
		"growing": {0.75, 2, broadcastTo(10_000), []string{
			"| CPU per delivery of a broadcast | 1,000 to 15,000 | floor 1.00x, Parley 1.00x, Node 1.00x | floor 1.00x, Parley 4.00x, Node 1.00x |",
			"| 5,000 idle connections | memory per connection | 1,500 bytes | 10,000 bytes | 0.15x | 1.00x |",
			"| broadcast to 5,000 | CPU per delivery | 1.50 µs | 10.00 µs | 0.15x | - |",
		}, nil},
		"void": {1, 3, "", []string{"**This run is void: the floor is too slow.** In percent of Node's CPU time it uses 30 % for echo, 100 clients, window 1 (at most 27 %)"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := made(c.parleys, c.floors)
			for _, result := range r.Results[c.dearer][parley] {
				result.ServerCPU *= 4
			}
			got := r.markdown()
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s", want, got)
				}
			}
			for _, not := range c.not {
				if strings.Contains(got, not) {
					t.Errorf("%q in\n%s", not, got)
				}
			}
		})
	}
}

func TestPublish(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	old := beginMarker + "old\n" + endMarker
	whole := settings{repeat: 3, binaries: binaries{floor: "f", parley: "p", node: "n"}, page: page, images: t.TempDir()}
	for name, c := range map[string]struct {
		floors  float64
		change  func(*settings)
		want    error
		changes bool
	}{
		"complete":          {2, func(*settings) {}, nil, true},
		"void":              {3, func(*settings) {}, errVoid, false},
		"void part":         {3, func(s *settings) { s.only = "echo" }, errVoid, false},
		"part":              {2, func(s *settings) { s.only = "echo" }, nil, false},
		"too few":           {2, func(s *settings) { s.repeat = 2 }, nil, false},
		"nothing to change": {2, func(s *settings) { s.page = "" }, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(page, []byte(old), 0o600); err != nil {
				t.Fatal(err)
			}
			s := whole
			c.change(&s)
			err := made(0.75, c.floors).publish(&s, "new\n")
			got, _ := os.ReadFile(page)
			if !errors.Is(err, c.want) || (string(got) != old) != c.changes {
				t.Errorf("error %v, and the page is\n%s", err, got)
			}
		})
	}
}

func TestMedian(t *testing.T) {
	r := results{"a": {"x": {{Seconds: 9}, {Seconds: 1}, {Seconds: 2}, {Seconds: 4}}}}
	if got, ok := r.median("a", "x", seconds); got != 3 || !ok {
		t.Errorf("got %v, %v", got, ok)
	}
	if got, ok := r.median("a", "y", seconds); ok {
		t.Errorf("got %v of nothing", got)
	}
}

func TestWritePlots(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	dir := filepath.Join(filepath.Dir(page), "new")
	plots, err := made(1, 2).writePlots(dir)
	if err != nil {
		t.Fatal(err)
	}
	links, err := linksTo(plots, page)
	if err != nil || !strings.Contains(links, "![Memory per idle websocket connection](new/bench-memory.svg)\n") || len(plots) != 2 {
		t.Errorf("links to %v are %q, error %v", plots, links, err)
	}
	for file, lines := range map[string]int{"bench-memory.svg": 2, "bench-broadcast.svg": 3} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := xml.Unmarshal(text, new(struct{})); err != nil || bytes.Contains(text, []byte("NaN")) {
			t.Errorf("%s: %v\n%s", file, err, text)
		}
		if got := bytes.Count(text, []byte("<polyline")); got != lines || !bytes.Contains(text, []byte(">Parley 2.0 ")) {
			t.Errorf("%s has %d lines\n%s", file, got, text)
		}
	}
}

func TestReplaceSection(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	for text, want := range map[string]string{
		"a\n" + beginMarker + "old\n" + endMarker + "z\n": "a\n" + beginMarker + "new\n" + endMarker + "z\n",
		"a\n" + beginMarker: "",
		"a\n":               "",
	} {
		if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := replaceSection(page, "new\n")
		got, _ := os.ReadFile(page)
		if want != "" && (err != nil || string(got) != want) || want == "" && (err == nil || string(got) != text) {
			t.Errorf("%q becomes %q, error %v", text, got, err)
		}
	}
	own, err := os.ReadFile("../../../../docs/PERFORMANCE.md")
	if err != nil || !bytes.Contains(own, []byte(beginMarker)) || !bytes.Contains(own, []byte(endMarker)) {
		t.Errorf("docs/PERFORMANCE.md has no markers: %v", err)
	}
}
