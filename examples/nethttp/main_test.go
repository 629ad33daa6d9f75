package main

import (
	"os"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/testing/exampletest"
)

// The README shows this program: what people copy from there is what is compiled here.
func TestREADME(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, found := strings.Cut(string(readme), "```go\n")
	if !found {
		t.Fatal("README.md shows no Go program")
	}
	shown, _, _ = strings.Cut(shown, "```")
	if shown != string(program) {
		t.Error("the program in README.md is not examples/nethttp/main.go")
	}
}

// It runs: a client that joins and says something is answered.
func TestProgram(t *testing.T) { exampletest.Lobby(t, exampletest.Start(t, ".")) }
