// Package leak counts the goroutines, timers and descriptors of a process by what made them, so that a test can compare two
// moments: what Parley made and did not release is found, and what net/http or another package keeps for a while is not.
//
// Only tests and mains use it.
package leak

import "strings"

// Owner reports whether a function, named as in a stack trace, belongs to the code that is searched for leaks.
type Owner func(function string) bool

const module = "github.com/parleyio/parley/"

// Library is the owner of everything in Parley's library and backend: tests, conformance programs, examples and tools are
// not part of it.
func Library(function string) bool {
	rest, found := strings.CutPrefix(function, module)
	if !found {
		return false
	}
	for _, other := range []string{"cmd/", "conformance/", "examples/", "internal/testing/"} {
		if strings.HasPrefix(rest, other) {
			return false
		}
	}
	pkg, _, _ := strings.Cut(rest, ".")
	return !strings.HasSuffix(pkg, "_test")
}
