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

// machine is where and what was measured.
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
		version, _ := exec.CommandContext(ctx, "node", "--version").Output() // it is missed soon enough
		m.Node = strings.TrimSpace(string(version))
	}
	return m
}

// field is the first value with this name in a file of lines "name: value", or empty.
func field(file, name string) string {
	text, _ := os.ReadFile(file) // it is Linux's
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// spareDescriptors are what a process needs besides its connections.
const spareDescriptors = 200

// warnings tell what speaks against the figures.
func (m *machine) warnings() (all []string) {
	if m.Load > float64(m.Cores)/4 {
		all = append(all, fmt.Sprintf("the machine is busy: its load is %.1f on %d cores, so the figures are noisier than they need to be", m.Load, m.Cores))
	}
	if wanted := grown[1] + spareDescriptors; m.Files < wanted {
		all = append(all, fmt.Sprintf("a process may have %d files here: loads of more connections are made smaller (ulimit -n %d)", m.Files, wanted))
	}
	return all
}
