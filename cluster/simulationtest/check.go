package simulationtest

import (
	"slices"
	"time"

	"github.com/parleyio/parley/cluster"
)

// checkCalm checks what must hold when nothing is under way.
func (w *world) checkCalm() {
	w.checkMembers()
	w.checkPeers()
	w.checkDeliveries()
	if !w.broken() {
		w.checkQuestions()
	}
}

// checkMembers compares the members of the engines with the clients: each socket has its client, and nobody has two.
func (w *world) checkMembers() {
	owners := make(map[string]string)
	for _, n := range w.up() {
		for _, namespace := range w.shape.namespaces {
			s := n.run.spaces[namespace]
			for _, member := range s.adapter.Members(&cluster.Target{Everyone: true}) {
				m := member.(*socket)
				w.mu.Lock()
				attached := m.life.client.socket == m
				w.mu.Unlock()
				if other, twice := owners[m.ID()]; twice {
					w.faultf("%s is on %s and on %s", m.ID(), other, n.run.id)
				} else if !attached {
					w.faultf("%s is on %s, and its client is not", m.ID(), n.run.id)
				}
				owners[m.ID()] = n.run.id
				w.checkRooms(s, m)
			}
		}
	}
	for _, c := range w.clients {
		w.mu.Lock()
		s := c.socket
		w.mu.Unlock()
		if s != nil && owners[s.ID()] == "" {
			w.faultf("%s has a connection, and is on no node", s.ID())
		}
	}
}

// checkRooms compares the rooms of a member with the ledger.
func (w *world) checkRooms(s *space, m *socket) {
	rooms := s.adapter.Rooms(m.ID())
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	for name, of := range m.life.rooms {
		if name == m.life.id {
			continue
		}
		switch in := slices.Contains(rooms, name); {
		case in && !of.touches(now, now):
			w.faultf("%s is in room %s, which it has left", m.ID(), name)
		case !in && of.covers(now, now):
			w.faultf("%s is not in room %s, which it has joined", m.ID(), name)
		}
	}
}

// checkPeers sees that all nodes know each other. Those that are gone are forgotten a minute after they were heard.
func (w *world) checkPeers() {
	up := w.up()
	for _, n := range up {
		known := make(map[string]time.Time)
		for _, p := range n.run.engine.Health().Peers {
			known[p.Node] = p.Heard
		}
		for _, other := range up {
			if _, ok := known[other.run.id]; !ok && other != n {
				w.faultf("%s does not know %s", n.run.id, other.run.id)
			}
			delete(known, other.run.id)
		}
		for id, heard := range known {
			if time.Since(heard) > time.Minute+5*time.Second {
				w.faultf("%s knows %s, which it has not heard for %v", n.run.id, id, time.Since(heard))
			}
		}
	}
}

// checkDeliveries checks what every life has seen.
func (w *world) checkDeliveries() {
	lossless := w.lossless()
	w.mu.Lock()
	defer w.mu.Unlock()
	logged := w.checkAcceptedLocked()
	for _, l := range w.lives {
		w.checkLifeLocked(l)
		if w.shape.shared() {
			w.checkLoggedLocked(l, logged[l.namespace])
		}
		if l.ended == forever && l.client.socket != nil && l.client.life == l {
			w.checkOwedLocked(l, lossless)
		}
	}
}

// lossless reports whether no message between nodes was lost, so that everything must have arrived.
func (w *world) lossless() bool {
	for _, r := range w.runs {
		// The bus has not taken a message in time, or the node has not handled it.
		if h := r.engine.Health(); h.Unsent > 0 || h.Unheard > 0 {
			return false
		}
	}
	return w.shape.lossless
}

// entries is the log of a namespace as it was written.
type entries struct {
	labels []int
	at     map[cluster.Position]int // the index of a position
}

// checkAcceptedLocked sees that all that was accepted stands in the log once, unless its node was killed or cut off before.
func (w *world) checkAcceptedLocked() map[string]*entries {
	logged := make(map[string]*entries)
	if !w.shape.shared() {
		return logged
	}
	running := make(map[string]bool)
	for _, n := range w.nodes {
		if n.run != nil {
			running[n.run.id] = true
		}
	}
	count := make(map[int]int)
	for _, namespace := range w.shape.namespaces {
		e := &entries{at: make(map[cluster.Position]int)}
		for _, entry := range w.store.history[namespace] {
			label, _, _ := readPacket(entry.Packet)
			e.at[entry.Position] = len(e.labels)
			e.labels = append(e.labels, label)
			count[label]++
		}
		logged[namespace] = e
	}
	for _, b := range w.broadcasts {
		switch n := count[b.label]; {
		case n > 1 && w.empties == 0:
			w.faultf("%s stands in the log %d times", b, n)
		case n == 0 && b.accepted && b.recoverable() && running[b.node]:
			w.faultf("%s was accepted and does not stand in the log", b)
		case n > 0 && !b.accepted:
			w.faultf("%s was refused and stands in the log", b)
		}
	}
	return logged
}

// checkLifeLocked checks what holds with any bus and log: nothing twice, nothing out of order, nothing that was not meant
// for the life.
func (w *world) checkLifeLocked(l *life) {
	type sender struct {
		node  string
		class int
	}
	latest := make(map[sender]int)
	var at receipt
	for _, r := range l.seen {
		if r.label < 0 || r.label >= len(w.broadcasts) {
			w.faultf("%s has seen #%d, which nobody has sent", l.name, r.label)
			continue
		}
		b := w.broadcasts[r.label]
		// What has no offset may come twice to a client that has come back: by the node that it was on, and by the one that
		// it is on now, later.
		moved := !r.hasOffset && l.recovered > 0
		if l.has[r.label] > 1 && !moved {
			w.faultf("%s has seen %s %d times", l.name, b, l.has[r.label])
		}
		if r.step > l.ended {
			w.faultf("%s has seen %s at step %d, after its end", l.name, b, r.step)
		}
		if !b.accepted {
			w.faultf("%s has seen %s, which was refused", l.name, b)
		}
		if !l.meant(b, r.step) {
			w.faultf("%s has seen %s, which was not meant for it", l.name, b)
		}
		if logged := w.logged(b); logged != r.hasOffset {
			w.faultf("%s has seen %s with the offset %q", l.name, b, r.offset)
		}
		if r.hasOffset {
			if at.hasOffset && r.at.Compare(at.at) <= 0 {
				w.faultf("%s has seen %s with the offset %s behind #%d with %s", l.name, b, r.offset, at.label, at.offset)
			}
			at = r
		}
		if b.question || moved {
			continue
		}
		from := sender{node: b.node}
		if r.hasOffset {
			from.class = 1
		}
		if before, ok := latest[from]; ok && before > r.label {
			w.faultf("%s has seen #%d of %s behind #%d", l.name, r.label, b.node, before)
		}
		latest[from] = r.label
	}
}

// logged reports whether a broadcast goes through a log.
func (w *world) logged(b *broadcast) bool {
	switch w.shape.log {
	case logShared, logMemory:
		return b.recoverable()
	case logLocal:
		return !b.question && !b.target.Volatile
	}
	return false
}

// checkLoggedLocked compares what a life has seen with the shared log: every offset belongs to its packet, and nothing that
// it was owed is missing between what it has seen, nor behind if its client is connected.
func (w *world) checkLoggedLocked(l *life, log *entries) {
	by := make([]int, len(log.labels)) // the step by which the life must have had the entry; 0 if there is none
	have := make(map[int]bool)
	end := 0
	if l.ended == forever && l.client.socket != nil && l.client.life == l {
		end = w.now()
	}
	for i := range by {
		by[i] = end
	}
	for _, r := range l.seen {
		if !r.hasOffset {
			continue
		}
		i, ok := log.at[r.at]
		if !ok || log.labels[i] != r.label {
			w.faultf("%s has seen #%d with the offset %s, which is that of another packet", l.name, r.label, r.offset)
			continue
		}
		have[i] = true
		for j := i - 1; j >= 0 && (by[j] == 0 || by[j] > r.step); j-- {
			by[j] = r.step
		}
	}
	for i, label := range log.labels {
		if b := w.broadcasts[label]; by[i] > 0 && !have[i] && l.owed(b, by[i]) {
			w.faultf("%s has not seen %s by step %d, and was not told", l.name, b, by[i])
		}
	}
}

// checkOwedLocked checks what a connected client must have had without a shared log: what its own node has sent, and if
// nothing can be lost between the nodes everything.
func (w *world) checkOwedLocked(l *life, lossless bool) {
	now := w.now()
	for _, b := range w.broadcasts {
		if b.question || l.has[b.label] > 0 || w.shape.shared() && b.recoverable() || !l.owed(b, now) {
			continue
		}
		here := l.homes[b.node].covers(b.step, now)
		reads := l.attached.covers(b.step, now)
		// A client that comes back does not wait for the bus to subscribe.
		subscribed := !w.shape.traits.Rooms || l.recovered == 0 && !l.degraded
		if reads && (here || lossless && subscribed) {
			w.faultf("%s has not seen %s", l.name, b)
		}
	}
}
