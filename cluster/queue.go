package cluster

import "sync"

// queue is a bounded queue with at most one worker at a time, which lives while there is something in it.
type queue[T any] struct {
	// Immutable after construction.
	most, mostBytes int

	// mu guards the fields below.
	mu      sync.Mutex
	waiting []queued[T]
	bytes   int
	working bool
}

type queued[T any] struct {
	item T
	size int
}

// maxQueueBytes bounds every queue besides the number of its items.
const maxQueueBytes = 64 << 20

func newQueue[T any](most int) queue[T] { return queue[T]{most: most, mostBytes: maxQueueBytes} }

// push adds an item. Work means that the caller has to start the worker; ok is false when the queue is full. What is
// urgent may fill it to its double.
func (q *queue[T]) push(item T, size int, urgent bool) (work, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pushLocked(item, size, urgent)
}

func (q *queue[T]) pushLocked(item T, size int, urgent bool) (work, ok bool) {
	full := len(q.waiting) >= q.most || q.bytes+size > q.mostBytes
	if full && urgent {
		full = len(q.waiting)/2 >= q.most || q.bytes/2+size > q.mostBytes
	}
	if full && len(q.waiting) > 0 {
		return false, false
	}
	q.waiting = append(q.waiting, queued[T]{item, size})
	q.bytes += size
	work = !q.working
	q.working = true
	return work, true
}

// take removes the oldest items. None means that the worker must end.
func (q *queue[T]) take(most int) (items []T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	most = min(most, len(q.waiting))
	if most == 0 {
		q.waiting, q.working = nil, false
		return nil
	}
	for i := range most {
		items = append(items, q.waiting[i].item)
		q.bytes -= q.waiting[i].size
		q.waiting[i] = queued[T]{}
	}
	q.waiting = q.waiting[most:]
	return items
}

// drop empties the queue, and returns how many items there were.
func (q *queue[T]) drop() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.waiting)
	q.waiting, q.bytes = nil, 0
	return n
}

// behind reports whether the queue is more than half full.
func (q *queue[T]) behind() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) > q.most/2 || q.bytes > q.mostBytes/2
}
