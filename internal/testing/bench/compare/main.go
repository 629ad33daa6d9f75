// Command compare measures Parley, the floor (a server that does as little as possible) and the reference server on Node
// under the same loads. Every figure is the median of several runs. The runs alternate between the servers, and each starts
// a new server process. The result is a page with tables and goals, and two plots.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Fatal("compare: ", err)
	}
}

// settings are the flags.
type settings struct {
	binaries binaries
	repeat   int
	only     string
	quick    bool
	json     string
	page     string
	images   string
	command  string
	commit   string
}

func parseFlags(args []string, stderr io.Writer) (*settings, error) {
	s := new(settings)
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.binaries.floor, "floor", "", "binary of internal/testing/bench/floor; left out without")
	flags.StringVar(&s.binaries.parley, "parley", "", "binary of conformance/server")
	flags.StringVar(&s.binaries.node, "node", "", "path of internal/testing/bench/node/server.js; left out without")
	flags.IntVar(&s.repeat, "repeat", 3, "runs of which the median counts")
	flags.StringVar(&s.only, "only", "", "comma-separated beginnings of the names of loads, such as echo,idle-15000,tls-; all without")
	flags.BoolVar(&s.quick, "quick", false, "few clients for a moment: to see that everything works, not to measure")
	flags.StringVar(&s.json, "json", "", "file for every single result")
	flags.StringVar(&s.page, "page", "", "page whose part between the markers is replaced, by a complete run of at least 3 that is not void")
	flags.StringVar(&s.images, "images", "", "folder for the plots that the page shows")
	flags.StringVar(&s.command, "command", "", "the command that the page tells to repeat this")
	flags.StringVar(&s.commit, "commit", "", "what is measured")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if s.binaries.parley == "" || s.repeat < 1 || flags.NArg() > 0 {
		return nil, errors.New("usage: compare --parley BINARY [--floor BINARY] [--node SERVER.JS] [--repeat N>=1] …, see --help")
	}
	return s, nil
}

// fewest is the smallest number of runs for a figure on the page.
const fewest = 3

// complete reports whether the run measures everything that the page shows.
func (s *settings) complete() bool {
	return s.only == "" && !s.quick && s.binaries.floor != "" && s.binaries.node != "" && s.repeat >= fewest
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	m := describeMachine(ctx, s)
	loads, err := selectLoads(allLoads(descriptors()-spareDescriptors, s.quick), s.only)
	if err != nil {
		return err
	}
	for _, warning := range m.warnings() {
		fmt.Fprintln(stderr, "compare:", warning)
	}
	c, err := newComparison(s.binaries, stderr)
	if err != nil {
		return err
	}
	defer c.close()
	failed := c.repeat(ctx, s.repeat, loads)
	r := newReport(s, m, loads, c.results)
	if s.json != "" {
		failed = errors.Join(failed, writeJSON(s.json, r)) // a part of the run is written too: a run takes long
	}
	if failed != nil {
		return failed
	}
	text := r.markdown()
	if _, err := io.WriteString(stdout, text); err != nil {
		return err
	}
	return r.publish(s, text)
}

// errVoid is the error of a run that fails the baseline check.
var errVoid = errors.New("the floor is too slow: this run is void, and the page is not changed")

// publish writes the text to the page after a complete run that is not void.
func (r *report) publish(s *settings, text string) error {
	if _, void := r.checkFloor(); void {
		return errVoid
	}
	if !s.complete() || s.page == "" {
		return nil
	}
	plots, err := r.writePlots(s.images)
	if err != nil {
		return err
	}
	links, err := linksTo(plots, s.page)
	if err != nil {
		return err
	}
	return replaceSection(s.page, text+links)
}

// The markers around the part of the page that this program writes.
const (
	beginMarker = "<!-- make bench: begin -->\n"
	endMarker   = "<!-- make bench: end -->\n"
)

// replaceSection replaces the text between the markers of a page.
func replaceSection(page, text string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(old), beginMarker)
	_, after, foundEnd := strings.Cut(rest, endMarker)
	if !found || !foundEnd {
		return fmt.Errorf("%s has no lines %q and %q", page, strings.TrimSpace(beginMarker), strings.TrimSpace(endMarker))
	}
	return os.WriteFile(page, []byte(before+beginMarker+text+endMarker+after), 0o666)
}

// linksTo returns the Markdown that shows plots on the page; plots maps files to titles.
func linksTo(plots map[string]string, page string) (string, error) {
	var b strings.Builder
	for _, file := range slices.Sorted(maps.Keys(plots)) {
		path, err := filepath.Rel(filepath.Dir(page), file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "![%s](%s)\n\n", plots[file], filepath.ToSlash(path))
	}
	return b.String(), nil
}

func makeFolder(file string) error { return os.MkdirAll(filepath.Dir(file), 0o777) }
