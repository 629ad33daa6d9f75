package simulationtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// errBroker is what a bus or log returns when the schedule lets a call fail.
var errBroker = errors.New("simulation: the broker did not answer")

// verdict is what the schedule decides about a call.
type verdict int

const (
	// pass lets the call do its work.
	pass verdict = iota
	// refuse fails the call before it has done anything.
	refuse
	// partial fails the call after a part of its work, if it has parts.
	partial
	// silent lets the call do its work and fails it: only the answer is lost.
	silent
)

func (v verdict) String() string { return [...]string{"pass", "refuse", "partial", "silent"}[v] }

func (v verdict) err() error {
	if v == refuse {
		return errBroker
	}
	return nil
}

// call is a call of an engine to its bus or log. It waits for its verdict.
type call struct {
	key     string
	decided chan verdict // buffered: deciding never waits
}

// calls holds the calls that wait. Engines add to it from any goroutine, in any order: the schedule sees them by key, so
// that the order in which they came is of no importance.
//
// An engine collects what it has for a bus or log while a call waits. What comes in one call and what in the next depends
// on its goroutines; so a verdict holds for all further calls of the key until the end of the step.
type calls struct {
	mu      sync.Mutex
	waiting map[string]*call
	decided map[string]verdict // in this step, by key
	dead    bool               // calls fail at once
}

// wait waits for the verdict on a call, or until its context ends.
func (c *calls) wait(ctx context.Context, key string) (verdict, error) {
	if err := ctx.Err(); err != nil {
		return refuse, err
	}
	c.mu.Lock()
	v, decided := c.decided[key]
	if c.dead || decided {
		if c.dead {
			v = refuse
		}
		c.mu.Unlock()
		return v, v.err()
	}
	if c.waiting == nil {
		c.waiting = make(map[string]*call)
	}
	unique := key
	for i := 2; c.waiting[unique] != nil; i++ {
		unique = fmt.Sprintf("%s #%d", key, i)
	}
	w := &call{key: unique, decided: make(chan verdict, 1)}
	c.waiting[unique] = w
	c.mu.Unlock()
	select {
	case v := <-w.decided:
		return v, v.err()
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.waiting[unique] == w {
			delete(c.waiting, unique)
		}
		return refuse, ctx.Err()
	}
}

// keys returns the keys of the calls that wait, sorted.
func (c *calls) keys() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var keys []string
	for key := range c.waiting {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// decide gives a call its verdict.
func (c *calls) decide(key string, v verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.waiting[key]; w != nil {
		delete(c.waiting, key)
		w.decided <- v
	}
	if c.decided == nil {
		c.decided = make(map[string]verdict)
	}
	c.decided[key] = v
}

// endStep lets calls wait again.
func (c *calls) endStep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.decided)
}

// kill fails all calls, those that wait and those to come.
func (c *calls) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
	for key, w := range c.waiting {
		delete(c.waiting, key)
		w.decided <- refuse
	}
}

// movement is one thing that can happen next. Its key is the same in each run of a seed and unique among the movements
// that can happen at the same time.
type movement struct {
	key string
	do  func()
}

// pick chooses a movement.
func pick(rng *rand.Rand, movements []movement) movement {
	slices.SortFunc(movements, func(a, b movement) int { return strings.Compare(a.key, b.key) })
	return movements[rng.IntN(len(movements))]
}

// chance reports true with a probability.
func chance(rng *rand.Rand, probability float64) bool {
	return probability > 0 && rng.Float64() < probability
}

// choose returns one of several.
func choose[T any](rng *rand.Rand, of []T) T { return of[rng.IntN(len(of))] }

// trace is what has happened in a run, as lines that are the same in each run of a seed. Only the schedule writes it.
type trace struct {
	begin time.Time
	step  int
	lines []string
	ended bool // what comes now is not the same each time
}

func (t *trace) addf(format string, args ...any) {
	if t.ended {
		return
	}
	at := time.Since(t.begin).Round(time.Microsecond)
	t.lines = append(t.lines, fmt.Sprintf("%5d %9s  ", t.step, at)+fmt.Sprintf(format, args...))
}
