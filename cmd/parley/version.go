package main

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// release is set by the linker for a release; see the Makefile.
var release string

// version names this build: the release, or else the module's version, with the commit where the build knows it.
func version() string {
	name, commit := release, ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if name == "" {
			name = strings.Trim(info.Main.Version, "()")
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				commit = s.Value[:12] + " "
			}
		}
	}
	if name == "" {
		name = "devel"
	}
	return name + " (" + commit + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH + ")"
}
