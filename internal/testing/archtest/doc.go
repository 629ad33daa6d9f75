// Package archtest holds the architecture of the repository as a test: which package may import which, which modules
// are used where and why, and a few rules about files and goroutines that no linter has.
//
// Everything that is allowed stands in rules.go with its reason. A failing test prints the rule and the reason; who
// has a better reason changes rules.go, and docs/ARCHITECTURE.md with it.
//
// # Usage
//
//	go test ./internal/testing/archtest
//
// The sources are read as they are, for every platform and whether they compile or not. Only the question what a
// package drags in with its dependencies is put to the go command.
package archtest
