package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// These tests are what remains of faults that package simulationtest has found: each is about one call of a bus or log that
// fails, takes long, or comes at a bad moment.

// gatedLog is a memory log whose calls are held up or fail.
type gatedLog struct {
	cluster.Log
	node cluster.LogNode
	hook func(call string, sessions []*cluster.Session) error // may wait
}

func (l *gatedLog) Traits() cluster.LogTraits { return cluster.LogTraits{Shared: true} }

func (l *gatedLog) Start(ctx context.Context, node cluster.LogNode) error {
	l.node = node
	return l.Log.Start(ctx, node)
}

func (l *gatedLog) Follow(ctx context.Context, namespace string) (cluster.Position, error) {
	if err := l.call("follow", nil); err != nil {
		return cluster.Position{}, err
	}
	return l.Log.Follow(ctx, namespace)
}

func (l *gatedLog) Keep(ctx context.Context, sessions []*cluster.Session) []error {
	if err := l.call("keep", sessions); err != nil {
		return slices.Repeat([]error{err}, len(sessions))
	}
	return l.Log.Keep(ctx, sessions)
}

func (l *gatedLog) Claim(ctx context.Context, namespace, pid string) (*cluster.Session, error) {
	if err := l.call("claim", nil); err != nil {
		return nil, err
	}
	return l.Log.Claim(ctx, namespace, pid)
}

func (l *gatedLog) call(name string, sessions []*cluster.Session) error {
	if l.hook == nil {
		return nil
	}
	return l.hook(name, sessions)
}

// outage is a node, and the namespace on it.
type outage struct {
	*cluster.Adapter
	t      *testing.T
	engine *cluster.Engine

	mu       sync.Mutex
	received map[*outageMember][]string
	ended    map[*outageMember]string
}

type outageMember struct {
	id       string
	progress cluster.Progress
}

func (m *outageMember) ID() string                  { return m.id }
func (m *outageMember) Progress() *cluster.Progress { return &m.progress }

func startOutage(t *testing.T, id string, bus cluster.Bus, log cluster.Log) *outage {
	t.Helper()
	e, err := cluster.New(cluster.Config{NodeID: id, Bus: bus, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	o := &outage{t: t, engine: e, received: map[*outageMember][]string{}, ended: map[*outageMember]string{}}
	if o.Adapter, err = e.Namespace("/", o); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *outage) enter(id string) *outageMember {
	m := &outageMember{id: id}
	m.progress.PID = "pid of " + id
	release := o.Expect(o.t.Context(), m)
	defer release()
	o.Add(m)
	return m
}

func (o *outage) emit(label string, t *cluster.Target) {
	o.t.Helper()
	if err := o.Broadcast(&parser.Packet{Type: parser.Event, Data: []byte(`["` + label + `"]`)}, t); err != nil {
		o.t.Errorf("broadcast: %v", err)
	}
}

// of returns what a member has received, and why it was ended, if it was.
func (o *outage) of(m *outageMember) (received []string, ended string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.received[m]), o.ended[m]
}

func (o *outage) Deliver(p *parser.Packet, members []cluster.Member, _ *cluster.Target) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var args []string
	_ = json.Unmarshal(p.Data, &args)
	for _, m := range members {
		m := m.(*outageMember)
		o.received[m] = append(o.received[m], args[0])
	}
	return nil
}

func (o *outage) DeliverWithAck(*parser.Packet, []cluster.Member, *cluster.Target, func(cluster.Answer)) (func(), error) {
	return nil, errors.New("not here")
}
func (o *outage) Describe([]cluster.Member) []cluster.SocketInfo { return nil }
func (o *outage) Join([]cluster.Member, ...string)               {}
func (o *outage) Leave([]cluster.Member, ...string)              {}
func (o *outage) Disconnect([]cluster.Member, bool)              {}
func (o *outage) ServerEvent([]byte, func(json.RawMessage))      {}
func (o *outage) Data(cluster.Member) json.RawMessage            { return nil }
func (o *outage) Expired(string)                                 {}

func (o *outage) Supersede(m cluster.Member) {
	o.Suspend(m, nil)
	o.end(m, "superseded")
}

func (o *outage) Reset(members []cluster.Member) {
	for _, m := range members {
		o.Suspend(m, nil)
		o.end(m, "reset")
	}
}

func (o *outage) end(m cluster.Member, why string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended[m.(*outageMember)] = why
}

// silentBus is a bus whose broker does not count.
type silentBus struct{ cluster.Bus }

func (b silentBus) Count(ctx context.Context, _ string) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestServerCount_ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := startOutage(t, "a", silentBus{cluster.NewMemoryBus(false).Node()}, nil)
		begin := time.Now()
		_, err := o.ServerCount(context.Background())
		if took := time.Since(begin); err == nil || took != 5*time.Second {
			t.Errorf("it took %v and returned %v, want an error after Config.RequestTimeout", took, err)
		}
	})
}

func TestFollow_isLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := cluster.NewMemoryLog(cluster.MemoryLogLimits{})
		follow := make(chan struct{})
		o := startOutage(t, "a", nil, &gatedLog{Log: memory.Node(), hook: func(call string, _ []*cluster.Session) error {
			if call == "follow" {
				<-follow
			}
			return nil
		}})
		other := startOutage(t, "b", nil, &gatedLog{Log: memory.Node()})
		entered := make(chan *outageMember, 1)
		go func() { entered <- o.enter("m") }()
		time.Sleep(3 * time.Second) // longer than Config.JoinTimeout
		there := len(o.Members(&cluster.Target{Everyone: true})) > 0
		other.emit("missed", &cluster.Target{Everyone: true})
		time.Sleep(time.Second)
		close(follow)
		m := <-entered
		time.Sleep(time.Minute)
		received, ended := o.of(m)
		if there && ended == "" && !slices.Contains(received, "missed") {
			t.Error("a member that entered before its node followed the log has missed a packet and was not told")
		}
	})
}

func TestKeep_failsAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var versions []uint64
		log := &gatedLog{Log: cluster.NewMemoryLog(cluster.MemoryLogLimits{}).Node()}
		log.hook = func(call string, sessions []*cluster.Session) error {
			if call != "keep" || len(versions) > 1 {
				return nil
			}
			if versions = append(versions, sessions[0].Version); len(versions) == 1 {
				return errors.New("away")
			}
			return nil
		}
		o := startOutage(t, "a", nil, log)
		synctest.Wait()
		o.enter("m")
		time.Sleep(time.Second)
		if !slices.Equal(versions, []uint64{1, 1}) {
			t.Errorf("versions %v, want 1 until the session is stored: a log may refuse what is not there with any other", versions)
		}
	})
}

func TestBye_isOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := &tappedBus{Bus: cluster.NewMemoryBus(false).Node()}
		o := startOutage(t, "a", hub, nil)
		for i, m := range []*cluster.Message{
			{Kind: cluster.KindHello, Namespaces: []string{"/"}, Version: 1},
			{Kind: cluster.KindBye},
			{Kind: cluster.KindBroadcast, Namespace: "/", Packet: &parser.Packet{Data: []byte(`["x"]`)}},
		} {
			m.Node, m.Sequence = "b", uint64(i+1)
			hub.node.Receive(m)
			synctest.Wait()
		}
		if n, err := o.ServerCount(t.Context()); n != 1 || err != nil {
			t.Errorf("%d nodes, %v, want 1: the other has said bye", n, err)
		}
	})
}

// tappedBus shows what the engine hands to its bus, which does not count.
type tappedBus struct {
	cluster.Bus
	node cluster.BusNode
}

func (b *tappedBus) Traits() cluster.BusTraits { return cluster.BusTraits{} }

func (b *tappedBus) Start(ctx context.Context, node cluster.BusNode) error {
	b.node = node
	return b.Bus.Start(ctx, node)
}

func TestLost_isOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := cluster.NewMemoryLog(cluster.MemoryLogLimits{})
		log, other := &gatedLog{Log: memory.Node()}, &gatedLog{Log: memory.Node()}
		o := startOutage(t, "a", nil, log)
		startOutage(t, "b", nil, other)
		synctest.Wait()
		emit := func(label string) {
			p := &parser.Packet{Type: parser.Event, Data: []byte(`["` + label + `"]`)}
			e := cluster.Entry{Packet: p, Target: &cluster.Target{Everyone: true}}
			if err := other.Log.Append(t.Context(), "/", []cluster.Entry{e}); err != nil {
				t.Error(err)
			}
		}
		emit("first")
		end, err := log.Last(t.Context(), "/")
		if err != nil {
			t.Fatal(err)
		}
		log.node.Lost("/", end) // and delivery goes on behind the end
		emit("second")
		synctest.Wait()
		m := o.enter("m")
		emit("third")
		time.Sleep(time.Minute)
		if received, _ := o.of(m); !slices.Equal(received, []string{"third"}) {
			t.Errorf("received %q, want only what was sent after it had entered", received)
		}
	})
}

func TestRestore_twiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := cluster.NewMemoryLog(cluster.MemoryLogLimits{})
		from := startOutage(t, "a", nil, &gatedLog{Log: memory.Node()})
		verdicts := make(chan struct{})
		to := startOutage(t, "b", nil, &gatedLog{Log: memory.Node(), hook: func(call string, _ []*cluster.Session) error {
			if call == "claim" {
				<-verdicts
			}
			return nil
		}})
		synctest.Wait()
		from.Suspend(from.enter("m"), nil)
		time.Sleep(time.Second)
		var members []*outageMember
		var mu sync.Mutex
		for range 2 {
			go func() {
				r, err := to.Restore(t.Context(), "pid of m", "", 0)
				if err != nil {
					return
				}
				m := &outageMember{id: "m"}
				m.progress.PID = "pid of m"
				if err = r.CatchUp(t.Context()); err == nil {
					err = r.Enter(m, nil, func([]*parser.Packet) error { return nil })
				} else {
					r.Cancel(false, nil)
				}
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					members = append(members, m)
				}
			}()
		}
		for range 2 {
			synctest.Wait()
			verdicts <- struct{}{}
			time.Sleep(time.Second)
		}
		close(verdicts)
		time.Sleep(2 * time.Minute)
		in := to.Members(&cluster.Target{Everyone: true})
		for _, m := range members {
			if _, ended := to.of(m); ended == "" && !slices.Contains(in, cluster.Member(m)) {
				t.Errorf("of %d sockets that came back one is not in the namespace, and was not told", len(members))
			}
		}
	})
}

func TestRestore_afterAnotherNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := cluster.NewMemoryLog(cluster.MemoryLogLimits{})
		a := startOutage(t, "a", nil, &gatedLog{Log: memory.Node()})
		b := startOutage(t, "b", nil, &gatedLog{Log: memory.Node()})
		synctest.Wait()
		a.Suspend(a.enter("m"), nil)
		time.Sleep(time.Second)
		for i, o := range []*outage{b, a} { // they do not hear of each other: b cannot tell a that it has the session now
			r, err := o.Restore(t.Context(), "pid of m", "", 0)
			if err != nil {
				t.Fatal(err)
			}
			if i == 1 && !slices.Equal(r.Rooms(), []string{"red"}) {
				t.Errorf("a restored the rooms %q, want those that the session had on b", r.Rooms())
			}
			m := &outageMember{id: "m"}
			m.progress.PID = "pid of m"
			if err := r.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := r.Enter(m, r.Rooms(), func([]*parser.Packet) error { return nil }); err != nil {
				t.Fatal(err)
			}
			if err := o.Adapter.Join("m", "red"); err != nil {
				t.Fatal(err)
			}
			o.Suspend(m, nil)
			time.Sleep(time.Second)
		}
	})
}
