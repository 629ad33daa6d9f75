package main

import (
	"testing"

	"github.com/parleyio/parley/internal/testing/exampletest"
)

// TestProgram runs the program: a client joins and gets an answer to its event, and another route works.
func TestProgram(t *testing.T) {
	server := exampletest.Start(t, ".")
	exampletest.Chat(t, server)
	if online := exampletest.Get(t, server+"/online"); online != "1\n" {
		t.Errorf("online: %q", online)
	}
}
