package simulationtest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parleyio/parley/cluster"
)

// roomNames are the rooms that clients join.
var roomNames = []string{"red", "green", "blue"}

// act lets a client, a server or a fault do something.
func (w *world) act() {
	switch n := w.rng.IntN(100); {
	case n < 40:
		w.broadcast()
	case n < 80:
		w.clientActs()
	case n < 90:
		w.ask()
	case n < 93:
		w.moveSockets()
	case n < 94:
		w.next("dead connections are noticed", w.noticeStale)
	case len(w.shape.faults) > 0:
		f := choose(w.rng, w.shape.faults)
		w.next("", func() { f.do(w) })
	}
}

// someRooms returns one or two rooms, sometimes the ids of clients among them.
func (w *world) someRooms() []string {
	rooms := []string{choose(w.rng, roomNames)}
	if chance(w.rng, 0.3) {
		rooms = append(rooms, choose(w.rng, roomNames))
	}
	if chance(w.rng, 0.2) {
		rooms[0] = w.someID()
	}
	slices.Sort(rooms)
	return slices.Compact(rooms)
}

// someID returns the id of a client's socket, or a room if there is none.
func (w *world) someID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := choose(w.rng, w.clients); c.life != nil {
		return c.life.id
	}
	return roomNames[0]
}

// someTarget returns a target of any kind.
func (w *world) someTarget() cluster.Target {
	var t cluster.Target
	if chance(w.rng, 0.3) {
		t.Everyone = true
	} else {
		t.Rooms = w.someRooms()
	}
	if chance(w.rng, 0.25) {
		t.Except = w.someRooms()
	}
	t.Volatile = chance(w.rng, 0.15)
	t.Local = chance(w.rng, 0.1)
	return t
}

// someSpace returns a namespace of a node that runs.
func (w *world) someSpace() *space {
	up := w.up()
	namespace := choose(w.rng, w.shape.namespaces)
	if len(up) == 0 {
		return nil
	}
	return choose(w.rng, up).run.spaces[namespace]
}

// note adds a broadcast to the ledger.
func (w *world) note(s *space, t cluster.Target, question bool) *broadcast {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := &broadcast{
		label: len(w.broadcasts), namespace: s.name, node: s.run.id, target: t, step: w.now() + 1, question: question,
	}
	w.broadcasts = append(w.broadcasts, b)
	return b
}

// broadcast lets a node send one or some packets.
func (w *world) broadcast() {
	s := w.someSpace()
	if s == nil {
		return
	}
	for range 1 + w.rng.IntN(3) {
		b := w.note(s, w.someTarget(), false)
		w.next("broadcast "+b.String(), func() {
			err := s.adapter.Broadcast(b.packet(), &b.target)
			w.mu.Lock()
			b.accepted = err == nil
			w.mu.Unlock()
			switch {
			case err == cluster.ErrQueueFull:
				w.trace.addf("refused: %v", err)
			case err != nil:
				w.faultf("broadcast %s: %v", b, err)
			}
		})
	}
}

// clientActs lets a client do something.
func (w *world) clientActs() {
	c := choose(w.rng, w.clients)
	w.mu.Lock()
	busy, s, l, dead := c.busy, c.socket, c.life, c.dead
	w.mu.Unlock()
	up := w.open(c.namespace)
	switch {
	case busy, len(up) == 0:
	case s == nil && l == nil:
		r := choose(w.rng, up).run
		w.next(c.name+" connects to "+r.id, func() {
			c.begin("connects", func(ctx context.Context) { c.connect(ctx, r) })
		})
	case s == nil, dead && chance(w.rng, 0.5):
		r := choose(w.rng, up).run
		giveUp := s == nil && chance(w.rng, 0.1)
		again := w.shape.log != logNone && len(w.clients) < w.shape.clients+2 && chance(w.rng, 0.15)
		w.next(fmt.Sprintf("%s comes back to %s behind #%d%s", c.name, r.id, l.latest().label, l.latest()), func() {
			c.begin("comes back", func(ctx context.Context) { c.comeBack(ctx, r, l, giveUp) })
		})
		if again {
			r := choose(w.rng, up).run
			w.next(fmt.Sprintf("%s comes back to %s too", c.name, r.id), func() { w.secondTab(r, l) })
		}
	case dead:
		w.next(c.name+"'s dead connection is noticed", func() { c.lose(s) })
	default:
		w.connectedActs(c, s)
	}
}

// open returns the nodes that clients may connect to.
func (w *world) open(namespace string) []*node {
	return slices.DeleteFunc(w.up(), func(n *node) bool {
		return n.run.log != nil && !w.shape.eager && !n.run.log.followed(namespace)
	})
}

// connectedActs lets a client that has a connection do something.
func (w *world) connectedActs(c *client, s *socket) {
	rooms := []string{choose(w.rng, roomNames)}
	if chance(w.rng, 0.3) {
		rooms = append(rooms, choose(w.rng, roomNames))
		slices.Sort(rooms)
		rooms = slices.Compact(rooms)
	}
	switch n := w.rng.IntN(100); {
	case n < 50:
		w.next(fmt.Sprintf("%s joins %v", c.name, rooms), func() {
			c.begin("joins", func(ctx context.Context) { c.join(ctx, s, rooms) })
		})
	case n < 65:
		w.next(fmt.Sprintf("%s leaves %v", c.name, rooms), func() { c.leave(s, rooms) })
	case n < 80:
		w.next(c.name+" loses its connection", func() { c.lose(s) })
	case n < 95:
		w.next(c.name+"'s connection dies", func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			if c.socket == s {
				c.dead = true
			}
			s.life.attached.left(w.now())
		})
	default:
		w.next(c.name+" quits", func() { c.quit(s) })
	}
}

// moveSockets lets a node move or disconnect sockets of all nodes.
func (w *world) moveSockets() {
	s := w.someSpace()
	if s == nil {
		return
	}
	t := cluster.Target{Rooms: w.someRooms()}
	room := choose(w.rng, roomNames)
	switch w.rng.IntN(5) {
	case 0, 1:
		w.next(fmt.Sprintf("%s: sockets of %s join %s", s.run.id, targetText(&t), room), func() { _ = s.adapter.SocketsJoin(&t, room) })
	case 2, 3:
		w.next(fmt.Sprintf("%s: sockets of %s leave %s", s.run.id, targetText(&t), room), func() { _ = s.adapter.SocketsLeave(&t, room) })
	default:
		w.next(fmt.Sprintf("%s: disconnect %s", s.run.id, targetText(&t)), func() { _ = s.adapter.DisconnectSockets(&t, false) })
	}
}

// pass lets time go by and things happen.
func (w *world) pass() {
	for range w.rng.IntN(int(2*w.shape.haste) + 1) {
		if !w.move() {
			break
		}
	}
	switch n := w.rng.IntN(100); {
	case n < 60:
		w.sleep(time.Duration(w.rng.IntN(50)+1) * time.Millisecond)
	case n < 90:
		w.sleep(time.Duration(w.rng.IntN(1000)+1) * time.Millisecond)
	case n < 98:
		w.sleep(time.Duration(w.rng.IntN(10_000)+1) * time.Millisecond)
	}
}
