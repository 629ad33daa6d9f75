package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// release is set by the linker for a release, and commit by `make build`: Go itself does not know it everywhere. See the
// Makefile.
var release, commit string

// versionCommand is `parley version`.
type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(out *output) error {
	_, err := fmt.Fprintln(out.stdout, "parley "+version())
	return err
}

// helpCommand is `parley help`.
type helpCommand struct {
	Command []string `arg:"" optional:"" help:"The command to explain."`
}

// Run prints what --help of the command does.
func (c helpCommand) Run(out *output) error {
	_, err := parse(new(program), append(c.Command, "--help"), nil, out.stdout)
	return err
}

// version names this build: the release, or else the module's version, with the commit where the build knows it.
func version() string {
	name, commit, changed := release, commit, ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if name == "" {
			name = strings.Trim(info.Main.Version, "()")
		}
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision" && len(s.Value) >= 12 && commit == "":
				commit = s.Value[:12]
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = "-dirty"
			}
		}
	}
	if commit != "" {
		commit = "commit " + strings.TrimSuffix(commit, changed) + changed + ", "
	}
	if name == "" {
		name = "devel"
	}
	return name + " (" + commit + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH + ")"
}
