package cluster

import (
	"log/slog"
	"runtime/debug"
)

// guard stands at the top of goroutines and timers, and around the application's functions that they call: a panic is
// logged and does not end the process. Nobody hands an adapter a logger, so it goes to slog.Default.
func guard(what string) {
	if fault := recover(); fault != nil {
		slog.Error("panic in an adapter", slog.String("in", what), slog.Any("err", fault),
			slog.String("stack", string(debug.Stack())))
	}
}
