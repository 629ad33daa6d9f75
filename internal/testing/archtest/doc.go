// Package archtest tests the architecture of the repository: which package may import which, which modules are used where
// and why, and a few rules about files, state and goroutines that no linter checks.
//
// rules.go lists what is allowed, with the reasons. A failing test prints the rule and its reason. If you have a better
// reason, change rules.go and docs/ARCHITECTURE.md together.
//
// # Usage
//
//	go test ./internal/testing/archtest
//
// It parses the source files of every platform, even if they do not compile. Only the transitive dependencies of a package
// come from the go command.
package archtest
