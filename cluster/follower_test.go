package cluster_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// recovery is a namespace with recovery whose members are followers.
type recovery struct {
	cluster.Recoverer
	t         *testing.T
	followers map[string]*follower
	deliver   func() error // nil means that all goes well
}

// follower is a member that notes what it receives.
type follower struct {
	id       string
	last     cluster.Ordinal
	received []string
}

func (f *follower) ID() string                    { return f.id }
func (f *follower) Received(at cluster.Ordinal)   { f.last = at }
func (f *follower) LastReceived() cluster.Ordinal { return f.last }

// offset is that of the last packet.
func (f *follower) offset() string { return offsetOf(f.received[len(f.received)-1]) }

func offsetOf(data string) string {
	parts := strings.Split(data, `"`)
	return parts[len(parts)-2]
}

func newRecovery(t *testing.T, limits cluster.RecoveryLimits) *recovery {
	t.Helper()
	n := &recovery{t: t, followers: make(map[string]*follower)}
	a, err := cluster.Recoverable(limits)("/", deliver(n.put))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	n.Recoverer = a.(cluster.Recoverer)
	return n
}

func (n *recovery) put(p *parser.Packet, members []cluster.Member, _ *cluster.Target) error {
	if n.deliver != nil {
		return n.deliver()
	}
	for _, m := range members {
		f := m.(*follower)
		f.received = append(f.received, string(p.Data))
	}
	return nil
}

func (n *recovery) follower(id string) *follower { return n.followers[id] }

// enter lets a member in that is in the room "everyone".
func (n *recovery) enter(id string) *follower {
	n.t.Helper()
	f := &follower{id: id}
	n.followers[id] = f
	n.Enter(f)
	if err := n.Join(id, "everyone"); err != nil {
		n.t.Error(err)
	}
	return f
}

func (n *recovery) suspend(f *follower) {
	n.Suspend(&cluster.Leftover{ID: f.id, PID: "pid of " + f.id})
}

// back lets a member in again that has what is up to the offset, and returns the offsets of what it has missed.
func (n *recovery) back(f *follower, offset string) (missed []string, err error) {
	s, err := n.Take(n.t.Context(), "pid of "+f.id, offset)
	if err != nil {
		return nil, err
	}
	err = n.Resume(f, s, func(packets []*parser.Packet) {
		for _, p := range packets {
			missed = append(missed, offsetOf(string(p.Data)))
		}
	})
	return missed, err
}

func news(room string) *parser.Packet {
	return &parser.Packet{Type: parser.Event, Data: []byte(fmt.Sprintf(`["news for %s"]`, room))}
}

// send broadcasts to a room.
func (n *recovery) send(room string) {
	n.t.Helper()
	if err := n.Broadcast(news(room), &cluster.Target{Rooms: []string{room}}); err != nil {
		n.t.Error(err)
	}
}

// sendMany broadcasts to a room in which nobody is.
func (n *recovery) sendMany(count int) {
	n.t.Helper()
	for range count {
		n.send("nobody's")
	}
}
