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
