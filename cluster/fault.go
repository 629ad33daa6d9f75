package cluster

import (
	"log/slog"

	"github.com/parleyio/parley/internal/guard"
)

// guardCall stands at the top of goroutines and timers, and around the application's functions that they call: a panic is
// logged and does not end the process. Nobody hands an adapter a logger, so it goes to slog.Default.
func guardCall(what string) {
	if fault := recover(); fault != nil {
		guard.Log(nil, "panic in an adapter", fault, slog.String("in", what))
	}
}
