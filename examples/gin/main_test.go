package main

import (
	"testing"

	"github.com/parleyio/parley/internal/testing/exampletest"
)

// It runs: a client that joins and says something is answered, and so is who asks for another route.
func TestProgram(t *testing.T) {
	server := exampletest.Start(t, ".")
	exampletest.Lobby(t, server)
	if online := exampletest.Get(t, server+"/online"); online != "1\n" {
		t.Errorf("online: %q", online)
	}
}
