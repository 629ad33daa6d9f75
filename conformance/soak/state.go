package main

import (
	"bytes"
	"os"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/socketio"
)

// state is what the server's process holds.
type state struct {
	Goroutines  int    // without the workers below
	Workers     int    // of sockets: some hundred of them stay idle until the server ends
	Heap        int64  // bytes in use; after a collection if one was asked for
	Descriptors int    // -1 where they cannot be counted
	Sessions    int    // of Engine.IO
	Sockets     int    // in "/"
	Opened      int64  // sessions since the start
	Recovered   int64  // sockets that have come back
	Slow        int64  // clients that did not read fast enough
	Panics      int64  // faults of Parley's own
	Dump        string // the stacks of goroutines, by function, after a collection
}

// observe reads the state. io may be nil.
func observe(io *socketio.Server, collect bool) state {
	s := state{Descriptors: descriptors()}
	var stacks bytes.Buffer
	if p := pprof.Lookup("goroutine"); p != nil {
		_ = p.WriteTo(&stacks, 1) // a buffer takes it all
	}
	s.Workers = workers(stacks.String())
	s.Goroutines = runtime.NumGoroutine() - s.Workers
	if collect {
		s.Dump = stacks.String()
		for range 3 { // a pool gives its objects up in the second
			runtime.GC()
		}
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

// group is the first line of the goroutines with one stack: how many they are.
var group = regexp.MustCompile(`(?m)^(\d+) @ `)

// workers counts the goroutines that wait for sockets' events.
func workers(stacks string) (n int) {
	for part := range strings.SplitSeq(stacks, "\n\n") {
		found := group.FindStringSubmatch(part)
		if found == nil || !strings.Contains(part, "socketio.(*workers).run") {
			continue
		}
		count, _ := strconv.Atoi(found[1])
		n += count
	}
	return n
}

// descriptors counts the open descriptors of this process, but for the one that counting takes.
func descriptors() int {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(open) - 1
}
