package clustertest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// client is the other end of a connection: it has what has arrived, loses its connection and comes back, to another node
// each time if there is one.
type client struct {
	node   *node
	member *member // of the present connection
	pid    string
	has    []arrival // over earlier connections
}

// arrival is a packet as a client sees it.
type arrival struct{ label, offset string }

// enterClient lets a client in that is in rooms.
func (n *node) enterClient(id string, rooms ...string) *client {
	n.t.Helper()
	n.fences++
	c := &client{node: n, pid: fmt.Sprintf("pid %d of %s", n.fences, id)}
	c.member = c.newMember()
	release := n.at(id).Expect(ctx(n.t), c.member, rooms...)
	defer release()
	n.Add(c.member)
	n.enter(id, rooms...)
	return c
}

func (n *node) newClientMember(id, pid string) *member {
	return &member{id: id, progress: &cluster.Progress{PID: pid}}
}

func (c *client) newMember() *member {
	id := ""
	if c.member != nil {
		id = c.member.id
	} else {
		id = c.pid[strings.LastIndex(c.pid, " ")+1:]
	}
	return c.node.newClientMember(id, c.pid)
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

// suspend loses the connection, and returns the rooms that the session has.
func (c *client) suspend() (rooms []string) {
	rooms = c.node.at(c.member.id).Suspend(c.member, dataOf(c.member.id))
	c.detach()
	return rooms
}

// detach leaves the connection behind: what it receives later does not reach the client.
func (c *client) detach() {
	c.has = c.received()
	c.member = c.newMember()
	n := c.node
	n.mu.Lock()
	defer n.mu.Unlock()
	n.homes[c.member.id] = (n.homeLocked(c.member.id) + 1) % len(n.adapters)
}

// dataOf is the data of a member.
func dataOf(id string) json.RawMessage { return json.RawMessage(`{"user":{"name":"` + id + `"}}`) }

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

// restore claims the session with what the client knows.
func (c *client) restore() (*cluster.Return, error) {
	return c.restoreAt(c.offset())
}

func (c *client) restoreAt(offset string) (*cluster.Return, error) {
	return c.node.at(c.member.id).Restore(ctx(c.node.t), c.pid, offset, 0)
}

// take claims the session.
func (c *client) take() *cluster.Return {
	c.node.t.Helper()
	r, err := c.restore()
	if err != nil {
		c.node.t.Fatalf("Restore of %s: %v", c.member.id, err)
	}
	return r
}

// resume comes back.
func (c *client) resume(r *cluster.Return) {
	n, calls := c.node, 0
	n.t.Helper()
	err := r.CatchUp(ctx(n.t))
	if err == nil {
		c.member.home = n.home(c.member.id)
		err = r.Enter(c.member, r.Rooms(), func(missed []*parser.Packet) error {
			calls++
			n.mu.Lock()
			defer n.mu.Unlock()
			for _, p := range missed {
				n.recordLocked(c.member, p)
			}
			return nil
		})
	}
	if err != nil || calls != 1 {
		n.t.Errorf("resuming %s: %v, and deliver was called %d times", r.ID(), err, calls)
	}
}

// back comes back, if it can.
func (c *client) back() {
	c.node.t.Helper()
	c.resume(c.take())
}
