package leak

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
)

// Goroutine is a goroutine of this process.
type Goroutine struct {
	State     string   // "select", "chan receive", "IO wait", …
	Functions []string // its stack, the innermost first; the last is the function that started it, if there is one
	Text      string   // as runtime.Stack prints it
}

// Goroutines returns the goroutines of an owner: those with a function of the owner on the stack and those that such a
// function started. The caller's own goroutine is not among them.
func Goroutines(owner Owner) (all []Goroutine) {
	for _, text := range stacks()[1:] {
		if g := parse(text); slices.ContainsFunc(g.Functions, owner) {
			all = append(all, g)
		}
	}
	return all
}

// WithoutIdleWorkers returns the others of some goroutines.
func WithoutIdleWorkers(all []Goroutine) []Goroutine {
	return slices.DeleteFunc(slices.Clone(all), Goroutine.IdleWorker)
}

// IdleWorker reports whether a goroutine is a worker of socketio that waits for the next socket. The server keeps a bounded
// number of them until Shutdown. A worker with a handler on its stack is not idle.
func (g Goroutine) IdleWorker() bool {
	return g.State == "select" && strings.HasPrefix(g.Functions[0], module+"socketio.(*workers).")
}

// Text describes some goroutines: one stack of each kind, and how many have it.
func Text(all []Goroutine) string {
	kinds := make(map[string][]Goroutine)
	for _, g := range all {
		kind := strings.Join(g.Functions, "\n")
		kinds[kind] = append(kinds[kind], g)
	}
	var texts []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		texts = append(texts, fmt.Sprintf("%d × %s", len(kinds[kind]), kinds[kind][0].Text))
	}
	return strings.Join(texts, "\n\n")
}

// stacks returns a text for each goroutine; the caller's is the first.
func stacks() []string {
	for size := 1 << 20; ; size *= 2 {
		buffer := make([]byte, size)
		if n := runtime.Stack(buffer, true); n < size {
			return strings.Split(strings.TrimSpace(string(buffer[:n])), "\n\n")
		}
	}
}

func parse(text string) Goroutine {
	head, rest, _ := strings.Cut(text, "\n")
	g := Goroutine{Text: text}
	if _, state, found := strings.Cut(head, "["); found {
		g.State = state[:strings.IndexAny(state+"]", ",]")] // "select, 2 minutes"
	}
	for line := range strings.SplitSeq(rest, "\n") {
		if strings.HasPrefix(line, "\t") {
			continue // file and line
		}
		if creator, found := strings.CutPrefix(line, "created by "); found {
			line, _, _ = strings.Cut(creator, " in goroutine ")
		} else if arguments := strings.LastIndex(line, "("); arguments > 0 {
			line = line[:arguments]
		}
		g.Functions = append(g.Functions, line)
	}
	return g
}
