package simulationtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// suspend takes a socket out of its namespace after its connection was lost, and keeps its session.
func (s *space) suspend(m *socket, why string) {
	if !s.adapter.Recovers() {
		s.remove(m, why)
		return
	}
	if s.takeOut(m) {
		s.adapter.Suspend(m, s.Data(m))
	}
	s.close(m, why)
}

// comeBack brings a client back to a run with what it remembers. If it is not recovered it begins a new life there.
// With giveUp it loses its connection again before it is there.
func (c *client) comeBack(ctx context.Context, r *run, l *life, giveUp bool) {
	if !c.restore(ctx, r, l, giveUp) && !giveUp {
		c.connect(ctx, r)
	}
}

// restore reports whether a life was recovered.
func (c *client) restore(ctx context.Context, r *run, l *life, giveUp bool) bool {
	w, s := c.w, r.spaces[c.namespace]
	if !s.adapter.Recovers() {
		return false
	}
	w.mu.Lock()
	offset := l.latest().offset
	w.mu.Unlock()
	back, err := s.adapter.Restore(ctx, l.pid, offset, 0)
	if err != nil {
		w.notef("%s is not restored on %s", l.name, r.id)
		w.checkRefusal(l, err)
		return false
	}
	w.notef("%s is restored on %s, rooms %v", l.name, r.id, back.Rooms())
	if back.ID() != l.id || string(back.Data()) != string(l.data()) {
		w.faultf("%s came back as %s with the data %s", l.id, back.ID(), back.Data())
	}
	if giveUp {
		back.Cancel(true, back.Data())
		return false
	}
	m := s.newSocket(l)
	if err := back.CatchUp(ctx); err != nil {
		w.notef("%s cannot catch up", l.name)
		back.Cancel(false, nil)
		w.checkRefusal(l, err)
		return false
	}
	w.enter(m)
	if err := back.Enter(m, back.Rooms(), m.packets); err != nil {
		w.notef("%s cannot enter", l.name)
		s.close(m, "refused")
		w.checkRefusal(l, err)
		return false
	}
	w.restored(back.Rooms(), m)
	w.notef("%s has come back", l.name)
	w.entered(c, m)
	return true
}

// checkRefusal sees that a client was refused for a reason that there is.
func (w *world) checkRefusal(l *life, err error) {
	for _, known := range []error{
		cluster.ErrUnknownSession, cluster.ErrUnknownOffset, cluster.ErrClosed, cluster.ErrUnknownMember, errBroker,
		context.DeadlineExceeded, context.Canceled,
	} {
		if errors.Is(err, known) {
			return
		}
	}
	w.faultf("%s could not come back: %v", l.id, err)
}

// restored brings the ledger and the rooms of a session together. They may differ where a node was killed before it had
// stored what had changed, or could not be asked: then nobody knows what the member was in meanwhile. What had not changed
// since before the last calm at which it was connected was surely stored.
func (w *world) restored(rooms []string, m *socket) {
	w.change(m, func(l *life, step int) {
		if w.expired[l.id] {
			w.faultf("%s came back after its session was said to be over", l.id)
		}
		l.recovered++
		l.room(l.id)
		for _, room := range rooms {
			l.room(room)
		}
		for _, name := range slices.Sorted(maps.Keys(l.rooms)) {
			if name == l.id {
				continue
			}
			of, in := l.rooms[name], slices.Contains(rooms, name)
			switch {
			case l.forked > l.stored: // another tab may have changed it
			case !in && of.covers(l.stored, step-1):
				w.faultf("%s came back without room %s, in which it was since before step %d", l.id, name, l.stored)
			case in && !of.touches(l.stored, step):
				w.faultf("%s came back into room %s, in which it was not since before step %d", l.id, name, l.stored)
			}
			if l.forked > l.stored || in != of.open() {
				of.blur(l.stored, step)
				if in {
					of.joined(step)
				} else {
					of.left(step)
				}
			}
		}
	})
}

// secondTab lets another client come back with the same secret. It goes on afterwards like any client.
func (w *world) secondTab(r *run, l *life) {
	w.mu.Lock()
	l.forked = w.now()
	c := &client{w: w, name: fmt.Sprintf("c%d", len(w.clients)+1), namespace: l.namespace}
	twin := l.clone(c)
	w.mu.Unlock()
	c.begin("comes back", func(ctx context.Context) {
		w.mu.Lock()
		w.lives = append(w.lives, twin)
		c.life = twin
		w.mu.Unlock()
		if !c.restore(ctx, r, twin, false) {
			w.mu.Lock()
			defer w.mu.Unlock()
			twin.end(w.now())
			c.life = nil
		}
	})
	w.clients = append(w.clients, c)
}

// clone returns a copy of a life as another tab has it.
func (l *life) clone(c *client) *life {
	twin := *l
	twin.client, twin.name, twin.ended = c, l.name+" of "+c.name, forever
	copies := func(of map[string]*membership) map[string]*membership {
		to := make(map[string]*membership, len(of))
		for name, m := range of {
			to[name] = &membership{slices.Clone(m.sure), slices.Clone(m.perhaps)}
		}
		return to
	}
	twin.rooms, twin.homes = copies(l.rooms), copies(l.homes)
	twin.lobby = membership{slices.Clone(l.lobby.sure), slices.Clone(l.lobby.perhaps)}
	twin.attached = membership{slices.Clone(l.attached.sure), slices.Clone(l.attached.perhaps)}
	twin.seen, twin.has = slices.Clone(l.seen), maps.Clone(l.has)
	return &twin
}

// packets notes what a socket was given on its way back.
func (s *socket) packets(missed []*parser.Packet) error {
	s.space.mu.Lock()
	defer s.space.mu.Unlock()
	for _, p := range missed {
		r, ok := s.space.readLocked(p)
		if !ok {
			continue
		}
		if !r.hasOffset {
			s.space.run.node.w.faultf("%s was sent %s on its way back, without an offset", s.ID(), p.Data)
		}
		s.queue = append(s.queue, r)
	}
	return nil
}
