package main

import (
	"os"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/testing/exampletest"
)

// TestREADME compares the program in the README with this one, which is compiled.
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

// TestProgram runs the program: a client joins and gets an answer to its event.
func TestProgram(t *testing.T) { exampletest.Chat(t, exampletest.Start(t, ".")) }
