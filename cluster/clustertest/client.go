package clustertest

import (
	"slices"
	"strings"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// recovering is a node whose adapter is a Recoverer.
type recovering struct {
	*node
	cluster.Recoverer
}

// Where both have a method, that of the node counts.

func (n *recovering) Remove(id string) { n.node.Remove(id) }

func (n *recovering) Rooms(id string) []string { return n.node.Rooms(id) }

func (n *recovering) Members(t *cluster.Target) []cluster.Member { return n.node.Members(t) }

func (n *recovering) Join(id string, rooms ...string) error { return n.node.Join(id, rooms...) }

// client is the other end of a connection: it has what has arrived, loses its connection and comes back.
type client struct {
	node   *recovering
	member *member // of the present connection
	joined cluster.Ordinal
	has    []arrival // over earlier connections
}

// arrival is a packet as a client sees it.
type arrival struct{ label, offset string }

// enterClient lets a client in that is in rooms.
func (n *recovering) enterClient(id string, rooms ...string) *client {
	n.t.Helper()
	c := &client{node: n, member: &member{id: id}}
	c.joined = n.Enter(c.member)
	n.enter(id, rooms...)
	return c
}

// received is what the client has, over all its connections.
func (c *client) received() []arrival {
	n := c.node
	n.mu.Lock()
	defer n.mu.Unlock()
	all := slices.Clone(c.has)
	for i, label := range n.received[c.member] {
		all = append(all, arrival{label, n.offsets[c.member][i]})
	}
	return all
}

// check compares the labels of what the client has, without those of fences.
func (c *client) check(want ...string) {
	c.node.t.Helper()
	var got []string
	for _, p := range c.received() {
		if !strings.HasPrefix(p.label, "fence ") {
			got = append(got, p.label)
		}
	}
	if !slices.Equal(got, want) {
		c.node.t.Errorf("%s has %q, want %q", c.member.id, got, want)
	}
}

// offset is the last one that the client has seen.
func (c *client) offset() string {
	all := c.received()
	for _, p := range slices.Backward(all) {
		if p.offset != "" {
			return p.offset
		}
	}
	return ""
}

// suspend loses the connection.
func (c *client) suspend() *cluster.Leftover {
	s := &cluster.Leftover{ID: c.member.id, PID: "pid of " + c.member.id, Data: c, Joined: c.joined}
	c.node.Suspend(s)
	c.has = c.received()
	c.member = &member{id: c.member.id}
	return s
}

// lose takes from the client the first packet of these and all behind it, which are to be these and fences.
func (c *client) lose(labels ...string) {
	c.node.t.Helper()
	i := slices.IndexFunc(c.has, func(p arrival) bool { return p.label == labels[0] })
	if i < 0 {
		c.node.t.Fatalf("%s does not have %q", c.member.id, labels[0])
	}
	for _, p := range c.has[i:] {
		if !slices.Contains(labels, p.label) && !strings.HasPrefix(p.label, "fence ") {
			c.node.t.Fatalf("%s would lose %q too", c.member.id, p.label)
		}
	}
	c.has = c.has[:i]
}

// take takes the session with what the client knows.
func (c *client) take() *cluster.Leftover {
	c.node.t.Helper()
	s, err := c.node.Take(ctx(c.node.t), "pid of "+c.member.id, c.offset())
	if err != nil {
		c.node.t.Fatalf("Take of %s: %v", c.member.id, err)
	}
	return s
}

// resume comes back.
func (c *client) resume(s *cluster.Leftover) {
	n, calls := c.node, 0
	n.t.Helper()
	err := n.Resume(c.member, s, func(missed []*parser.Packet) {
		calls++
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, p := range missed {
			n.recordLocked(c.member, p)
		}
	})
	if err != nil || calls != 1 {
		n.t.Errorf("Resume of %s: %v, and deliver was called %d times", s.ID, err, calls)
	}
}
