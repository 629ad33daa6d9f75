package leak

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Timers are the timers and tickers that one place in the code made.
type Timers struct {
	Functions []string // the stack of that place, the innermost function first
	Live      int64    // how many of its timers are pending, or are stopped and still referenced
}

// TimersOf returns the timers of an owner: those that were made while a function of the owner was on the stack. The counts
// are exact if the program runs with GODEBUG=memprofilerate=1 or sets [runtime.MemProfileRate] to 1 before it makes the
// first timer, and useless otherwise.
//
// It stops the program for a moment and runs the collector.
func TimersOf(owner Owner) (all []Timers) {
	removeStopped()
	for range 3 { // a pool keeps its objects for two collections, and the profile shows the state before the last one
		runtime.GC()
	}
	for _, r := range records() {
		stack := functions(r.Stack())
		i := slices.Index(stack, "time.newTimer")
		if r.InUseObjects() == 0 || i < 1 || stack[i-1] != "runtime.newobject" { // other objects below newTimer are the runtime's
			continue
		}
		if slices.ContainsFunc(stack, owner) && !slices.Contains(stack, module+"internal/testing/leak.removeStopped") {
			all = append(all, Timers{stack[i:], r.InUseObjects()})
		}
	}
	return all
}

// Live returns how many timers there are.
func Live(all []Timers) (n int64) {
	for _, t := range all {
		n += t.Live
	}
	return n
}

// TimersText describes some timers: where they were made, and how many are live.
func TimersText(all []Timers) string {
	var b strings.Builder
	for _, t := range all {
		fmt.Fprintf(&b, "%d × timer made by %s\n", t.Live, strings.Join(t.Functions, " < "))
	}
	return b.String()
}

// removeStopped makes the runtime forget stopped timers. It keeps one in the list of a processor until its time comes or a
// quarter of that list is stopped; until then the timer is not garbage.
func removeStopped() {
	processors := runtime.GOMAXPROCS(1) // the others' lists are joined with the first, without what is stopped
	for range 1000 {
		time.AfterFunc(time.Hour, func() {}).Stop()
	}
	runtime.Gosched() // the scheduler removes what is stopped
	runtime.GOMAXPROCS(processors)
}

func records() []runtime.MemProfileRecord {
	n, _ := runtime.MemProfile(nil, false)
	for {
		all := make([]runtime.MemProfileRecord, n+100) // there may be more by then
		var ok bool
		if n, ok = runtime.MemProfile(all, false); ok {
			return all[:n]
		}
	}
}

func functions(stack []uintptr) (names []string) {
	for frames := runtime.CallersFrames(stack); ; {
		frame, more := frames.Next()
		names = append(names, frame.Function)
		if !more {
			return names
		}
	}
}
