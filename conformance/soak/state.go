package main

import (
	"runtime"
	"strings"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/testing/leak"
	"github.com/parleyio/parley/socketio"
)

// state is what the server's process holds. Goroutines, timers and descriptors are those of the server and of the
// application in this program; what net/http keeps for a while is not counted.
type state struct {
	Goroutines  int    // without idle workers
	Workers     int    // idle workers of sockets: a few hundred of them wait for work until the server ends
	Timers      int64  // pending or referenced; counted with a collection only
	Heap        int64  // bytes in use; after a collection if the caller asked for one
	Descriptors int    // -1 where the system does not list them
	Sessions    int    // of Engine.IO
	Sockets     int    // in "/"
	Opened      int64  // sessions since the start
	Recovered   int64  // sockets that were recovered
	Slow        int64  // clients that did not read fast enough
	Panics      int64  // panics in Parley's own code
	Dump        string // the stacks of the goroutines, after a collection
	TimerDump   string // what made the timers, after a collection
}

// observed reports whether a function is of the server or of this program.
func observed(function string) bool {
	return leak.Library(function) || strings.HasPrefix(function, "main.") ||
		strings.HasPrefix(function, "github.com/parleyio/parley/conformance/soak.") // the test's binary
}

// observe reads the state. io may be nil.
func observe(io *socketio.Server, conns *leak.Conns, collect bool) state {
	s := state{Descriptors: -1}
	if open, ok := leak.Descriptors(); ok {
		s.Descriptors = open - conns.Open()
	}
	all := leak.Goroutines(observed)
	busy := leak.WithoutIdleWorkers(all)
	s.Goroutines, s.Workers = len(busy), len(all)-len(busy)
	if collect {
		timers := leak.TimersOf(observed)
		s.Timers = leak.Live(timers)
		s.Dump, s.TimerDump = leak.Text(busy), leak.TimersText(timers)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.Heap = int64(m.HeapAlloc)
	if io != nil {
		stats := io.Stats()
		s.Sessions, s.Sockets = stats.Engine.Sessions, len(io.Sockets())
		s.Slow = stats.Engine.Closed[engineio.SlowConsumer]
		s.Opened, s.Recovered, s.Panics = stats.Engine.Opened, stats.Recoveries, stats.Panics+stats.Engine.Panics
	}
	return s
}
