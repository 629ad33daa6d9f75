package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// heapGrowth is how many bytes of heap may stay, for pools and caches.
const heapGrowth = 2 << 20

// config configures a run.
type config struct {
	Time    time.Duration // of the whole run
	Away    time.Duration // how long a client may be away and still recover
	Settle  time.Duration // how long the server may take to return to what it was
	Clients int           // how many come and go at the same time
	Seed    uint64
	Faults  []string

	Report func(format string, args ...any) // receives the progress
}

// sample is the server's state at a time since the start.
type sample struct {
	At time.Duration
	state
}

// result is the result of a run.
type result struct {
	Samples         []sample
	Cycles          map[string]int64
	Messages        int // acknowledged, of the ledger
	Recovered       int64
	Sessions        int64
	Before, After   state // of the server, idle
	Problems        []string
	Start, Shutdown state // of its process, before there was a server and after it was shut down
}

// Summary describes the result in a few lines.
func (r *result) Summary() string {
	var b strings.Builder
	var all int64
	for _, name := range slices.Sorted(maps.Keys(r.Cycles)) {
		all += r.Cycles[name]
		fmt.Fprintf(&b, "%8d  %s\n", r.Cycles[name], name)
	}
	fmt.Fprintf(&b, "%8d  cycles, %d sessions, %d recovered, %d too slow\n", all, r.Sessions, r.Recovered, r.After.Slow)
	fmt.Fprintf(&b, "%8d  acknowledged messages between %d clients\n", r.Messages, len(members()))
	fmt.Fprintf(&b, "idle:  %d goroutines before, %d after (and %d idle workers) · %d and %d timers · %d and %d descriptors · %.1f and %.1f MiB of heap\n",
		r.Before.Goroutines, r.After.Goroutines, r.After.Workers, r.Before.Timers, r.After.Timers, r.Before.Descriptors, r.After.Descriptors,
		mib(r.Before.Heap), mib(r.After.Heap))
	fmt.Fprintf(&b, "ended: %d goroutines before, %d after · %d and %d timers · %d and %d descriptors", r.Start.Goroutines,
		r.Shutdown.Goroutines+r.Shutdown.Workers, r.Start.Timers, r.Shutdown.Timers, r.Start.Descriptors, r.Shutdown.Descriptors)
	return b.String()
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// run runs a server and its clients.
func run(ctx context.Context, c config) (*result, error) {
	if name, ok := unknown(c.Faults); ok {
		return nil, fmt.Errorf("unknown fault %q", name)
	}
	start := time.Now()
	p, err := startServer(c)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	r := new(result)
	t := newTracker()
	watching, stopWatching := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() { r.Samples = p.watch(watching, start) })
	defer watcher.Wait()
	defer stopWatching()

	r.Cycles = make(map[string]int64)
	work := func(span time.Duration, seed uint64) {
		ctx, cancel := context.WithTimeout(ctx, span)
		defer cancel()
		var ledgers sync.WaitGroup
		ledgers.Go(func() { ledger(ctx, p.addr, c, t) })
		for name, n := range visit(ctx, p.addr, c.Clients, seed, t.problem) {
			r.Cycles[name] += n
		}
		ledgers.Wait()
	}
	warm := max(c.Time/20, 2*time.Second)
	c.Report("seed %d: warming up for %v", c.Seed, warm)
	work(warm, c.Seed)
	settling := time.Now()
	if r.Before, err = p.settle(ctx, c, nil); err != nil {
		return nil, err
	}
	busy := max(c.Time-time.Since(start)-time.Since(settling), c.Time/4) // the second settling takes as long as the first
	c.Report("visitors and ledger for %v", busy.Round(time.Second))
	work(busy, c.Seed+1)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.Report("settling")
	if r.After, err = p.settle(ctx, c, &r.Before); err != nil {
		return nil, err
	}
	stopWatching()
	watcher.Wait()
	if r.Start, r.Shutdown, err = p.stop(); err != nil {
		return nil, err
	}
	r.Messages, r.Recovered, r.Sessions = t.acked, r.After.Recovered, r.After.Opened
	r.Problems = append(t.close(), r.leaks()...)
	if r.Messages == 0 || r.Recovered == 0 || r.After.Slow == 0 {
		r.Problems = append(r.Problems, "the run tested too little: no message was acknowledged, no client was recovered, or none was too slow")
	}
	return r, nil
}

// leaks compares the states.
func (r *result) leaks() (all []string) {
	for _, text := range grown(r.Before, r.After) {
		all = append(all, "of the idle server: "+text)
	}
	if r.After.Heap > r.Before.Heap+heapGrowth {
		all = append(all, fmt.Sprintf("of the idle server: heap: %.1f MiB before, %.1f after", mib(r.Before.Heap), mib(r.After.Heap)))
	}
	for _, text := range grown(r.Start, r.Shutdown) {
		all = append(all, "after the shutdown: "+text)
	}
	if r.Shutdown.Workers > 0 {
		all = append(all, fmt.Sprintf("after the shutdown: %d idle workers", r.Shutdown.Workers))
	}
	if r.After.Sessions+r.After.Sockets > 0 {
		all = append(all, fmt.Sprintf("%d sessions and %d sockets are left\n%s", r.After.Sessions, r.After.Sockets, r.After.Dump))
	}
	if r.After.Panics > 0 {
		all = append(all, fmt.Sprintf("%d panics in Parley's code", r.After.Panics))
	}
	return all
}

// grown returns what a state has more of than one before it. Growth of the heap is not looked at.
func grown(before, after state) (all []string) {
	if after.Goroutines > before.Goroutines {
		all = append(all, fmt.Sprintf("goroutines: %d before, %d after\n%s", before.Goroutines, after.Goroutines, after.Dump))
	}
	if after.Timers > before.Timers {
		all = append(all, fmt.Sprintf("timers: %d before, %d after\n%s", before.Timers, after.Timers, after.TimerDump))
	}
	if after.Descriptors > before.Descriptors {
		all = append(all, fmt.Sprintf("descriptors: %d before, %d after", before.Descriptors, after.Descriptors))
	}
	return all
}

// process is the server's process.
type process struct {
	cmd  *exec.Cmd
	addr string

	// mu guards the fields below: one request at a time.
	mu      sync.Mutex
	stdin   io.WriteCloser
	answers *json.Decoder
}

func startServer(c config) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	set, err := json.Marshal(settings{c.Away, c.Settle, c.Faults})
	if err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	cmd := exec.Command(self)
	// The profile of all allocations counts timers exactly.
	cmd.Env = append(os.Environ(), serverVariable+"="+string(set), "GODEBUG="+os.Getenv("GODEBUG")+",memprofilerate=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	out := bufio.NewReader(stdout)
	p := &process{cmd: cmd, stdin: stdin, answers: json.NewDecoder(out)}
	line, err := out.ReadString('\n')
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("starting the server: it has not printed its address: %w", err)
	}
	p.addr = strings.TrimSpace(line)
	return p, nil
}

// state asks for the state. A process that does not answer is killed.
func (p *process) state(request string) (s state, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	if _, err = fmt.Fprintln(p.stdin, request); err == nil {
		err = p.answers.Decode(&s)
	}
	if err != nil {
		return s, fmt.Errorf("asking for the server's state: %w", err)
	}
	return s, nil
}

// watch takes samples until ctx ends.
func (p *process) watch(ctx context.Context, start time.Time) (all []sample) {
	interval := 500 * time.Millisecond
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if s, err := p.state(current); err == nil {
			all = append(all, sample{time.Since(start), s})
		}
		if len(all) == 1000 { // half of them are enough for the chart
			for i := range all[:500] {
				all[i] = all[2*i]
			}
			all = all[:500]
			interval *= 2
			tick.Reset(interval)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return all
		}
	}
}

// settle waits until no session is open and none can be recovered, and returns the state after a collection. With a state
// from before the load, it also waits until the server holds no more than it did then, for at most c.Settle.
func (p *process) settle(ctx context.Context, c config, before *state) (s state, err error) {
	time.Sleep(c.Away + time.Second)
	calm := 0
	for end := time.Now().Add(c.Settle); ; {
		if s, err = p.state(collected); err != nil {
			return s, err
		}
		if s.Sessions+s.Sockets == 0 {
			calm++
		}
		returned := before == nil || len((&result{Before: *before, After: s}).leaks()) == 0
		if calm > 5 && returned || time.Now().After(end) {
			return s, nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

// stop ends the process. It returns its states before the server was made and after its shutdown.
func (p *process) stop() (before, after state, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.stdin.Close(); err != nil {
		return before, after, fmt.Errorf("stopping the server: %w", err)
	}
	var states []state
	err = p.answers.Decode(&states)
	if err = errors.Join(err, p.cmd.Wait()); err != nil || len(states) != 2 {
		return before, after, fmt.Errorf("stopping the server: %w", err)
	}
	return states[0], states[1], nil
}

// kill kills the process if it still runs.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
