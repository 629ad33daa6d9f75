package simulationtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/parleyio/parley/cluster"
)

// client is a browser: it connects, loses its connection, and comes back on any node with what it remembers.
type client struct {
	w         *world
	name      string
	namespace string

	// Guarded by world.mu.
	lives  int
	life   *life   // nil before the first and after one that ended
	socket *socket // its connection, nil without
	dead   bool    // the connection is dead and the server does not know
	busy   bool    // it waits for the server
}

// begin starts what waits for the server. The client does nothing else meanwhile.
func (c *client) begin(what string, f func(ctx context.Context)) {
	c.w.mu.Lock()
	c.busy = true
	c.w.mu.Unlock()
	c.w.begin(c.name+" "+what, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		f(ctx)
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		c.busy = false
	})
}

// connect begins a new life on a run.
func (c *client) connect(ctx context.Context, r *run) {
	w := c.w
	w.mu.Lock()
	if c.life != nil {
		c.life.end(w.now())
	}
	if c.socket != nil { // its dead connection: the server will notice
		w.stale = append(w.stale, c.socket)
	}
	c.lives++
	l := newLife(c, c.namespace, c.lives, w.now())
	w.lives = append(w.lives, l)
	c.life = l
	w.mu.Unlock()
	s := r.spaces[c.namespace].newSocket(l)
	begin := time.Now()
	release := s.space.adapter.Expect(ctx, s)
	if s.isOut() { // superseded before it was there
		release()
		w.mu.Lock()
		defer w.mu.Unlock()
		l.end(w.now())
		c.life, c.socket = nil, nil
		return
	}
	w.enter(s)
	s.space.adapter.Add(s)
	release()
	w.notef("%s has entered %s", l.name, r.id)
	w.entered(c, s)
	if time.Since(begin) >= w.shape.config.JoinTimeout {
		w.change(s, func(l *life, _ int) { l.degraded = true })
	}
}

// newSocket makes a socket of a life.
func (s *space) newSocket(l *life) *socket {
	m := &socket{space: s, life: l}
	m.progress.PID = l.pid
	return m
}

// isOut reports whether a socket was taken out of its namespace.
func (s *socket) isOut() bool {
	s.space.mu.Lock()
	defer s.space.mu.Unlock()
	return s.out
}

// enter notes that a socket is about to be added to its namespace.
func (w *world) enter(s *socket) {
	w.mu.Lock()
	s.life.socket = s
	w.mu.Unlock()
	w.change(s, func(l *life, step int) {
		l.lobby.joining(step)
		l.room(l.id).joining(step)
		l.home(s.space.run.id).joining(step)
	})
	s.space.mu.Lock()
	defer s.space.mu.Unlock()
	s.space.sockets[s.ID()] = s
}

// entered notes that a socket was added to its namespace. Its client has the connection from now on.
func (w *world) entered(c *client, s *socket) {
	w.change(s, func(l *life, step int) {
		l.lobby.joined(step)
		l.room(l.id).joined(step)
		l.home(s.space.run.id).joined(step)
		l.attached.joined(step)
		for run, m := range l.homes {
			if run != s.space.run.id {
				m.left(step)
			}
		}
	})
	w.mu.Lock()
	c.socket, c.dead = s, false
	ended := s.space.run.dead || s.space.run.stopped
	w.mu.Unlock()
	if ended {
		s.space.suspend(s, "shut down")
	}
}

// join joins rooms.
func (c *client) join(ctx context.Context, s *socket, rooms []string) {
	w := c.w
	w.change(s, func(l *life, step int) {
		for _, room := range rooms {
			l.room(room).joining(step)
		}
	})
	err := s.space.adapter.Join(s.ID(), rooms...)
	if err != nil {
		if !errors.Is(err, cluster.ErrUnknownMember) && !errors.Is(err, cluster.ErrClosed) {
			w.faultf("%s joins %v: %v", s.ID(), rooms, err)
		}
		return
	}
	begin := time.Now()
	s.space.adapter.Subscribed(ctx, rooms...)
	if time.Since(begin) >= w.shape.config.JoinTimeout {
		return // the subscription may come later
	}
	w.change(s, func(l *life, step int) {
		for _, room := range rooms {
			l.room(room).confirmed(step)
		}
	})
}

// leave leaves rooms.
func (c *client) leave(s *socket, rooms []string) { s.space.Leave([]cluster.Member{s}, rooms...) }

// quit leaves the namespace for good.
func (c *client) quit(s *socket) {
	s.space.remove(s, "quit")
	c.gone(s, true)
}

// lose ends the connection, which the server notices.
func (c *client) lose(s *socket) {
	s.space.suspend(s, "lost")
	c.gone(s, false)
}

// gone notes that the client has no connection any more.
func (c *client) gone(s *socket, ended bool) {
	w := c.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.socket == s {
		c.socket, c.dead = nil, false
	}
	s.life.attached.left(w.now())
	s.life.home(s.space.run.id).left(w.now())
	if ended || w.shape.log == logNone {
		s.life.end(w.now())
	}
	if s.life.ended != forever && c.life == s.life {
		c.life = nil
	}
}

// notice lets the client see that its connection was closed, and the server that a connection is dead.
func (c *client) notice() {
	w := c.w
	w.mu.Lock()
	s, dead := c.socket, c.dead
	w.mu.Unlock()
	switch {
	case s == nil:
	case s.reason() != "":
		c.gone(s, false)
	case dead:
		c.lose(s)
	}
}

// noticeStale lets the servers see the dead connections of clients that have connected anew.
func (w *world) noticeStale() {
	w.mu.Lock()
	stale := w.stale
	w.stale = nil
	w.mu.Unlock()
	for _, s := range stale {
		s.space.suspend(s, "noticed")
	}
}

// reason returns why the connection was closed by the server; it is empty while it stands.
func (s *socket) reason() string {
	s.space.mu.Lock()
	defer s.space.mu.Unlock()
	return s.closed
}

// read lets all clients read what lies in their queues, and see which connections were closed.
func (w *world) read() {
	for _, c := range w.clients {
		w.mu.Lock()
		s, dead, busy := c.socket, c.dead, c.busy
		w.mu.Unlock()
		if s == nil || dead {
			continue
		}
		s.space.mu.Lock()
		queue, closed := s.queue, s.closed
		s.queue = nil
		s.space.mu.Unlock()
		w.mu.Lock()
		for _, r := range queue {
			r.step = w.now()
			s.life.see(r)
			w.trace.addf("%s sees #%d %s", s.life.name, r.label, r)
		}
		w.mu.Unlock()
		if closed != "" && !busy {
			w.trace.addf("%s: %s", s.life.name, closed)
			c.gone(s, closed == "disconnected" || closed == "superseded")
		}
	}
}

// reads reports whether a socket's client reads what comes, and answers.
func (s *socket) reads() bool {
	w := s.space.run.node.w
	w.mu.Lock()
	defer w.mu.Unlock()
	c := s.life.client
	return c.socket == s && !c.dead
}

// sockets returns the sockets of a run, by id.
func (r *run) sockets() []*socket {
	var all []*socket
	for _, s := range r.spaces {
		s.mu.Lock()
		for _, m := range s.sockets {
			all = append(all, m)
		}
		s.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b *socket) int { return strings.Compare(a.ID(), b.ID()) })
	return all
}

// latest returns the last packet with an offset that the client has seen, or the zero value.
func (l *life) latest() receipt {
	for _, r := range slices.Backward(l.seen) {
		if r.hasOffset {
			return r
		}
	}
	return receipt{}
}
