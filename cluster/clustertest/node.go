package clustertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// patience is how long a delivery may take before the suite gives it up. A test that passes never waits for it.
const patience = 20 * time.Second

// node is a namespace on all nodes of a cluster, which writes down what its members receive. To a case it looks like one
// adapter: a member lives on a node that follows from its id, and what concerns a member is asked of that node. What is
// broadcast or asked comes from the front node, on which member "a" lives.
type node struct {
	t        *testing.T
	engines  []*cluster.Engine
	adapters []*cluster.Adapter
	front    *cluster.Adapter
	shared   bool // the nodes have one log
	fences   int  // owned by the test's goroutine

	// mu guards the fields below.
	mu        sync.Mutex
	homes     map[string]int // by member: its node, unless it follows from the id
	delivered sync.Cond
	received  map[*member][]string // the labels of the packets, in order of arrival
	offsets   map[*member][]string // the offset of each of them, or ""
	onDeliver func(p *parser.Packet, members []cluster.Member, t *cluster.Target)
	faults    []string
	rooms     map[string]struct{} // that were the only ones of a broadcast since the last settle

	// Queries; mu guards these fields too. onAsk is called for each member of a DeliverWithAck.
	onAsk        func(p *parser.Packet, id string, answered func(cluster.Answer)) error
	onEvent      func(node int, data []byte, answer func(json.RawMessage))
	disconnected []string // "id closeConnection"
	asks         int      // calls of DeliverWithAck that went well
	forgotten    int      // calls of forget
	expired      []string // ids
	superseded   []string // ids
}

// member is a socket without a connection.
type member struct {
	id       string
	home     int
	progress *cluster.Progress
}

func (m *member) ID() string { return m.id }

func (m *member) Progress() *cluster.Progress { return m.progress }

// start makes a cluster of so many nodes. It is closed at the end of the test.
func start(t *testing.T, nodes int, configure Configure) *node {
	t.Helper()
	n := &node{
		t: t, received: make(map[*member][]string), offsets: make(map[*member][]string), homes: make(map[string]int),
		rooms: make(map[string]struct{}),
	}
	n.delivered.L = &n.mu
	for i, config := range configure(t, nodes) {
		if config.JoinTimeout == 0 {
			config.JoinTimeout = patience // a slow machine is no reason to miss a packet
		}
		n.shared = config.Log != nil && config.Log.Traits().Shared
		e, err := cluster.New(config)
		if err == nil {
			err = e.Start(context.Background())
		}
		if err != nil {
			t.Fatalf("starting node %d: %v", i, err)
		}
		t.Cleanup(func() { n.stop(i) })
		a, err := e.Namespace("/suite", &local{node: n, index: i})
		if err != nil {
			t.Fatalf("making the adapter of node %d: %v", i, err)
		}
		n.engines, n.adapters = append(n.engines, e), append(n.adapters, a)
	}
	if len(n.engines) != nodes {
		t.Fatalf("%d configurations, want %d", len(n.engines), nodes)
	}
	n.front = n.adapters[n.home("a")]
	n.meet(nodes)
	t.Cleanup(func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, fault := range n.faults {
			t.Error(fault)
		}
	})
	return n
}

// stop closes a node in order. Doing so twice does nothing.
func (n *node) stop(i int) {
	if i >= len(n.engines) {
		return // it has not been started
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.engines[i].Close(ctx); err != nil {
		n.t.Errorf("closing node %d: %v", i, err)
	}
}

// meet waits until each node knows of so many.
func (n *node) meet(nodes int) {
	n.t.Helper()
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		met := true
		for i, a := range n.adapters {
			peers := 0
			for _, p := range n.engines[i].Health().Peers {
				peers += number(slices.Contains(p.Namespaces, "/suite"))
			}
			count, err := a.ServerCount(ctx(n.t))
			met = met && err == nil && count == nodes && peers == nodes-1
		}
		if met {
			return
		}
		if time.Since(begin) > patience {
			n.t.Fatalf("the nodes did not find each other within %v", patience)
		}
	}
}

// home returns the node of a member.
func (n *node) home(id string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.homeLocked(id)
}

func (n *node) homeLocked(id string) int {
	if home, ok := n.homes[id]; ok || id == "" {
		return home
	}
	return int(id[len(id)-1]) % len(n.adapters)
}

// at returns the adapter of a member's node.
func (n *node) at(id string) *cluster.Adapter { return n.adapters[n.home(id)] }

func (n *node) Add(m *member) {
	m.home = n.home(m.id)
	n.adapters[m.home].Add(m)
}

func (n *node) Remove(id string)                      { n.at(id).Remove(id) }
func (n *node) Join(id string, rooms ...string) error { return n.at(id).Join(id, rooms...) }
func (n *node) Leave(id string, rooms ...string)      { n.at(id).Leave(id, rooms...) }
func (n *node) Rooms(id string) []string              { return n.at(id).Rooms(id) }
func (n *node) InRoom(id, room string) bool           { return n.at(id).InRoom(id, room) }

// Members returns the members of all nodes, or of the front node, that a target selects.
func (n *node) Members(t *cluster.Target) (all []cluster.Member) {
	if t != nil && t.Local {
		return n.front.Members(t)
	}
	for _, a := range n.adapters {
		all = append(all, a.Members(t)...)
	}
	return all
}

// reached leaves those of the members that a target can reach from the front node.
func (n *node) reached(ids []string, t *cluster.Target) []string {
	var left []string
	for _, id := range ids {
		if t == nil || !t.Local || n.at(id) == n.front {
			left = append(left, id)
		}
	}
	return left
}

// recordLocked writes down that a member received a packet.
func (n *node) recordLocked(m *member, p *parser.Packet) {
	n.received[m] = append(n.received[m], labelOf(p))
	n.offsets[m] = append(n.offsets[m], offsetOf(p))
}

// hook sets a function that runs at the end of each delivery, without the node's lock.
func (n *node) hook(f func(p *parser.Packet, members []cluster.Member, t *cluster.Target)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.onDeliver = f
}

// join adds a member that is in rooms.
func (n *node) join(id string, rooms ...string) *member {
	n.t.Helper()
	m := &member{id: id}
	release := n.at(id).Expect(ctx(n.t), m, rooms...)
	defer release()
	n.Add(m)
	n.enter(id, rooms...)
	return m
}

// enter puts a member into rooms, and waits until messages for them arrive.
func (n *node) enter(id string, rooms ...string) {
	n.t.Helper()
	if err := n.Join(id, rooms...); err != nil {
		n.t.Fatalf("Join(%q, %q): %v", id, rooms, err)
	}
	n.at(id).Subscribed(ctx(n.t), append([]string{id}, rooms...)...)
}

// send broadcasts a packet with a label.
func (n *node) send(label string, t *cluster.Target) {
	n.t.Helper()
	if err := n.broadcast(label, t); err != nil {
		n.t.Fatalf("Broadcast of %q: %v", label, err)
	}
}

// broadcast sends a packet with a label. A full queue is waited for.
func (n *node) broadcast(label string, t *cluster.Target) error {
	return n.broadcastFrom(n.front, label, t)
}

func (n *node) broadcastFrom(a *cluster.Adapter, label string, t *cluster.Target) error {
	if t != nil && len(t.Rooms) == 1 && !strings.HasPrefix(label, "fence ") {
		n.mu.Lock()
		n.rooms[t.Rooms[0]] = struct{}{}
		n.mu.Unlock()
	}
	p := packet(label)
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		err := a.Broadcast(p, t)
		if !errors.Is(err, cluster.ErrQueueFull) || time.Since(begin) > patience {
			return err
		}
	}
}

// settle waits until everything that this goroutine has broadcast or asked for before has been handled on all nodes. A
// member that is only there for this receives one more packet on each node: by the bus, by the log, and for each room that
// was used alone, because all of these may have an order of their own.
func (n *node) settle() {
	n.t.Helper()
	n.fences++
	rooms := slices.Sorted(maps.Keys(n.rooms))
	clear(n.rooms)
	var guests []*member
	own := []string{"fences", "more fences"}
	for i, a := range n.adapters {
		m := &member{id: fmt.Sprintf("fence %d of %d", n.fences, i), home: i}
		a.Expect(ctx(n.t), m)()
		a.Add(m)
		if err := a.Join(m.id, append(own, rooms...)...); err != nil {
			n.t.Fatalf("Join: %v", err)
		}
		a.Subscribed(ctx(n.t), append([]string{m.id}, append(own, rooms...)...)...)
		guests = append(guests, m)
	}
	targets := []*cluster.Target{{Rooms: own}}
	for _, room := range rooms {
		targets = append(targets, &cluster.Target{Rooms: []string{room}})
	}
	for i, target := range targets {
		for _, volatile := range []bool{false, true} {
			fence := fmt.Sprintf("fence %d %d %t", n.fences, i, volatile)
			target := *target
			target.Volatile = volatile
			if err := n.broadcastFrom(n.front, fence, &target); err != nil {
				n.t.Fatalf("Broadcast: %v", err)
			}
			n.wait(func() bool {
				return !slices.ContainsFunc(guests, func(m *member) bool { return !slices.Contains(n.received[m], fence) })
			})
		}
	}
	for i, m := range guests {
		n.adapters[i].Remove(m.id)
	}
}

// wait waits for deliveries until done, which runs under the node's lock, reports true.
func (n *node) wait(done func() bool) {
	n.t.Helper()
	late := time.AfterFunc(patience, n.delivered.Broadcast)
	defer late.Stop()
	deadline := time.Now().Add(patience)
	n.mu.Lock()
	defer n.mu.Unlock()
	for !done() {
		if !time.Now().Before(deadline) {
			n.t.Fatalf("a delivery did not happen within %v", patience)
		}
		n.delivered.Wait()
	}
}

// labels returns what a member has received so far.
func (n *node) labels(m *member) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(n.received[m]), func(label string) bool {
		return strings.HasPrefix(label, "fence ")
	})
}

// recipients returns the sorted ids of those who have received a packet, each as often as it came.
func (n *node) recipients(label string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var ids []string
	for m, labels := range n.received {
		for _, l := range labels {
			if l == label && !guest(m) {
				ids = append(ids, m.id)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// selected returns the sorted ids of the members that a target selects.
func (n *node) selected(t *cluster.Target) []string {
	return idsOf(n.Members(t))
}

func idsOf(members []cluster.Member) []string {
	var ids []string
	for _, m := range members {
		ids = append(ids, m.ID())
	}
	slices.Sort(ids)
	return ids
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// offsetOf reads what an adapter has put behind the arguments; "" for nothing.
func offsetOf(p *parser.Packet) string {
	_, end, found := strings.Cut(string(p.Data), `"num":0},"`)
	if !found {
		return ""
	}
	return strings.TrimSuffix(end, `"]`)
}

// packet makes an event whose name is the label.
func packet(label string) *parser.Packet {
	return &parser.Packet{
		Type:        parser.Event,
		Namespace:   "/suite",
		Data:        []byte(`["` + label + `",{"_placeholder":true,"num":0}]`),
		Attachments: [][]byte{[]byte(label)},
	}
}

// labelOf reads the label. An adapter may have put an offset behind the arguments.
func labelOf(p *parser.Packet) string {
	parts := strings.SplitN(string(p.Data), `"`, 3)
	if len(parts) < 3 {
		return string(p.Data)
	}
	return parts[1]
}
