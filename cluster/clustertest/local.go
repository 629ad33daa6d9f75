package clustertest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// local is the namespace on one node, as its adapter sees it.
type local struct {
	node  *node
	index int
}

// Deliver implements cluster.Local.
func (l *local) Deliver(p *parser.Packet, members []cluster.Member, t *cluster.Target) error {
	n := l.node
	n.mu.Lock()
	if t == nil {
		n.faultLocked("Deliver was called without a target")
	}
	for _, m := range l.checkLocked("Deliver", members) {
		n.recordLocked(m, p)
	}
	hook := n.onDeliver
	n.delivered.Broadcast()
	n.mu.Unlock()
	members = slices.DeleteFunc(slices.Clone(members), guest)
	if hook != nil && len(members) > 0 && !strings.HasPrefix(labelOf(p), "fence ") {
		hook(p, members, t)
	}
	return nil
}

// guest reports whether a member is one that settle has added.
func guest(m cluster.Member) bool { return strings.HasPrefix(m.ID(), "fence ") }

// Describe implements cluster.LocalQueries.
func (l *local) Describe(members []cluster.Member) []cluster.SocketInfo {
	var infos []cluster.SocketInfo
	for _, m := range l.check("Describe", members) {
		infos = append(infos, describe(m.id, l.adapter().Rooms(m.id)))
	}
	return infos
}

// describe is what the suite's namespace tells of a member.
func describe(id string, rooms []string) cluster.SocketInfo {
	return cluster.SocketInfo{
		ID:        id,
		Rooms:     rooms,
		Handshake: json.RawMessage(`{"of":"` + id + `"}`),
		Data:      json.RawMessage(`{"user":{"name":"` + id + `"}}`),
	}
}

// Join implements cluster.LocalQueries.
func (l *local) Join(members []cluster.Member, rooms ...string) {
	for _, m := range l.check("Join", members) {
		_ = l.adapter().Join(m.id, rooms...) // a member that is gone is left as it is
	}
}

// Leave implements cluster.LocalQueries.
func (l *local) Leave(members []cluster.Member, rooms ...string) {
	for _, m := range l.check("Leave", members) {
		l.adapter().Leave(m.id, rooms...)
	}
}

// Disconnect implements cluster.LocalQueries.
func (l *local) Disconnect(members []cluster.Member, closeConnection bool) {
	for _, m := range l.check("Disconnect", members) {
		if guest(m) {
			continue
		}
		l.adapter().Remove(m.id)
		l.node.mu.Lock()
		l.node.disconnected = append(l.node.disconnected, fmt.Sprintf("%s %t", m.id, closeConnection))
		l.node.delivered.Broadcast()
		l.node.mu.Unlock()
	}
}

// DeliverWithAck implements cluster.LocalQueries.
func (l *local) DeliverWithAck(
	p *parser.Packet, members []cluster.Member, t *cluster.Target, answered func(cluster.Answer),
) (forget func(), err error) {
	n := l.node
	n.mu.Lock()
	if t == nil {
		n.faultLocked("DeliverWithAck was called without a target")
	}
	asked := l.checkLocked("DeliverWithAck", members)
	for _, m := range asked {
		n.recordLocked(m, p)
	}
	hook := n.onAsk
	n.mu.Unlock()
	if hook == nil {
		return nil, fmt.Errorf("nobody was to be asked")
	}
	for _, m := range asked {
		if err := hook(p, m.id, answered); err != nil {
			return nil, err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asks++
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.forgotten++
		n.delivered.Broadcast()
	}, nil
}

// ServerEvent implements cluster.LocalQueries.
func (l *local) ServerEvent(data []byte, answer func(json.RawMessage)) {
	l.node.mu.Lock()
	defer l.node.mu.Unlock()
	if l.node.onEvent == nil {
		l.node.faultLocked("a server-side event came from nowhere: %s", data)
		return
	}
	l.node.onEvent(l.index, data, answer)
	l.node.delivered.Broadcast()
}

// Data implements cluster.LocalSessions.
func (l *local) Data(m cluster.Member) json.RawMessage { return dataOf(m.ID()) }

// Supersede implements cluster.LocalSessions.
func (l *local) Supersede(m cluster.Member) {
	there := slices.Contains(l.adapter().Members(&cluster.Target{Rooms: []string{m.ID()}}), m)
	l.adapter().Suspend(m, dataOf(m.ID()))
	if !there {
		return // it may be ended by the node that asks for it and by the log at once
	}
	l.node.mu.Lock()
	defer l.node.mu.Unlock()
	l.node.superseded = append(l.node.superseded, m.ID())
}

// Reset implements cluster.LocalSessions.
func (l *local) Reset(members []cluster.Member) {
	for _, m := range l.check("Reset", members) {
		l.adapter().Suspend(m, nil)
		l.node.mu.Lock()
		l.node.faultLocked("%s was reset, and nothing was lost", m.id)
		l.node.mu.Unlock()
	}
}

// Expired implements cluster.LocalSessions.
func (l *local) Expired(id string) {
	l.node.mu.Lock()
	defer l.node.mu.Unlock()
	l.node.expired = append(l.node.expired, id)
}

func (l *local) adapter() *cluster.Adapter { return l.node.adapters[l.index] }

// check returns the members as the suite knows them.
func (l *local) check(method string, members []cluster.Member) []*member {
	l.node.mu.Lock()
	defer l.node.mu.Unlock()
	return l.checkLocked(method, members)
}

func (l *local) checkLocked(method string, members []cluster.Member) []*member {
	n := l.node
	if len(members) == 0 {
		n.faultLocked("%s was called without members", method)
	}
	var known []*member
	for _, m := range members {
		m, ok := m.(*member)
		switch {
		case !ok:
			n.faultLocked("%s was called for %T, which was never added", method, m)
		case slices.Contains(known, m):
			n.faultLocked("%s was called with %q twice", method, m.id)
		case m.home != l.index:
			n.faultLocked("%s was called on node %d with %q, which is on node %d", method, l.index, m.id, m.home)
		default:
			known = append(known, m)
		}
	}
	return known
}

func (n *node) faultLocked(format string, args ...any) {
	n.faults = append(n.faults, fmt.Sprintf(format, args...))
}

// eventually reports whether a condition holds within patience. It asks once more each millisecond.
func eventually(holds func() bool) bool {
	for begin := time.Now(); !holds(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > patience {
			return false
		}
	}
	return true
}
