package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// listener is a namespace with one member that writes down what it receives.
type listener struct {
	*cluster.Adapter
	engine *cluster.Engine

	mu    sync.Mutex // guards the fields below
	came  []string
	reset int
}

// listen starts a node with a member "m" that is in the room "room".
func listen(t *testing.T, config cluster.Config) *listener {
	t.Helper()
	n := &listener{}
	e, err := cluster.New(config)
	if err == nil {
		err = e.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) }) // of a broken log it fails
	n.engine = e
	if n.Adapter, err = e.Namespace("/", hearing{namespace{deliver: n.deliver}, n}); err != nil {
		t.Fatal(err)
	}
	m := &follower{id: "m", progress: cluster.Progress{PID: "pid of m on " + e.ID()}}
	release := n.Expect(t.Context(), m, "room")
	defer release()
	n.Add(m)
	if err := n.Join("m", "room"); err != nil {
		t.Fatal(err)
	}
	return n
}

type hearing struct {
	namespace
	n *listener
}

func (h hearing) Reset(members []cluster.Member) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	h.n.reset += len(members)
}

func (n *listener) deliver(p *parser.Packet, _ []cluster.Member, _ *cluster.Target) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.came = append(n.came, strings.SplitN(string(p.Data), `"`, 3)[1])
	return nil
}

func (n *listener) emit(label string, t *cluster.Target) error {
	return n.Broadcast(&parser.Packet{Type: parser.Event, Data: []byte(`["` + label + `"]`)}, t)
}

// check waits until nothing happens any more, and compares what has come.
func (n *listener) check(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Equal(n.came, want) {
		t.Errorf("%s has %q, want %q", n.engine.ID(), n.came, want)
	}
	n.came = nil
}

var everyone = &cluster.Target{Everyone: true}

// strangeBus is a bus whose ways can be changed.
type strangeBus struct {
	cluster.Bus
	publish func(ctx context.Context, messages []*cluster.Message) ([]*cluster.Message, error)
	watch   func(ctx context.Context, changes []cluster.Interest) error
	traits  func(cluster.BusTraits) cluster.BusTraits
}

func (b *strangeBus) Traits() cluster.BusTraits {
	if b.traits != nil {
		return b.traits(b.Bus.Traits())
	}
	return b.Bus.Traits()
}

func (b *strangeBus) Publish(ctx context.Context, messages []*cluster.Message) error {
	if b.publish != nil {
		var err error
		if messages, err = b.publish(ctx, messages); err != nil {
			return err
		}
	}
	return b.Bus.Publish(ctx, messages)
}

func (b *strangeBus) Watch(ctx context.Context, changes []cluster.Interest) error {
	if b.watch != nil {
		if err := b.watch(ctx, changes); err != nil {
			return err
		}
	}
	return b.Bus.Watch(ctx, changes)
}

// pair starts two nodes on a bus; the bus of the first is a strange one.
func pair(t *testing.T, bus *cluster.MemoryBus, strange *strangeBus) (a, b *listener) {
	t.Helper()
	strange.Bus = bus.Node()
	a = listen(t, cluster.Config{Bus: strange, NodeID: "a"})
	b = listen(t, cluster.Config{Bus: bus.Node(), NodeID: "b"})
	synctest.Wait()
	return a, b
}

func TestEngine_messages_that_come_twice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t, cluster.NewMemoryBus(false), &strangeBus{
			publish: func(_ context.Context, messages []*cluster.Message) ([]*cluster.Message, error) {
				return append(slices.Clone(messages), messages...), nil
			},
		})
		for i := range 5 {
			if err := a.emit(fmt.Sprint(i), everyone); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		b.check(t, "0", "1", "2", "3", "4")
		if got, err := a.FetchSockets(t.Context(), &cluster.Target{Rooms: []string{"nobody's"}}); err != nil || len(got) > 0 {
			t.Errorf("%v, %v", got, err)
		}
		if h := b.engine.Health(); h.Repeated < 6 {
			t.Errorf("%+v", h)
		}
	})
}

// A broker that hangs, or is away, delays nobody on this node; what waits for it is bounded and counted.
func TestEngine_bus_that_hangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		a, b := pair(t, cluster.NewMemoryBus(false), &strangeBus{
			publish: func(ctx context.Context, messages []*cluster.Message) ([]*cluster.Message, error) {
				if broken.Load() {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return messages, nil
			},
		})
		broken.Store(true)
		began := time.Now()
		for range 20_000 {
			if err := a.emit("x", everyone); err != nil {
				t.Fatal(err)
			}
		}
		_ = a.Join("m", "another room")
		if waited := time.Since(began); waited != 0 {
			t.Errorf("it waited %v for the broker", waited)
		}
		a.mu.Lock()
		if len(a.came) != 20_000 {
			t.Errorf("%d packets were delivered on the node itself", len(a.came))
		}
		a.came = nil
		a.mu.Unlock()
		_, err := a.FetchSockets(t.Context(), &cluster.Target{Rooms: []string{"nobody's"}})
		var incomplete *cluster.IncompleteError
		if !errors.As(err, &incomplete) || !slices.Equal(incomplete.Nodes, []string{"b"}) {
			t.Errorf("a query: %v", err)
		}
		broken.Store(false)
		time.Sleep(20 * time.Second)
		if h := a.engine.Health(); h.Unsent < 3000 {
			t.Errorf("%+v", h)
		}
		b.mu.Lock()
		b.came = nil // what has waited
		b.mu.Unlock()
		if err := a.emit("again", everyone); err != nil {
			t.Error(err)
		}
		b.check(t, "again")
	})
}

// Panics of a bus are logged, and counted as messages that were not sent.
func TestEngine_bus_that_panics(t *testing.T) {
	logged := captureLog(t)
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		a, b := pair(t, cluster.NewMemoryBus(true), &strangeBus{
			publish: func(_ context.Context, messages []*cluster.Message) ([]*cluster.Message, error) {
				if broken.Load() {
					panic("oh no")
				}
				return messages, nil
			},
			watch: func(context.Context, []cluster.Interest) error {
				if broken.Swap(false) {
					panic("oh no")
				}
				return nil
			},
		})
		broken.Store(true)
		_ = a.emit("lost", everyone)
		synctest.Wait()
		_ = a.Join("m", "new")
		a.Subscribed(t.Context(), "new")
		_ = a.emit("fine", everyone)
		b.check(t, "fine")
	})
	if logged.Len() == 0 {
		t.Error("nothing was logged")
	}
}

// With a bus that subscribes to rooms a join waits, but not for ever, and rooms that are gone leave nothing behind.
func TestEngine_rooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Int64
		a, b := pair(t, cluster.NewMemoryBus(true), &strangeBus{
			watch: func(ctx context.Context, _ []cluster.Interest) error {
				select {
				case <-time.After(time.Duration(slow.Load())):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			},
		})
		join := func(room string) time.Duration {
			began := time.Now()
			if err := a.Join("m", room); err != nil {
				t.Fatal(err)
			}
			a.Subscribed(t.Context(), room)
			return time.Since(began)
		}
		subscriptions := a.engine.Health().Bus.Subscriptions
		slow.Store(int64(300 * time.Millisecond))
		if waited := join("in time"); waited != 300*time.Millisecond {
			t.Errorf("joined after %v", waited)
		}
		_ = b.emit("in time", &cluster.Target{Rooms: []string{"in time"}})
		a.check(t, "in time")
		slow.Store(int64(3 * time.Second))
		if waited := join("late"); waited != time.Second || a.engine.Health().Degraded != 1 {
			t.Errorf("joined after %v, %d degraded", waited, a.engine.Health().Degraded)
		}
		time.Sleep(5 * time.Second)
		_ = b.emit("late", &cluster.Target{Rooms: []string{"late"}})
		a.check(t, "late")

		slow.Store(0)
		for i := range 20_000 {
			room := fmt.Sprint("room ", i)
			if err := a.Join("m", room); err != nil {
				t.Fatal(err)
			}
			a.Leave("m", room)
		}
		a.Leave("m", "in time", "late")
		synctest.Wait()
		if got := a.engine.Health().Bus.Subscriptions; got != subscriptions {
			t.Errorf("%d subscriptions, want %d", got, subscriptions)
		}
	})
}

// strangeLog is a shared log that delivers when and what it is told to.
type strangeLog struct {
	cluster.Log
	append  func() error
	deliver func(entries []cluster.Entry) []cluster.Entry
	node    cluster.LogNode
}

func (l *strangeLog) Traits() cluster.LogTraits { return cluster.LogTraits{Shared: true} }

func (l *strangeLog) Start(ctx context.Context, node cluster.LogNode) error {
	l.node = node
	deliver := node.Deliver
	node.Deliver = func(namespace string, entries []cluster.Entry) error {
		if l.deliver != nil {
			entries = l.deliver(entries)
		}
		return deliver(namespace, entries)
	}
	return l.Log.Start(ctx, node)
}

func (l *strangeLog) Append(ctx context.Context, namespace string, entries []cluster.Entry) error {
	if l.append != nil {
		if err := l.append(); err != nil {
			return err
		}
	}
	return l.Log.Append(ctx, namespace, entries)
}

// Packets that were accepted while the log fails arrive in order when it is back, once; beyond a bound none are accepted.
func TestEngine_log_that_fails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		log := &strangeLog{Log: cluster.NewMemoryLog(cluster.MemoryLogLimits{}).Node(), append: func() error {
			if broken.Load() {
				return errors.New("the broker is away")
			}
			return nil
		}}
		n := listen(t, cluster.Config{Log: log, MaxQueue: 100})
		_ = n.emit("before", everyone)
		n.check(t, "before")
		broken.Store(true)
		want := []string{}
		refused := 0
		for i := range 300 {
			label := fmt.Sprint(i)
			switch err := n.emit(label, everyone); {
			case err == nil:
				want = append(want, label)
			case errors.Is(err, cluster.ErrQueueFull):
				refused++
			default:
				t.Fatal(err)
			}
		}
		if refused == 0 || len(want) < 100 {
			t.Errorf("%d were accepted and %d refused", len(want), refused)
		}
		time.Sleep(time.Minute)
		n.check(t)
		broken.Store(false)
		time.Sleep(5 * time.Second)
		n.check(t, want...)
	})
}

// Entries that were not delivered are found and read: at once when the next one comes, and otherwise by and by.
func TestEngine_entries_that_get_lost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var drop atomic.Bool
		log := &strangeLog{Log: cluster.NewMemoryLog(cluster.MemoryLogLimits{MaxPackets: 5}).Node()}
		log.deliver = func(entries []cluster.Entry) []cluster.Entry {
			if drop.Load() {
				return nil
			}
			return entries
		}
		n := listen(t, cluster.Config{Log: log})
		_ = n.emit("0", everyone)
		n.check(t, "0")
		drop.Store(true)
		_ = n.emit("1", everyone)
		_ = n.emit("2", everyone)
		n.check(t)
		drop.Store(false)
		_ = n.emit("3", everyone)
		n.check(t, "1", "2", "3")
		drop.Store(true)
		_ = n.emit("4", everyone)
		time.Sleep(time.Minute)
		n.check(t, "4")
		if h := n.engine.Health(); h.Healed != 2 || h.Lost != 0 {
			t.Errorf("%+v", h)
		}
		for i := range 10 { // more than are kept
			_ = n.emit(fmt.Sprint("gone ", i), everyone)
		}
		time.Sleep(time.Minute)
		n.check(t)
		n.mu.Lock()
		defer n.mu.Unlock()
		if h := n.engine.Health(); h.Lost != 1 || n.reset != 1 {
			t.Errorf("%+v, and %d members were reset", h, n.reset)
		}
	})
}

// Entries that a log has twice, or delivers twice, arrive once.
func TestEngine_entries_that_come_twice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &strangeLog{Log: cluster.NewMemoryLog(cluster.MemoryLogLimits{}).Node()}
		n := listen(t, cluster.Config{Log: log, NodeID: "n"})
		log.deliver = func(entries []cluster.Entry) []cluster.Entry { return append(slices.Clone(entries), entries...) }
		_ = n.emit("0", everyone)
		_ = n.emit("1", everyone)
		n.check(t, "0", "1")
		again := []cluster.Entry{{Node: "n", Packet: &parser.Packet{Type: parser.Event, Data: []byte(`["again"]`)}, Target: everyone}}
		if err := log.Log.Append(t.Context(), "/", again); err != nil {
			t.Fatal(err)
		}
		n.check(t, "again")
		last, _ := log.Last(t.Context(), "/")
		last.Number++
		_ = log.node.Deliver("/", []cluster.Entry{{Position: last, Node: "n", Sequence: 2, Packet: again[0].Packet, Target: everyone}})
		n.check(t)
	})
}

func TestNew(t *testing.T) {
	for name, config := range map[string]cluster.Config{
		"RequestTimeout":    {RequestTimeout: -1},
		"HeartbeatInterval": {HeartbeatInterval: -1},
		"HeartbeatTimeout":  {HeartbeatTimeout: time.Second},
		"JoinTimeout":       {JoinTimeout: -1},
	} {
		if _, err := cluster.New(config); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	bus, log := cluster.NewMemoryBus(false).Node(), cluster.PrivateLog(cluster.MemoryLogLimits{})
	first := listen(t, cluster.Config{Bus: bus, Log: log})
	if len(first.engine.ID()) < 16 {
		t.Errorf("id %q", first.engine.ID())
	}
	for _, config := range []cluster.Config{{Bus: bus}, {Log: log}} {
		second, err := cluster.New(config)
		if err != nil {
			t.Fatal(err)
		}
		if err := second.Start(t.Context()); err == nil {
			t.Error("a bus or a log was used by two engines")
		}
		_ = second.Close(t.Context()) // which fails too
	}
}
