package socketio

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/parleyio/parley/event"
)

// What a client is told of a namespace that it cannot join.
var (
	errInvalidNamespace  = &event.Error{Message: "Invalid namespace"}
	errTooManyNamespaces = &event.Error{Message: "too many namespaces"}
)

// Of returns the namespace of this name and makes it when there is none; the slash in front may be left out. It is made
// as a child of the first parent of OfPattern whose pattern fits its name. Clients can join the namespaces that exist. It
// panics when the adapter cannot be made, which is an error of the program's set-up.
func (s *Server) Of(name string) *Namespace {
	n, err := s.of(name)
	if err != nil {
		panic(err)
	}
	return n
}

func (s *Server) of(name string) (*Namespace, error) {
	name = rooted(name)
	n, made, err := s.makeNamespace(name, s.patternParent(name), false)
	if made {
		s.announce(n)
	}
	return n, err
}

// rooted puts the slash in front of a namespace's name.
func rooted(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return "/" + name
}

// OnNamespace adds a function that is told of each namespace that is made after it, by Of or as a child of a parent, with
// nothing registered on it yet and before a client can join it.
//
// For a child it runs on the goroutine of the first socket, whose client waits. It returns the function that removes it.
func (s *Server) OnNamespace(f func(*Namespace)) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnNamespace")
	}
	return s.onNamespace.add(f)
}

// Namespaces returns the namespaces of this node by name, children included.
func (s *Server) Namespaces() []*Namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return byName(maps.Values(s.namespaces))
}

func byName(namespaces func(yield func(*Namespace) bool)) []*Namespace {
	return slices.SortedFunc(namespaces, func(a, b *Namespace) int { return cmp.Compare(a.name, b.name) })
}

// RemoveNamespace takes a namespace out of this node: its sockets are disconnected, those that are still joining are
// refused, and its adapter is closed, so that its broadcasts return ErrClosed from then on, in OnDisconnect too. It does
// not wait for the sockets' handlers. Clients may come back only when there is a namespace of this name again, a child of
// a parent for instance. It reports whether there was one to remove; "/" always stays.
func (s *Server) RemoveNamespace(name string) bool {
	s.making.Lock()
	defer s.making.Unlock()
	s.mu.Lock()
	n := s.namespaces[rooted(name)]
	if n == nil || n == s.Namespace {
		s.mu.Unlock()
		return false
	}
	n.removed.Store(true)
	s.deleteLocked(n)
	connections := slices.Collect(maps.Keys(s.connections))
	s.mu.Unlock()
	for _, c := range connections {
		c.leave(n)
	}
	n.closeAdapter()
	return true
}

// leave disconnects the connection's sockets in a namespace.
func (c *connection) leave(n *Namespace) {
	c.mu.Lock()
	sockets := slices.Clone(c.sockets)
	sockets = slices.DeleteFunc(sockets, func(s *Socket) bool { return s.nsp != n })
	c.mu.Unlock()
	for _, s := range sockets {
		s.Disconnect(false)
	}
}

// namespace returns the namespace of this name for a client that wants to join it: a stand-in if a parent may make it,
// and nil if there can be none.
func (s *Server) namespace(name string) *Namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := s.namespaces[name]
	if n == nil && len(s.parents) > 0 {
		n = &Namespace{name: name, server: s}
	}
	return n
}

// find returns the namespace of this name, or nil. That it is wanted, by the application or by a socket until it is
// released, is written down before it could be removed.
func (s *Server) find(name string, socket bool) *Namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := s.namespaces[name]
	switch {
	case n == nil:
	case socket:
		n.sockets.Add(1)
	default:
		n.wanted.Store(true)
	}
	return n
}

// makeNamespace returns the namespace of this name and makes it if there is none. Who made it announces it.
func (s *Server) makeNamespace(name string, parent *ParentNamespace, socket bool) (n *Namespace, made bool, err error) {
	if n := s.find(name, socket); n != nil {
		return n, false, nil
	}
	s.making.Lock() // not mu: making an adapter may take its time, and clients connect to the others meanwhile
	defer s.making.Unlock()
	if n := s.find(name, socket); n != nil {
		return n, false, nil
	}
	s.mu.RLock()
	full := s.children >= s.opts.MaxChildNamespaces
	s.mu.RUnlock()
	if full && socket {
		s.counters.tooManyNamespaces.Add(1)
		return nil, false, errTooManyNamespaces
	}
	if n, err = newNamespace(name, s, parent); err != nil {
		return nil, false, fmt.Errorf("socketio: adapter of namespace %q: %w", name, err)
	}
	if !s.publish(n, socket) {
		n.closeAdapter()
	}
	return n, true, nil
}

// publish lets clients find a namespace. It reports false when it is too late for that.
func (s *Server) publish(n *Namespace, socket bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.namespaces[n.name] = n
	if n.parent != nil {
		n.parent.children[n.name] = n
		s.children++
	}
	if socket {
		n.sockets.Add(1)
	} else {
		n.wanted.Store(true)
	}
	return !s.draining
}

func (s *Server) deleteLocked(n *Namespace) {
	delete(s.namespaces, n.name)
	if n.parent != nil {
		delete(n.parent.children, n.name)
		s.children--
	}
}

// announce tells the application of a new namespace and lets sockets in then.
func (s *Server) announce(n *Namespace) {
	defer close(n.ready)
	for _, f := range s.onNamespace.all() {
		(*f)(n)
	}
}

// enter finds the namespace that the client asked for, which a parent may have to make. From then on the namespace
// counts the socket, until ended.
func (s *Socket) enter() error {
	server := s.conn.server
	n, made := server.find(s.nsp.name, true), false
	if n == nil {
		var err error
		if n, made, err = s.adopt(); err != nil {
			return err
		}
	}
	s.conn.mu.Lock()
	s.nsp, s.entered = n, true
	removed := n.removed.Load() // if not, RemoveNamespace will find the socket here
	s.conn.mu.Unlock()
	if made {
		_ = s.protect("namespace", func() error { server.announce(n); return nil }) // logged by protect
	}
	if removed {
		return errInvalidNamespace
	}
	select {
	case <-n.ready:
		return nil
	default:
	}
	select {
	case <-n.ready:
		return nil
	case <-s.ctx.Done():
		return ErrClosed
	}
}

// ended is the last that a socket does: its namespace and its server may go now.
func (s *Socket) ended() {
	server := s.conn.server
	defer server.running.Done()
	s.unwatch()
	if s.entered {
		server.release(s.nsp, s.accepted)
	}
}

// release counts a socket less. A child that this leaves empty goes, if it is meant to or if it has only had clients that
// were refused: these shall not be able to fill the server.
func (s *Server) release(n *Namespace, accepted bool) {
	if accepted {
		n.wanted.Store(true)
	}
	if n.sockets.Add(-1) > 0 || n.parent == nil || (n.wanted.Load() && !s.opts.CleanupEmptyChildNamespaces) {
		return
	}
	s.making.Lock() // until the adapter is closed: the next one of this name comes after it
	defer s.making.Unlock()
	s.mu.Lock()
	empty := n.sockets.Load() == 0 && s.namespaces[n.name] == n && (!n.wanted.Load() || s.opts.CleanupEmptyChildNamespaces)
	if empty {
		s.deleteLocked(n)
	}
	s.mu.Unlock()
	if empty {
		n.closeAdapter()
	}
}

// closeAdapter closes the adapter of a namespace that is gone.
func (n *Namespace) closeAdapter() {
	if err := n.adapter.Close(); err != nil {
		n.server.opts.Logger.Warn("closing an adapter", slog.String("nsp", n.name), slog.Any("err", err))
	}
}
