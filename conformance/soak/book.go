package main

import (
	"fmt"
	"sync"
)

// maxProblems is how many problems a book names; the rest is counted.
const maxProblems = 10

// book keeps the accounts of the messages between clients. A message that was acknowledged must arrive once, behind those
// that its sender sent to the same receiver before. One that was not acknowledged, because its sender was cut off, may
// arrive or not, at any time, and not twice.
type book struct {
	mu       sync.Mutex
	pairs    map[[2]string]*account
	acked    int
	received int
	problems []string
	more     int // problems beyond maxProblems
}

// account is that of an ordered pair.
type account struct {
	sent    int          // the number of the latest message; they begin with 1
	last    int          // the latest one that was received in order
	missing map[int]bool // those before last that have not come
	awaited map[int]bool // those behind last that were acknowledged
}

func newBook() *book { return &book{pairs: make(map[[2]string]*account)} }

func (b *book) account(from, to string) *account {
	pair := [2]string{from, to}
	a := b.pairs[pair]
	if a == nil {
		a = &account{missing: make(map[int]bool), awaited: make(map[int]bool)}
		b.pairs[pair] = a
	}
	return a
}

// next returns the number of the next message of a pair.
func (b *book) next(from, to string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.account(from, to)
	a.sent++
	return a.sent
}

// acknowledged notes that the server has taken a message.
func (b *book) acknowledged(from, to string, number int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.account(from, to)
	b.acked++
	switch {
	case a.missing[number]:
		delete(a.missing, number)
		b.problemLocked("message %d from %s to %s was acknowledged, and did not come before number %d", number, from, to, a.last)
	case number > a.last:
		a.awaited[number] = true
	}
}

// arrived notes that a message has come.
func (b *book) arrived(from, to string, number int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.account(from, to)
	b.received++
	switch {
	case number > a.sent || number < 1:
		b.problemLocked("message %d from %s to %s came and was never sent", number, from, to)
	case a.missing[number]:
		delete(a.missing, number) // not acknowledged, or it would have been noticed
	case number <= a.last:
		b.problemLocked("message %d from %s to %s came again, or behind number %d", number, from, to, a.last)
	default:
		for n := a.last + 1; n < number; n++ {
			if a.awaited[n] {
				delete(a.awaited, n)
				b.problemLocked("message %d from %s to %s was acknowledged, and did not come before number %d", n, from, to, number)
			} else {
				a.missing[n] = true
			}
		}
		delete(a.awaited, number)
		a.last = number
	}
}

// problem notes something else that is wrong.
func (b *book) problem(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problemLocked(format, args...)
}

func (b *book) problemLocked(format string, args ...any) {
	if len(b.problems) == maxProblems {
		b.more++
		return
	}
	b.problems = append(b.problems, fmt.Sprintf(format, args...))
}

// open returns how many acknowledged messages have not come yet.
func (b *book) open() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.pairs {
		n += len(a.awaited)
	}
	return n
}

// close returns the problems, those of messages that have never come among them.
func (b *book) close() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for pair, a := range b.pairs {
		for n := range a.awaited {
			b.problemLocked("message %d from %s to %s was acknowledged and never came", n, pair[0], pair[1])
		}
	}
	if b.more > 0 {
		return append(b.problems, fmt.Sprintf("and %d more like these", b.more))
	}
	return b.problems
}
