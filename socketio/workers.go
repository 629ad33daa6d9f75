package socketio

import "sync/atomic"

// maxIdleWorkers bounds the workers that wait for something to do.
const maxIdleWorkers = 256

// workers runs the work of sockets on goroutines that are used again. A new goroutine starts with a small stack, which
// nearly every handler outgrows: to grow it costs a fifth of an echo's CPU time, and a worker that waits keeps it.
type workers struct {
	waiting chan *Socket    // unbuffered: taken only by a worker that waits
	done    <-chan struct{} // ends the workers that wait
	idle    atomic.Int32    // how many they are
}

func newWorkers(done <-chan struct{}) *workers {
	return &workers{waiting: make(chan *Socket), done: done}
}

// start has the socket worked on. It does not block.
func (w *workers) start(s *Socket) {
	select {
	case w.waiting <- s:
	default:
		go w.run(s)
	}
}

// run is a worker: it ends with the server, or when enough others wait.
func (w *workers) run(s *Socket) {
	for {
		s.work()
		s = nil // a worker that waits keeps nobody alive
		if w.idle.Add(1) > maxIdleWorkers {
			w.idle.Add(-1)
			return
		}
		select {
		case s = <-w.waiting:
			w.idle.Add(-1)
		case <-w.done:
			w.idle.Add(-1)
			return
		}
	}
}

// startLocked starts the socket's worker unless it runs.
func (s *Socket) startLocked() {
	if !s.working {
		s.working = true
		s.conn.server.workers.start(s)
	}
}

// work is the worker of a socket: it connects it, runs its handlers in order, and ends when the inbox is empty. The last
// one finishes it. While more events wait, what the handlers send is held back to leave in one write.
func (s *Socket) work() {
	returned := false
	defer func() {
		if !returned {
			s.fault(recover())
		}
	}()
	if s.handleAll() {
		s.finish()
	}
	returned = true
}

// handleAll works until the inbox is empty and reports whether the socket is to finish.
func (s *Socket) handleAll() (last bool) {
	c := s.conn
	if s.opening() {
		s.open()
	}
	corked := false
	for {
		do := s.next()
		switch {
		case do.flushed:
			s.callOnDrain()
			continue
		case do.answer != nil:
			s.callAnswered(do.entry)
			continue
		case do.event == nil:
			return do.last
		}
		if do.more && !corked {
			c.control.Cork()
			corked = true
		}
		s.handle(do.event)
		if corked && !do.more {
			c.control.Uncork()
			corked = false
		}
	}
}

// opening reports whether the socket has yet to be connected.
func (s *Socket) opening() bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.state == connecting
}

// task is what a worker is to do next. One with nothing to do ends it.
type task struct {
	flushed bool // the functions of OnDrain are to be called
	entry
	more bool // others wait behind it
	last bool // the socket is to finish
}

// next returns the worker's next task.
func (s *Socket) next() task {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock() // after a fault too: the connection's end waits for it
	if s.flushed && s.state == connected {
		s.flushed = false
		return task{flushed: true}
	}
	if e, more := s.inbox.popLocked(); e != (entry{}) {
		c.wakeReaderLocked()
		return task{entry: e, more: more}
	}
	if s.state != disconnected {
		s.working = false
		return task{}
	}
	s.worked = true // and working stays set: there will be no other worker
	return task{last: s.concurrent == 0}
}
