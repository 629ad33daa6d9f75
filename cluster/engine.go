package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleyio/parley/internal/guard"
)

// Engine connects the nodes of a cluster, for all namespaces of a server. It keeps requests, deadlines, membership and
// sessions, and uses a [Bus] and a [Log] for what has to leave the node. A server makes one from its Options.Adapter; an
// application has no use for it.
//
// All methods are safe for concurrent use.
type Engine struct {
	// Immutable after construction.
	config Config
	id     string
	log    *slog.Logger
	bus    Bus // nil when the node is alone
	record Log // nil without recovery

	// Immutable after Start.
	ctx    context.Context // of what runs in the background; ended by Close
	cancel context.CancelFunc

	// Safe for concurrent use.
	adapters sync.Map // of *Adapter, by namespace
	outbox   outbox
	peers    peers
	requests requests
	interest interests
	counters counters

	closing atomic.Bool // what does not succeed is not tried again

	// mu guards the fields below. It is a leaf.
	mu      sync.RWMutex
	state   engineState
	leaving map[string]chan struct{} // namespaces whose log is being left; closed when that is done
	running sync.WaitGroup           // goroutines; counted up with mu held
	timers  []*time.Timer
}

type engineState uint8

const (
	engineNew engineState = iota
	engineStarted
	engineClosed
)

// counters count what an operator should know.
type counters struct {
	unsent, unheard, degraded, healed, lost, repeated atomic.Int64
}

// New returns an engine. A contradiction in the configuration is an error that names the field.
func New(config Config) (*Engine, error) {
	c, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Engine{
		config: c, id: c.NodeID, log: c.Logger, bus: c.Bus, record: c.Log, leaving: map[string]chan struct{}{},
	}
	e.outbox.queue = newQueue[outgoing](c.MaxQueue)
	e.interest.engine = e
	return e, nil
}

// ID returns the name of this node.
func (e *Engine) ID() string { return e.id }

// Start connects the bus and the log. It does not wait for their brokers. The context's values are those of all that the
// engine does in the background; its end does not end the engine. It is called once.
func (e *Engine) Start(ctx context.Context) error {
	e.mu.Lock()
	if e.state != engineNew {
		e.mu.Unlock()
		return errors.New("cluster: an engine is started once")
	}
	e.state = engineStarted
	e.ctx, e.cancel = context.WithCancel(context.WithoutCancel(ctx))
	e.mu.Unlock()
	if e.record != nil {
		if err := e.record.Start(e.ctx, LogNode{ID: e.id, Logger: e.log, Deliver: e.deliver, Lost: e.lose}); err != nil {
			return fmt.Errorf("cluster: starting the log: %w", err)
		}
	}
	if e.bus != nil {
		if err := e.bus.Start(e.ctx, BusNode{ID: e.id, Logger: e.log, Receive: e.receive}); err != nil {
			return fmt.Errorf("cluster: starting the bus: %w", err)
		}
		e.every(e.config.HeartbeatInterval, "heartbeat", e.beat)
		e.announce(true)
	}
	if e.shared() {
		e.every(e.config.PositionCheck, "position check", e.checkPositions)
		e.every(e.config.MaxDisconnection/3, "refresh of sessions", e.refreshSessions)
	}
	return nil
}

// shared reports whether all nodes have the same log.
func (e *Engine) shared() bool { return e.record != nil && e.record.Traits().Shared }

// Namespace makes the adapter of a namespace. There is one at a time for each name. After Close the adapter is closed from
// the beginning.
func (e *Engine) Namespace(name string, local Local) (*Adapter, error) {
	e.mu.RLock()
	state := e.state
	e.mu.RUnlock()
	switch state {
	case engineNew:
		return nil, errors.New("cluster: the engine was not started")
	case engineClosed:
		a := &Adapter{engine: e, name: name, local: local, rooms: newIndex()}
		a.closed.Store(true)
		return a, nil
	}
	a := &Adapter{engine: e, name: name, local: local, rooms: newIndex()}
	a.rooms.events.log = e.log
	a.inbox = newQueue[*Message](e.config.MaxQueue)
	if e.record != nil {
		a.stream = newStream(a)
	}
	if _, there := e.adapters.LoadOrStore(name, a); there {
		return nil, fmt.Errorf("cluster: namespace %q has an adapter already", name)
	}
	if e.bus != nil {
		if e.bus.Traits().Rooms {
			a.rooms.holds, a.rooms.namespace = &e.interest, name
		}
		e.interest.hold(place{namespace: name}, false)
		e.peers.changed()
		e.announce(false)
	}
	if a.stream != nil {
		if err := a.stream.follow(); err != nil {
			a.Close()
			return nil, err
		}
	}
	return a, nil
}

// adapter returns the adapter of a namespace, or nil.
func (e *Engine) adapter(namespace string) *Adapter {
	a, _ := e.adapters.Load(namespace)
	adapter, _ := a.(*Adapter)
	return adapter
}

// all returns all adapters, by name: what is done for each is done in the same order each time.
func (e *Engine) all() (list []*Adapter) {
	e.adapters.Range(func(_, a any) bool {
		list = append(list, a.(*Adapter))
		return true
	})
	slices.SortFunc(list, func(a, b *Adapter) int { return strings.Compare(a.name, b.name) })
	return list
}

// namespaces returns the sorted names of the namespaces that live here.
func (e *Engine) namespaces() (list []string) {
	e.adapters.Range(func(name, _ any) bool {
		list = append(list, name.(string))
		return true
	})
	slices.Sort(list)
	return list
}

// remove takes an adapter out.
func (e *Engine) remove(a *Adapter) {
	if a.stream == nil {
		e.adapters.CompareAndDelete(a.name, a)
	} else {
		a.stream.leave()
	}
	if e.bus != nil {
		e.requests.forget(a.name)
		e.interest.release(place{namespace: a.name})
		e.peers.changed()
		e.announce(false)
	}
}

// Close ends the engine: it sends what waits to be sent, tells the other nodes, and ends the bus and the log. When ctx
// ends first it gives up what is left and returns the error. Closing twice does nothing.
func (e *Engine) Close(ctx context.Context) error {
	for _, a := range e.all() {
		a.Close()
	}
	if e.bus != nil {
		e.publish(&Message{Kind: KindBye}, nil)
	}
	e.mu.Lock()
	started := e.state == engineStarted
	e.state = engineClosed
	timers := e.timers
	e.timers = nil
	e.mu.Unlock()
	if !started {
		return nil
	}
	for _, t := range timers {
		t.Stop()
	}
	e.closing.Store(true)
	done := make(chan struct{})
	go func() { // ends with the last goroutine, at the latest when their context has ended
		e.running.Wait()
		close(done)
	}()
	var errs []error
	select {
	case <-done:
	case <-ctx.Done():
		errs = append(errs, ctx.Err())
	}
	e.cancel()
	<-done
	e.requests.close()
	if e.bus != nil {
		errs = append(errs, e.bus.Close(ctx))
	}
	if e.record != nil {
		errs = append(errs, e.record.Close(ctx))
	}
	return errors.Join(errs...)
}

// spawn runs f on a goroutine that Close waits for. It reports false after Close.
func (e *Engine) spawn(what string, f func()) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.state != engineStarted {
		return false
	}
	e.running.Add(1)
	go func() {
		defer e.running.Done()
		defer e.guard(what)
		f()
	}()
	return true
}

// every calls f again and again until Close.
func (e *Engine) every(interval time.Duration, what string, f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var t *time.Timer
	t = time.AfterFunc(interval, func() {
		defer e.guard(what)
		e.spawn(what, func() {
			defer func() {
				e.mu.RLock()
				defer e.mu.RUnlock()
				if e.state == engineStarted {
					t.Reset(interval)
				}
			}()
			f()
		})
	})
	e.timers = append(e.timers, t)
}

// guard stands at the top of goroutines and timers, and around the functions of the application that they call: a panic is
// logged and does not end the process.
func (e *Engine) guard(what string) {
	if fault := recover(); fault != nil {
		guard.Log(e.log, "panic in an adapter", fault, slog.String("in", what))
	}
}

// guardCall is the guard of what has no engine. A nil log means slog.Default.
func guardCall(what string, log *slog.Logger) {
	if fault := recover(); fault != nil {
		guard.Log(log, "panic in an adapter", fault, slog.String("in", what))
	}
}

// pause waits between two attempts, longer each time. It reports false when the engine is being closed.
func (e *Engine) pause(ctx context.Context, attempt int) bool {
	const shortest, longest = 20 * time.Millisecond, 2 * time.Second
	t := time.NewTimer(min(shortest<<min(attempt, 10), longest))
	defer t.Stop()
	select {
	case <-t.C:
		return !e.closing.Load()
	case <-ctx.Done():
		return false
	}
}
