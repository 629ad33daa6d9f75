package clustertest

import (
	"errors"
	"fmt"
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

// node is the cluster's only node: a namespace that writes down what its members receive.
type node struct {
	cluster.Adapter
	t      *testing.T
	fences int // owned by the test's goroutine

	// mu guards the fields below.
	mu        sync.Mutex
	delivered sync.Cond
	received  map[*member][]string // the labels of the packets, in order of arrival
	offsets   map[*member][]string // the offset of each of them, or ""
	onDeliver func(p *parser.Packet, members []cluster.Member, t *cluster.Target)
	faults    []string

	// Queries; mu guards these fields too. onAsk is called for each member of a DeliverWithAck.
	onAsk        func(p *parser.Packet, id string, answered func(cluster.Answer)) error
	disconnected []string // "id closeConnection"
	forgotten    int      // calls of forget
}

// member is a socket without a connection.
type member struct {
	id string

	// The adapter's; it sees to it that nobody else touches it at the same time.
	position cluster.Ordinal
	wrong    bool // positions went backwards
}

func (m *member) ID() string { return m.id }

// Received implements cluster.Follower.
func (m *member) Received(at cluster.Ordinal) {
	m.wrong = m.wrong || at <= m.position
	m.position = at
}

// LastReceived implements cluster.Follower.
func (m *member) LastReceived() cluster.Ordinal { return m.position }

// start makes an adapter and its node. The adapter is closed at the end of the test.
func start(t *testing.T, factory func(t *testing.T) cluster.Factory) *node {
	t.Helper()
	n := &node{t: t, received: make(map[*member][]string), offsets: make(map[*member][]string)}
	n.delivered.L = &n.mu
	a, err := factory(t)("/suite", &local{node: n})
	if err != nil {
		t.Fatalf("making the adapter: %v", err)
	}
	n.Adapter = a
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("closing the adapter: %v", err)
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, fault := range n.faults {
			t.Error(fault)
		}
	})
	return n
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
	n.Add(m)
	n.enter(id, rooms...)
	return m
}

func (n *node) enter(id string, rooms ...string) {
	n.t.Helper()
	if err := n.Join(id, rooms...); err != nil {
		n.t.Fatalf("Join(%q, %q): %v", id, rooms, err)
	}
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
	p := packet(label)
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		err := n.Broadcast(p, t)
		if !errors.Is(err, cluster.ErrQueueFull) || time.Since(begin) > patience {
			return err
		}
	}
}

// settle waits until everything that this goroutine has broadcast before has arrived: the order of its broadcasts is
// kept for each member, so it is enough to send one more to everyone and to see it arrive.
func (n *node) settle() {
	n.t.Helper()
	n.fences++
	fence := fmt.Sprintf("fence %d", n.fences)
	present := n.Members(toAll())
	if len(present) == 0 {
		return
	}
	n.send(fence, toAll())

	n.wait(func() bool {
		return !slices.ContainsFunc(present, func(m cluster.Member) bool {
			return !slices.Contains(n.received[m.(*member)], fence)
		})
	})
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
			if l == label {
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
