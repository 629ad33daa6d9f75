package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine describes the machine and the software that were measured.
type machine struct {
	CPU     string  `json:"cpu"`
	Cores   int     `json:"cores"`
	Memory  string  `json:"memory"`
	System  string  `json:"system"`
	Go      string  `json:"go"`
	Node    string  `json:"node,omitempty"`
	Date    string  `json:"date"`
	Commit  string  `json:"commit"`
	Command string  `json:"command"`
	Load    float64 `json:"load"` // average of the last minute, before the run
	Files   int     `json:"files"`
}

func describeMachine(ctx context.Context, s *settings) machine {
	m := machine{
		CPU:     field("/proc/cpuinfo", "model name"),
		Cores:   runtime.NumCPU(),
		Memory:  field("/proc/meminfo", "MemTotal"),
		System:  runtime.GOOS + "/" + runtime.GOARCH,
		Go:      runtime.Version(),
		Date:    time.Now().Format(time.DateOnly),
		Commit:  s.commit,
		Command: s.command,
		Files:   descriptors(),
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.System += " " + strings.TrimSpace(string(release))
	}
	if average, err := os.ReadFile("/proc/loadavg"); err == nil {
		first, _, _ := strings.Cut(string(average), " ")
		m.Load, _ = strconv.ParseFloat(first, 64)
	}
	if s.binaries.node != "" {
		version, _ := exec.CommandContext(ctx, "node", "--version").Output() // without Node, starting the server fails later
		m.Node = strings.TrimSpace(string(version))
	}
	return m
}

// field returns the first value with this name in a file of lines "name: value", or an empty string.
func field(file, name string) string {
	text, _ := os.ReadFile(file) // exists on Linux only
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// spareDescriptors is how many descriptors a process needs in addition to its connections.
const spareDescriptors = 200

// warnings returns reasons to distrust the figures.
func (m *machine) warnings() (all []string) {
	if m.Load > float64(m.Cores)/4 {
		all = append(all, fmt.Sprintf("the machine is busy: its load is %.1f on %d cores, which makes the figures noisy", m.Load, m.Cores))
	}
	if wanted := grown[1] + spareDescriptors; m.Files < wanted {
		all = append(all, fmt.Sprintf("a process may open %d files here, so the loads with more connections were made smaller; set ulimit -n %d", m.Files, wanted))
	}
	return all
}
