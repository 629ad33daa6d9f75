// Command testreport makes the output of `go test -json` readable and counts the tests.
//
//	go test -json ./... | testreport -counts FILE
//
// It prints a line for each package, the output of failed tests, and a summary. The exit code is 1 if anything failed, and
// also when no test was run. FILE gets the three numbers passed, failed and skipped.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

func main() {
	counts := flag.String("counts", "", "file for the numbers of passed, failed and skipped tests")
	flag.Parse()
	r := report(os.Stdin, os.Stdout)
	if *counts != "" {
		if err := os.WriteFile(*counts, fmt.Appendln(nil, r.passed, r.failed, r.skipped), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "testreport:", err)
			os.Exit(1)
		}
	}
	if r.failed > 0 || r.passed == 0 {
		os.Exit(1)
	}
}

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build, in place of Package
	Test       string
	Output     string
	Elapsed    float64
}

type result struct{ passed, failed, skipped int }

// report reads events from in until its end and writes the report to out.
func report(in io.Reader, out io.Writer) (r result) {
	type key struct{ pkg, test string }
	output := map[key]*strings.Builder{} // of tests and packages that have not ended yet
	failures := map[string]int{}         // tests by package
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil && len(line) == 0 {
			break
		}
		var e event
		if json.Unmarshal(line, &e) != nil || e.Action == "" {
			fmt.Fprintf(out, "%s", line) // a message of the go command itself
			continue
		}
		k := key{e.Package + e.ImportPath, e.Test}
		switch e.Action {
		case "output", "build-output":
			if output[k] == nil {
				output[k] = new(strings.Builder)
			}
			output[k].WriteString(e.Output)
			continue
		case "pass", "fail", "skip", "build-fail":
		default:
			continue
		}
		text := output[k]
		delete(output, k)
		if text == nil {
			text = new(strings.Builder)
		}
		switch {
		case e.Action == "build-fail":
			fmt.Fprint(out, text)
		case e.Test == "" && e.Action == "fail":
			byTest := func(a, b key) int { return strings.Compare(a.test, b.test) }
			for _, open := range slices.SortedFunc(maps.Keys(output), byTest) {
				if open.pkg == k.pkg { // a panic or the time limit ended it
					fmt.Fprint(out, output[open])
					delete(output, open)
				}
			}
			fmt.Fprint(out, text)
			if failures[e.Package] == 0 { // it did not compile, panicked, or leaked a goroutine
				r.failed++
			}
		case e.Test == "" && e.Action == "pass":
			fmt.Fprintf(out, "ok    %s  %.1fs\n", e.Package, e.Elapsed)
		case e.Test == "": // no tests
		case e.Action == "pass":
			r.passed++
		case e.Action == "fail":
			fmt.Fprint(out, text)
			r.failed++
			failures[e.Package]++
		case e.Action == "skip":
			fmt.Fprint(out, text)
			r.skipped++
		}
	}
	fmt.Fprintf(out, "go: %d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	return r
}
