package cluster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// recovery is a namespace with recovery, on a node that is alone.
type recovery struct {
	*cluster.Adapter
	t         *testing.T
	followers map[string]*follower
	entered   int
	deliver   func() error // nil means that all goes well
}

// limits are those of recovery in memory.
type limits struct {
	MaxDisconnection                  time.Duration
	MaxPackets, MaxBytes, MaxSessions int
	OnExpired                         func(id string)
}

// follower is a member that notes what it receives.
type follower struct {
	id, pid  string
	progress cluster.Progress
	received []string
}

func (f *follower) ID() string                  { return f.id }
func (f *follower) Progress() *cluster.Progress { return &f.progress }

// offset is that of the last packet.
func (f *follower) offset() string { return offsetOf(f.received[len(f.received)-1]) }

func offsetOf(data string) string {
	parts := strings.Split(data, `"`)
	return parts[len(parts)-2]
}

func newRecovery(t *testing.T, l limits) *recovery {
	t.Helper()
	n := &recovery{t: t, followers: make(map[string]*follower)}
	n.Adapter = join(t, cluster.Config{
		Log:              cluster.PrivateLog(cluster.MemoryLogLimits{MaxPackets: l.MaxPackets, MaxBytes: l.MaxBytes}),
		MaxDisconnection: l.MaxDisconnection, MaxSessions: l.MaxSessions,
	}, namespace{deliver: n.put, expired: l.OnExpired})
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
	n.entered++
	pid := fmt.Sprintf("pid %d of %s", n.entered, id)
	f := &follower{id: id, pid: pid, progress: cluster.Progress{PID: pid}}
	n.followers[id] = f
	n.Add(f)
	if err := n.Join(id, "everyone"); err != nil {
		n.t.Error(err)
	}
	return f
}

func (n *recovery) suspend(f *follower) { n.Suspend(f, nil) }

// back lets a member in again that has what is up to the offset, and returns the offsets of what it has missed.
func (n *recovery) back(f *follower, offset string) (missed []string, err error) {
	r, err := n.Restore(n.t.Context(), f.pid, offset, 0)
	if err != nil {
		return nil, err
	}
	return n.resume(f, r)
}

// resume lets a member in whose session was claimed.
func (n *recovery) resume(f *follower, r *cluster.Return) (missed []string, err error) {
	f.progress = cluster.Progress{PID: f.pid}
	if err := r.CatchUp(n.t.Context()); err != nil {
		r.Cancel(false, nil)
		return nil, err
	}
	err = r.Enter(f, r.Rooms(), func(packets []*parser.Packet) error {
		for _, p := range packets {
			missed = append(missed, offsetOf(string(p.Data)))
		}
		return nil
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
