package simulationtest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/parleyio/parley/cluster"
)

// node is a place where an engine runs, again and again: each run has an id of its own.
type node struct {
	w      *world
	name   string
	runs   int
	paused bool // nothing reaches it, and none of its calls ends
	noLog  bool // the log does not answer it
	group  int  // nodes of different groups are partitioned

	run *run // nil while the node is down
}

// run is one life of a node.
type run struct {
	node   *node
	id     string
	calls  *calls
	bus    *bus
	log    *sharedLog  // nil unless the log is shared
	record cluster.Log // nil without recovery
	engine *cluster.Engine
	spaces map[string]*space

	// Guarded by world.mu.
	dead    bool // it was killed
	stopped bool // it is being closed
}

// start starts the node's next run.
func (n *node) start() {
	n.runs++
	w := n.w
	r := &run{node: n, id: fmt.Sprintf("%s.%d", n.name, n.runs), calls: new(calls), spaces: make(map[string]*space)}
	config := w.shape.config
	config.NodeID = r.id
	config.Logger = slog.New(&watcher{w: w, node: r.id})
	r.bus = w.network.newBus(r.calls)
	config.Bus = w.plan.sabotaged().bus(r.bus)
	switch w.shape.log {
	case logShared:
		r.log = w.store.newLog(r.calls)
		config.Log = w.plan.sabotaged().log(r.log)
	case logLocal:
		config.Log = cluster.PrivateLog(cluster.MemoryLogLimits{})
	case logMemory:
		config.Log = &recorder{w.memory.Node(), w.store}
	}
	r.record = config.Log
	engine, err := cluster.New(config)
	if err != nil {
		w.faultf("making the engine of %s: %v", r.id, err)
		return
	}
	r.engine = engine
	if err := engine.Start(context.Background()); err != nil {
		w.faultf("starting %s: %v", r.id, err)
		return
	}
	for _, namespace := range w.shape.namespaces {
		s := &space{run: r, name: namespace, sockets: make(map[string]*socket)}
		a, err := engine.Namespace(namespace, s)
		if err != nil {
			w.faultf("making %s of %s: %v", namespace, r.id, err)
			return
		}
		s.adapter = a
		r.spaces[namespace] = s
	}
	n.run = r
	w.runs = append(w.runs, r)
}

// crash ends the run as a killed process ends: nothing that it does from now on has an effect. The engine is closed all
// the same, to see that nothing of it is left.
func (n *node) crash() {
	r := n.run
	n.run, n.paused, n.noLog = nil, false, false
	n.w.mu.Lock()
	r.dead = true
	n.w.mu.Unlock()
	r.calls.kill()
	r.bus.detach()
	if r.log != nil {
		_ = r.log.Close(context.Background())
	}
	n.w.begin("close of "+r.id, func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = r.engine.Close(ctx)
	})
	for _, s := range r.sockets() {
		s.space.close(s, "killed")
	}
}

// stop ends the run as a server that shuts down.
func (n *node) stop() {
	r := n.run
	n.run, n.paused, n.noLog = nil, false, false
	n.w.mu.Lock()
	r.stopped = true
	n.w.stopping = append(n.w.stopping, r)
	n.w.mu.Unlock()
	for _, s := range r.sockets() {
		s.space.suspend(s, "shut down")
	}
	n.w.begin("close of "+r.id, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = r.engine.Close(ctx)
		n.w.mu.Lock()
		defer n.w.mu.Unlock()
		n.w.stopping = slices.DeleteFunc(n.w.stopping, func(of *run) bool { return of == r })
	})
}

// watcher takes the log of an engine. What is logged as an error is a fault: so are panics.
type watcher struct {
	w    *world
	node string
	with []slog.Attr
}

// Enabled implements slog.Handler.
func (h *watcher) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }

// Handle implements slog.Handler.
func (h *watcher) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	for _, a := range h.with {
		text += " " + a.String()
	}
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	h.w.faultf("%s logged: %s", h.node, text)
	return nil
}

// WithAttrs implements slog.Handler.
func (h *watcher) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &watcher{h.w, h.node, append(slices.Clone(h.with), attrs...)}
}

// WithGroup implements slog.Handler.
func (h *watcher) WithGroup(string) slog.Handler { return h }

// tasks are the calls of an application that wait for others.
type tasks struct {
	mu      sync.Mutex
	running map[string]int
}

// begin runs f on a goroutine. The schedule goes on meanwhile.
func (w *world) begin(name string, f func()) {
	w.tasks.mu.Lock()
	if w.tasks.running == nil {
		w.tasks.running = make(map[string]int)
	}
	w.tasks.running[name]++
	w.tasks.mu.Unlock()
	go func() {
		f()
		w.tasks.mu.Lock()
		defer w.tasks.mu.Unlock()
		if w.tasks.running[name]--; w.tasks.running[name] == 0 {
			delete(w.tasks.running, name)
		}
	}()
}

// unfinished returns the names of the tasks that run, sorted.
func (w *world) unfinished() []string {
	w.tasks.mu.Lock()
	defer w.tasks.mu.Unlock()
	var names []string
	for name := range w.tasks.running {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
