package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func build(t *testing.T, dir, name, folder string) string {
	t.Helper()
	binary := filepath.Join(dir, name)
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, folder).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", folder, err, out)
	}
	return binary
}

// TestQuick puts every load on Parley, and on the floor those that it knows, for a moment.
func TestQuick(t *testing.T) {
	dir := t.TempDir()
	results := filepath.Join(dir, "new", "results.json")
	page := filepath.Join(dir, "page.md")
	var out, progress bytes.Buffer
	err := run(t.Context(), []string{
		"--parley", build(t, dir, "conformance", "../../../../conformance/server"), "--floor", build(t, dir, "floor", "../floor"),
		"--quick", "--repeat", "1", "--json", results, "--page", page, "--images", dir, "--command", "go test", "--commit", "abc1234",
	}, &out, &progress)
	if err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	text, err := os.ReadFile(results)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	for _, l := range allLoads(1<<20, true) {
		for _, server := range l.servers {
			got := r.Results[l.name][server]
			if server == node {
				continue
			}
			if len(got) != 1 || got[0].Count == 0 || got[0].Lost > 0 || got[0].RSS == 0 {
				t.Errorf("%s on %s: %+v", l.name, server, got)
			}
		}
	}
	for _, want := range []string{
		"with `go test`, commit abc1234", "### Goals", "### Growth", "### Over TLS", "A TLS connection costs Parley", "### Throughput and latency",
		"| echo, 10 clients, window 16 | CPU per message |", "| 30 idle connections | memory per connection (goal: 7,000 bytes) |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if _, err := os.Stat(page); !errors.Is(err, os.ErrNotExist) {
		t.Error("a run that is not complete writes the page")
	}
}
