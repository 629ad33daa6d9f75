package clustertest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// local is the node as its adapter sees it.
type local struct{ node *node }

// Deliver implements cluster.Local.
func (l *local) Deliver(p *parser.Packet, members []cluster.Member, t *cluster.Target) error {
	n := l.node
	n.mu.Lock()
	if t == nil {
		n.faultLocked("Deliver was called without a target")
	}
	for _, m := range n.checkLocked("Deliver", members) {
		n.recordLocked(m, p)
	}
	hook := n.onDeliver
	n.delivered.Broadcast()
	n.mu.Unlock()
	if hook != nil && !strings.HasPrefix(labelOf(p), "fence ") {
		hook(p, members, t)
	}
	return nil
}

// Describe implements cluster.LocalQueries.
func (l *local) Describe(members []cluster.Member) []cluster.SocketInfo {
	var infos []cluster.SocketInfo
	for _, m := range l.check("Describe", members) {
		infos = append(infos, describe(m.id, l.node.Rooms(m.id)))
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
		_ = l.node.Join(m.id, rooms...) // a member that is gone is left as it is
	}
}

// Leave implements cluster.LocalQueries.
func (l *local) Leave(members []cluster.Member, rooms ...string) {
	for _, m := range l.check("Leave", members) {
		l.node.Leave(m.id, rooms...)
	}
}

// Disconnect implements cluster.LocalQueries.
func (l *local) Disconnect(members []cluster.Member, closeConnection bool) {
	for _, m := range l.check("Disconnect", members) {
		l.node.Remove(m.id)
		l.node.mu.Lock()
		l.node.disconnected = append(l.node.disconnected, fmt.Sprintf("%s %t", m.id, closeConnection))
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
	asked := n.checkLocked("DeliverWithAck", members)
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
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.forgotten++
	}, nil
}

// ServerEvent implements cluster.LocalQueries. There is no other node that could have sent one.
func (l *local) ServerEvent(data []byte, _ func(json.RawMessage)) {
	l.node.mu.Lock()
	defer l.node.mu.Unlock()
	l.node.faultLocked("a server-side event came from nowhere: %s", data)
}

// check returns the members as the suite knows them.
func (l *local) check(method string, members []cluster.Member) []*member {
	l.node.mu.Lock()
	defer l.node.mu.Unlock()
	return l.node.checkLocked(method, members)
}

func (n *node) checkLocked(method string, members []cluster.Member) []*member {
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
		default:
			known = append(known, m)
		}
	}
	return known
}

func (n *node) faultLocked(format string, args ...any) {
	n.faults = append(n.faults, fmt.Sprintf(format, args...))
}
