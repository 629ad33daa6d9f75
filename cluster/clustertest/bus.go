package clustertest

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// TestBus runs the conformance suite of cluster.Bus. The function makes so many nodes of a fresh cluster.
func TestBus(t *testing.T, buses func(t *testing.T, nodes int) []cluster.Bus) {
	for name, test := range map[string]func(t *testing.T, b *busNodes){
		"messages arrive as they were sent": testMessages,
		"messages of a sender keep order":   testMessageOrder,
		"rooms that are watched":            testWatch,
		"counts":                            testCount,
		"starts once":                       testBusStart,
		"close":                             testBusClose,
	} {
		t.Run(name, func(t *testing.T) {
			b := &busNodes{t: t}
			for i, bus := range buses(t, 3) {
				b.add(i, bus)
			}
			test(t, b)
		})
	}
}

// busNodes is three nodes without engines.
type busNodes struct {
	t     *testing.T
	buses []cluster.Bus

	mu   sync.Mutex // guards the field below
	came [3][]*cluster.Message
}

func (b *busNodes) add(i int, bus cluster.Bus) {
	b.t.Helper()
	b.buses = append(b.buses, bus)
	err := bus.Start(context.Background(), cluster.BusNode{
		ID: fmt.Sprint("node ", i), Logger: slog.New(slog.DiscardHandler),
		Receive: func(m *cluster.Message) bool {
			b.mu.Lock()
			defer b.mu.Unlock()
			if m.Node != fmt.Sprint("node ", i) { // its own may come back
				b.came[i] = append(b.came[i], m)
			}
			return false
		},
	})
	if err != nil {
		b.t.Fatalf("starting node %d: %v", i, err)
	}
	b.t.Cleanup(func() { _ = bus.Close(context.Background()) }) // some tests have closed it
	if err := bus.Watch(ctx(b.t), []cluster.Interest{{Namespace: "/suite"}}); err != nil {
		b.t.Fatalf("watching a namespace on node %d: %v", i, err)
	}
}

// publish publishes messages of a node.
func (b *busNodes) publish(from int, messages ...*cluster.Message) {
	b.t.Helper()
	for i, m := range messages {
		m.Node, m.Namespace, m.Sequence = fmt.Sprint("node ", from), "/suite", uint64(i+1)
	}
	if err := b.buses[from].Publish(ctx(b.t), messages); err != nil {
		b.t.Fatalf("Publish: %v", err)
	}
}

// await waits until a node has so many messages, and takes them.
func (b *busNodes) await(node, count int) []*cluster.Message {
	b.t.Helper()
	var came []*cluster.Message
	if !eventually(func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		came = b.came[node]
		if len(came) >= count {
			b.came[node] = nil
			return true
		}
		return false
	}) {
		b.t.Fatalf("node %d has received %d messages, want %d", node, len(came), count)
	}
	return came
}

func broadcast(label string, rooms ...string) *cluster.Message {
	return &cluster.Message{Kind: cluster.KindBroadcast, Packet: packet(label), Target: *choose(rooms)}
}

// testMessages sends one message of each kind. What a wire may leave out is not compared.
func testMessages(t *testing.T, b *busNodes) {
	target := cluster.Target{Rooms: []string{"a", "b"}, Except: []string{"c"}}
	ask := func(m *cluster.Message) *cluster.Message {
		m.Request, m.Timeout = "request", time.Second
		return m
	}
	volatile := broadcast("volatile")
	volatile.Target.Volatile, volatile.Target.NoCompress = true, true
	messages := []*cluster.Message{
		broadcast("everyone"), broadcast("rooms", "a", "b"), volatile,
		ask(&cluster.Message{Kind: cluster.KindBroadcast, Packet: &parser.Packet{Type: parser.Event, Data: []byte(`["q",1]`)}, Target: target}),
		{Kind: cluster.KindJoin, Target: target, Rooms: []string{"d", "e"}},
		{Kind: cluster.KindLeave, Target: target, Rooms: []string{"d"}},
		{Kind: cluster.KindDisconnect, Target: target, Close: true},
		ask(&cluster.Message{Kind: cluster.KindFetch, Target: target}),
		{Kind: cluster.KindServerEmit, Data: []byte(`["news",{"x":1}]`)},
		ask(&cluster.Message{Kind: cluster.KindServerEmit, Data: []byte(`["ask"]`)}),
	}
	answers := []*cluster.Message{
		{Kind: cluster.KindFetchAnswer, Request: "r1", Sockets: []cluster.SocketInfo{describe("a", []string{"x"})}},
		{Kind: cluster.KindFetchAnswer, Request: "r1"},
		{Kind: cluster.KindServerEmitAnswer, Request: "r2", Data: []byte(`{"y":[1]}`)},
		{Kind: cluster.KindAckCount, Request: "r3", Count: 0},
		{Kind: cluster.KindAckCount, Request: "r3", Count: 2},
		{Kind: cluster.KindAck, Request: "r3", Answer: cluster.Answer{Data: []byte(`["x"]`)}},
	}
	for _, m := range answers {
		m.To = "node 1"
	}
	b.publish(0, append(slices.Clone(messages), answers...)...)
	for node, want := range map[int][]*cluster.Message{1: append(slices.Clone(messages), answers...), 2: messages} {
		got := b.await(node, len(want))
		if len(got) != len(want) {
			t.Fatalf("node %d has received %d messages, want %d", node, len(got), len(want))
		}
		for i, m := range got {
			if !sameMessage(m, want[i]) {
				t.Errorf("node %d: message %d is %+v, want %+v", node, i, m, want[i])
			}
		}
	}
}

// sameMessage compares what every wire carries.
func sameMessage(a, b *cluster.Message) bool {
	list := func(names []string) []string { return append([]string{}, names...) }
	same := a.Kind == b.Kind && a.Node == b.Node && a.Namespace == b.Namespace && a.Request == b.Request &&
		a.Target.Everyone == b.Target.Everyone && a.Target.Volatile == b.Target.Volatile &&
		a.Target.NoCompress == b.Target.NoCompress && !a.Target.Local && a.Close == b.Close && a.Count == b.Count &&
		slices.Equal(list(a.Target.Rooms), list(b.Target.Rooms)) && slices.Equal(list(a.Target.Except), list(b.Target.Except)) &&
		slices.Equal(list(a.Rooms), list(b.Rooms)) && string(a.Data) == string(b.Data) &&
		string(a.Answer.Data) == string(b.Answer.Data) && !a.Answer.Lost
	if len(a.Sockets)+len(b.Sockets) > 0 {
		same = same && reflect.DeepEqual(a.Sockets, b.Sockets)
	}
	if a.Packet == nil || b.Packet == nil {
		return same && a.Packet == b.Packet
	}
	return same && a.Packet.Type == b.Packet.Type && string(a.Packet.Data) == string(b.Packet.Data) &&
		reflect.DeepEqual(a.Packet.Attachments, b.Packet.Attachments)
}

// testMessageOrder publishes from two nodes in batches of different sizes.
func testMessageOrder(t *testing.T, b *busNodes) {
	const packets = 600
	var group sync.WaitGroup
	for sender := range 2 {
		group.Go(func() {
			for i := 0; i < packets; {
				var batch []*cluster.Message
				for range min(1+i%7, packets-i) {
					m := broadcast(fmt.Sprintf("%d of %d", i, sender))
					m.Node, m.Namespace, m.Sequence = fmt.Sprint("node ", sender), "/suite", uint64(i+1)
					batch = append(batch, m)
					i++
				}
				if err := b.buses[sender].Publish(ctx(t), batch); err != nil {
					t.Errorf("Publish: %v", err)
				}
			}
		})
	}
	group.Wait()
	next := make([]int, 2)
	for _, m := range b.await(2, 2*packets) {
		var i, sender int
		if _, err := fmt.Sscanf(labelOf(m.Packet), "%d of %d", &i, &sender); err != nil || i != next[sender] {
			t.Fatalf("received %q, want packet %d", labelOf(m.Packet), next[sender])
		}
		next[sender]++
	}
}

// testWatch sends to rooms that live on some nodes.
func testWatch(t *testing.T, b *busNodes) {
	rooms := b.buses[0].Traits().Rooms
	watch := func(node int, room string, private, ended bool) {
		t.Helper()
		change := cluster.Interest{Namespace: "/suite", Room: room, Private: private, Ended: ended}
		if err := b.buses[node].Watch(ctx(t), []cluster.Interest{change}); err != nil {
			t.Fatalf("Watch: %v", err)
		}
	}
	if rooms {
		before := b.buses[1].Health().Subscriptions
		watch(1, "red", false, false)
		watch(1, "socket", true, false)
		for i := range 1000 {
			watch(1, fmt.Sprint("room ", i), false, false)
		}
		for i := range 1000 {
			watch(1, fmt.Sprint("room ", i), false, true)
		}
		b.publish(0, broadcast("to red", "red"), broadcast("to socket", "socket"), broadcast("to all"))
		if got := b.await(1, 3); len(got) != 3 {
			t.Errorf("%d messages for the rooms that live here", len(got))
		}
		watch(1, "red", false, true)
		watch(1, "socket", true, true)
		// A bus may take its time to unsubscribe.
		if !eventually(func() bool { return b.buses[1].Health().Subscriptions <= before }) {
			t.Fatalf("%d subscriptions are left, %d were there", b.buses[1].Health().Subscriptions, before)
		}
		b.await(2, 1)
	}
	b.publish(0, broadcast("to two", "x", "y"))
	for node := 1; node < 3; node++ {
		b.await(node, 1)
	}
}

func testCount(t *testing.T, b *busNodes) {
	if !b.buses[0].Traits().Counts {
		t.Skip("the broker does not count")
	}
	check := func(want int) {
		t.Helper()
		var got int
		var err error
		if !eventually(func() bool {
			got, err = b.buses[0].Count(ctx(t), "/suite")
			return err == nil && got == want
		}) {
			t.Fatalf("Count = %d, %v, want %d", got, err, want)
		}
	}
	check(3)
	if err := b.buses[2].Close(ctx(t)); err != nil {
		t.Errorf("Close: %v", err)
	}
	check(2)
	if err := b.buses[1].Watch(ctx(t), []cluster.Interest{{Namespace: "/suite", Ended: true}}); err != nil {
		t.Errorf("Watch: %v", err)
	}
	check(1)
}

func testBusStart(t *testing.T, b *busNodes) {
	if err := b.buses[0].Start(ctx(t), cluster.BusNode{ID: "again", Receive: func(*cluster.Message) bool { return false }}); err == nil {
		t.Error("it was started twice")
	}
	if h := b.buses[0].Health(); h.Err != nil || h.Since.IsZero() {
		t.Errorf("health: %+v", h)
	}
}

func testBusClose(t *testing.T, b *busNodes) {
	if err := b.buses[1].Close(ctx(t)); err != nil {
		t.Errorf("Close: %v", err)
	}
	b.publish(0, broadcast("late"))
	b.await(2, 1)
	b.mu.Lock()
	if len(b.came[1]) > 0 {
		t.Error("a node receives that was closed")
	}
	b.mu.Unlock()
	if err := b.buses[1].Publish(ctx(t), []*cluster.Message{broadcast("later")}); err == nil {
		t.Error("a node publishes that was closed")
	}
	if b.buses[1].Health().Err == nil {
		t.Error("a node is well that was closed")
	}
}
