package main

import (
	"fmt"
	"sync"
)

// maxProblems is how many problems a tracker lists; it counts the others.
const maxProblems = 10

// tracker checks the messages between clients. An acknowledged message must arrive exactly once, after the messages that its
// sender sent to the same receiver before. A message without an acknowledgement, because its sender lost the connection, may
// arrive at any time or never, but not twice.
type tracker struct {
	mu       sync.Mutex
	pairs    map[[2]string]*pairState
	acked    int
	received int
	problems []string
	more     int // problems beyond maxProblems
}

// pairState is the state of an ordered pair: a sender and a receiver.
type pairState struct {
	sent    int          // the number of the latest message; numbers begin with 1
	last    int          // the number of the latest message that arrived in order
	missing map[int]bool // messages before last that have not arrived
	awaited map[int]bool // messages after last that were acknowledged
}

func newTracker() *tracker { return &tracker{pairs: make(map[[2]string]*pairState)} }

func (t *tracker) pair(from, to string) *pairState {
	pair := [2]string{from, to}
	p := t.pairs[pair]
	if p == nil {
		p = &pairState{missing: make(map[int]bool), awaited: make(map[int]bool)}
		t.pairs[pair] = p
	}
	return p
}

// next returns the number of the next message of a pair.
func (t *tracker) next(from, to string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.pair(from, to)
	p.sent++
	return p.sent
}

// acknowledged records that the server accepted a message.
func (t *tracker) acknowledged(from, to string, number int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.pair(from, to)
	t.acked++
	switch {
	case p.missing[number]:
		delete(p.missing, number)
		t.problemLocked("message %d from %s to %s was acknowledged, and did not arrive before number %d", number, from, to, p.last)
	case number > p.last:
		p.awaited[number] = true
	}
}

// arrived records that a message arrived.
func (t *tracker) arrived(from, to string, number int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.pair(from, to)
	t.received++
	switch {
	case number > p.sent || number < 1:
		t.problemLocked("message %d from %s to %s arrived and was never sent", number, from, to)
	case p.missing[number]:
		delete(p.missing, number) // not acknowledged: otherwise it is already reported
	case number <= p.last:
		t.problemLocked("message %d from %s to %s arrived again, or after number %d", number, from, to, p.last)
	default:
		for n := p.last + 1; n < number; n++ {
			if p.awaited[n] {
				delete(p.awaited, n)
				t.problemLocked("message %d from %s to %s was acknowledged, and did not arrive before number %d", n, from, to, number)
			} else {
				p.missing[n] = true
			}
		}
		delete(p.awaited, number)
		p.last = number
	}
}

// problem records another problem.
func (t *tracker) problem(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problemLocked(format, args...)
}

func (t *tracker) problemLocked(format string, args ...any) {
	if len(t.problems) == maxProblems {
		t.more++
		return
	}
	t.problems = append(t.problems, fmt.Sprintf(format, args...))
}

// open returns how many acknowledged messages have not arrived yet.
func (t *tracker) open() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.pairs {
		n += len(p.awaited)
	}
	return n
}

// close returns the problems, including acknowledged messages that never arrived.
func (t *tracker) close() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for pair, p := range t.pairs {
		for n := range p.awaited {
			t.problemLocked("message %d from %s to %s was acknowledged and never arrived", n, pair[0], pair[1])
		}
	}
	if t.more > 0 {
		return append(t.problems, fmt.Sprintf("and %d more like these", t.more))
	}
	return t.problems
}
