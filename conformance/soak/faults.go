package main

import (
	"os"
	"slices"
	"sync"
	"time"

	"github.com/parleyio/parley/socketio"
)

// every is how often a message of the ledger is mishandled: one in so many.
const every = 40

// faults are the mistakes that the server makes on purpose. By default it makes none.
type faults struct {
	wanted map[string]bool

	// mu guards the fields below.
	mu       sync.Mutex
	messages int
	held     map[[2]string]func() error // messages that wait for the next one of their pair
	sockets  int
	files    []*os.File
	memory   [][]byte
}

// faultNames returns all faults.
func faultNames() []string {
	return []string{"drop", "twice", "swap", "goroutine", "timer", "descriptor", "heap"}
}

func newFaults(names []string) *faults {
	f := &faults{wanted: make(map[string]bool), held: make(map[[2]string]func() error)}
	for _, name := range names {
		f.wanted[name] = true
	}
	return f
}

// send delivers a message of the ledger.
func (f *faults) send(to socketio.Broadcast, from, name string, number int, text string) error {
	deliver := func() error { return to.Emit("message", from, number, text) }
	f.mu.Lock()
	f.messages++
	turn := f.messages % every
	pair := [2]string{from, name}
	before := f.held[pair]
	delete(f.held, pair)
	if f.wanted["swap"] && turn == 0 && before == nil {
		f.held[pair] = deliver
		f.mu.Unlock()
		return nil
	}
	f.mu.Unlock()
	switch {
	case f.wanted["drop"] && turn == 1:
		return nil
	case f.wanted["twice"] && turn == 2:
		if err := deliver(); err != nil {
			return err
		}
	}
	if err := deliver(); err != nil || before == nil {
		return err
	}
	return before()
}

// connected is called for each socket. It leaks a limited number of things.
func (f *faults) connected() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sockets++; f.sockets%4 != 0 || f.sockets > 1000 {
		return
	}
	if f.wanted["goroutine"] {
		go func() { <-make(chan struct{}) }()
	}
	if f.wanted["timer"] {
		time.AfterFunc(time.Hour, func() {})
	}
	if f.wanted["descriptor"] {
		if file, err := os.Open(os.DevNull); err == nil {
			f.files = append(f.files, file)
		}
	}
	if f.wanted["heap"] {
		f.memory = append(f.memory, make([]byte, 256<<10))
	}
}

// unknown returns the first name that is not the name of a fault.
func unknown(names []string) (string, bool) {
	for _, name := range names {
		if !slices.Contains(faultNames(), name) {
			return name, true
		}
	}
	return "", false
}
