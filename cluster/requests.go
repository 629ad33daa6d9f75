package cluster

import (
	"context"
	"slices"
	"sync"
	"time"
)

// requests are the questions of this node that wait for others. The zero value is ready.
type requests struct {
	mu     sync.Mutex // guards the fields below; before request.mu
	byID   map[string]*request
	silent map[string]int      // by namespace: subscribers that the broker counts and that do not answer
	counts map[string]int      // by namespace: what the broker counted last
	dead   map[string][]string // by node that has fallen silent: its namespaces
	closed bool
}

// request is one question to the other nodes.
type request struct {
	// Immutable after construction.
	id        string
	namespace string
	changed   chan struct{} // of capacity 1: look again

	// mu guards the fields below.
	mu       sync.Mutex
	waiting  map[string]struct{} // nodes that have to answer, by id
	lately   []string            // nodes that may answer
	answered map[string]struct{}
	dead     []string // nodes that fell silent before they answered
	counted  int      // other nodes that the broker counts, those that are known to be silent aside; -1 without a count
	failed   error    // the question was not sent

	// receive takes an answer; it reports whether the node has answered with it. Left is called for a node that is gone.
	receive func(m *Message) (done bool)
	left    func(node string)
}

// ask makes a request to the nodes on which a namespace lives. It returns nil when there are none.
func (e *Engine) ask(ctx context.Context, namespace string) *request {
	if e.bus == nil {
		return nil
	}
	r := &request{
		id: newID(), namespace: namespace, changed: make(chan struct{}, 1),
		waiting: map[string]struct{}{}, answered: map[string]struct{}{}, left: func(string) {},
	}
	beating, lately := e.peers.in(namespace)
	n, err := e.count(ctx, namespace)
	switch {
	case len(beating) > 0:
	case err != nil:
		r.failed = err
	case n == 0, n < 0 && len(lately) == 0:
		return nil
	}
	r.counted, r.lately = n, lately
	for _, id := range beating {
		r.waiting[id] = struct{}{}
	}
	return r
}

// count asks the broker for the number of other nodes, without those that are known never to answer. It returns -1 when
// that is not known.
func (e *Engine) count(ctx context.Context, namespace string) (int, error) {
	if !e.bus.Traits().Counts {
		return -1, nil
	}
	n, err := e.bus.Count(ctx, namespace)
	if err != nil {
		return -1, err
	}
	x := &e.requests
	x.mu.Lock()
	defer x.mu.Unlock()
	if gone := x.counts[namespace] - n; gone > 0 {
		x.muteLocked(namespace, -gone) // those that are silent go first
	}
	if x.counts == nil {
		x.counts = map[string]int{}
	}
	x.counts[namespace] = n
	return max(0, n-1-x.silent[namespace]), nil
}

// muteLocked counts subscribers more or less that do not answer.
func (x *requests) muteLocked(namespace string, change int) {
	if x.silent == nil {
		x.silent = map[string]int{}
	}
	if x.silent[namespace] = max(0, x.silent[namespace]+change); x.silent[namespace] == 0 {
		delete(x.silent, namespace)
	}
}

// pose sends the question. It reports ErrClosed after Close.
func (e *Engine) pose(r *request, m *Message) error {
	x := &e.requests
	x.mu.Lock()
	if x.closed {
		x.mu.Unlock()
		return ErrClosed
	}
	if x.byID == nil {
		x.byID = map[string]*request{}
	}
	x.byID[r.id] = r
	x.mu.Unlock()
	m.Request = r.id
	if !e.publish(m, r.fail) {
		r.fail(ErrQueueFull)
	}
	return nil
}

// fail ends the waiting: the question has not left this node.
func (r *request) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = err
	r.lookLocked()
}

func (r *request) lookLocked() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// answer gives an answer to the request that it belongs to. One that comes too late is ignored.
func (x *requests) answer(m *Message) {
	x.mu.Lock()
	r := x.byID[m.Request]
	x.mu.Unlock()
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.receive(m) {
		r.answered[m.Node] = struct{}{}
		delete(r.waiting, m.Node)
	}
	r.lookLocked()
}

// left is for a node that has left in order, a namespace or the cluster: nothing is to be expected of it.
func (x *requests) left(node, namespace string) {
	x.each(func(r *request) {
		if namespace == "" || r.namespace == namespace {
			delete(r.waiting, node)
			r.left(node)
		}
	})
}

// moved is for a node that has said which namespaces live on it.
func (x *requests) moved(node string, namespaces []string, whole bool) {
	if !whole {
		return
	}
	x.each(func(r *request) {
		if !contains(namespaces, r.namespace) {
			delete(r.waiting, node)
			r.left(node)
		}
	})
}

// died is for a node that has fallen silent. The broker may count it for a long time.
func (x *requests) died(node string, namespaces []string) {
	x.mu.Lock()
	const most = 1024 // of nodes that never come back
	if x.dead == nil || len(x.dead) >= most {
		x.dead = map[string][]string{}
	}
	x.dead[node] = namespaces
	for _, name := range namespaces {
		x.muteLocked(name, 1)
	}
	x.mu.Unlock()
	x.each(func(r *request) {
		if _, ok := r.waiting[node]; ok {
			delete(r.waiting, node)
			r.dead = append(r.dead, node)
		}
		r.left(node)
	})
}

// revived is for a node that is heard.
func (x *requests) revived(node string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, name := range x.dead[node] {
		x.muteLocked(name, -1)
	}
	delete(x.dead, node)
}

// forget forgets what is known of a namespace that does not live here any more.
func (x *requests) forget(namespace string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.silent, namespace)
	delete(x.counts, namespace)
}

func (x *requests) each(f func(r *request)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.byID {
		r.mu.Lock()
		f(r)
		r.lookLocked()
		r.mu.Unlock()
	}
}

// close ends all requests.
func (x *requests) close() {
	x.mu.Lock()
	x.closed = true
	x.mu.Unlock()
	x.each(func(r *request) { r.failed = ErrClosed })
}

// completeLocked reports whether every node has answered that can.
func (r *request) completeLocked() bool {
	return len(r.waiting) == 0 && len(r.answered)+len(r.dead) >= r.counted
}

// wait waits until enough has come, as complete says with r.mu held, or until ctx ends; then the request is over. It
// returns why it waited no longer, or nil.
func (e *Engine) wait(ctx context.Context, r *request, complete func() bool) error {
	defer e.requests.end(r)
	var recount <-chan time.Time
	if e.bus.Traits().Counts {
		t := time.NewTicker(250 * time.Millisecond)
		defer t.Stop()
		recount = t.C
	}
	for {
		r.mu.Lock()
		done, failed := complete(), r.failed
		r.mu.Unlock()
		switch {
		case failed != nil:
			return failed
		case done:
			return nil
		}
		select {
		case <-r.changed:
		case <-recount: // a node that is gone need not be waited for
			n, err := e.count(ctx, r.namespace)
			r.mu.Lock()
			if err == nil {
				r.counted = min(r.counted, n)
			}
			r.mu.Unlock()
		case <-ctx.Done():
			r.mu.Lock()
			defer r.mu.Unlock()
			if complete() { // it came at the same moment
				return nil
			}
			return ctx.Err()
		}
	}
}

// end forgets a request, and remembers how many subscribers do not answer: they cost one deadline and no more.
func (x *requests) end(r *request) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(x.byID, r.id)
	if r.counted < 0 || r.failed != nil {
		return
	}
	x.muteLocked(r.namespace, r.counted-len(r.answered)-len(r.waiting)-len(r.dead))
}

// missing returns the error of a request that has ended without all answers, for this reason, or nil.
func (r *request) missing(reason error) *IncompleteError {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &IncompleteError{Err: reason, Nodes: slices.Clone(r.dead)}
	for id := range r.waiting {
		e.Nodes = append(e.Nodes, id)
	}
	if unnamed := r.counted - len(r.answered) - len(e.Nodes); unnamed > 0 {
		for _, id := range r.lately {
			if _, ok := r.answered[id]; !ok && unnamed > 0 {
				e.Nodes = append(e.Nodes, id)
				unnamed--
			}
		}
		e.UnnamedNodes = unnamed
	}
	slices.Sort(e.Nodes)
	if reason == nil && len(e.Nodes)+e.UnnamedNodes == 0 {
		return nil
	}
	return e
}

// deadline gives a context that waits for other nodes its default.
func (e *Engine) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, e.config.RequestTimeout)
}

// timeout is how long a context lasts.
func timeout(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return max(time.Until(end), time.Millisecond)
}
