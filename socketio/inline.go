package socketio

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// inlineTick is the time between two looks: a handler keeps its connection from being read for twice of it at most.
	inlineTick = time.Millisecond
	// inlineSlots bounds the connections whose handlers run on the goroutine that reads. Those that wait for something
	// give their slot back within two ticks, so that it is a bound on what runs on the processors.
	inlineSlots = 32
	// inlineRest is how many ticks without work end the watch.
	inlineRest = 100
)

// inline keeps watch over handlers that run on the goroutine that has read their event. That saves the switch to a
// worker, which costs as much as the rest of a small event; but a handler may wait for whatever it likes, and meanwhile
// nobody would notice acknowledgements, pongs or the end of the connection. So the watch looks at each tick who still
// runs that ran before, and lets another goroutine read on: the handler's becomes a worker.
type inline struct {
	server   *Server // immutable
	watching atomic.Bool
	slots    [inlineSlots]inlineSlot
}

type inlineSlot struct {
	mu   sync.Mutex  // guards the fields below; never held for long
	conn *connection // nil while the slot is free
	run  uint64      // counts those that had the slot
	seen uint64      // the run of the last tick
	_    [96]byte    // slots do not share a cache line, wherever they begin
}

// start takes the connection's slot, for a run that has to be ended. It returns zero when it is not to be had.
func (w *inline) start(c *connection) (run uint64) {
	slot := &w.slots[c.slot]
	if !slot.mu.TryLock() {
		return 0
	}
	if slot.conn == nil {
		slot.conn = c
		slot.run++
		run = slot.run
	}
	slot.mu.Unlock()
	if run != 0 && !w.watching.Load() && !w.watching.Swap(true) {
		go w.watch() // ends when there is nothing to watch
	}
	return run
}

// end gives a slot back, unless the watch has taken it away.
func (w *inline) end(c *connection, run uint64) {
	slot := &w.slots[c.slot]
	slot.mu.Lock()
	if slot.run == run {
		slot.conn = nil
	}
	slot.mu.Unlock()
}

// watch lives while events are handled and a little longer, and until Shutdown is over: whom it no longer watches is not
// read from, but nobody is waited for then.
func (w *inline) watch() {
	returned := false
	defer func() {
		if !returned {
			w.watching.Store(false) // the next event starts another watch
		}
	}()
	defer w.server.guard("watch over handlers")
	ticker := time.NewTicker(inlineTick)
	defer ticker.Stop()
	for rest := 0; ; rest++ {
		select {
		case <-ticker.C:
		case <-w.server.last.Done(): // not base: an application may end that first, and Shutdown takes its time
			returned = true
			return
		}
		if w.look() {
			rest = 0
		}
		if rest < inlineRest {
			continue
		}
		w.watching.Store(false)
		if !w.look() || w.watching.Swap(true) { // nothing has begun meanwhile, or another watch looks after it
			returned = true
			return
		}
	}
}

// look takes the slots of those that had them at the last tick already. It reports whether there was anything new.
func (w *inline) look() (busy bool) {
	for i := range w.slots {
		slot := &w.slots[i]
		slot.mu.Lock()
		var c *connection
		run := slot.run
		if slot.seen != run {
			slot.seen, busy = run, true
		} else {
			c, slot.conn = slot.conn, nil
		}
		slot.mu.Unlock()
		if c != nil {
			c.handOver(run)
		}
	}
	return busy
}

// workInline handles an event of a socket, for which there is no worker, on the goroutine that reads. run is that of
// the slot.
func (c *connection) workInline(s *Socket, run uint64) {
	returned := false
	defer func() {
		if !returned {
			c.handOver(run) // the handler has ended its goroutine, and with it the reading
		}
	}()
	s.work()
	returned = true
	c.server.inline.end(c, run)
	c.mu.Lock()
	if c.inlineRun == run {
		c.inlineRun = 0
	}
	c.mu.Unlock()
}

// handOver lets another goroutine read while a handler goes on.
func (c *connection) handOver(run uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inlineRun == run {
		c.handOverLocked()
	}
}

func (c *connection) handOverLocked() {
	if c.inlineRun != 0 {
		c.inlineRun = 0
		c.control.HandOver()
	}
}
