package socketio

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
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

// OfFunc adds a parent of the namespaces for which match returns true. It is asked when a client wants to join a
// namespace that does not exist, with the name, its leading slash included, and the client's auth payload, which may be
// nil. Parents are asked in the order in which they were added, the others no more once one has taken the name.
//
// An error refuses the client as that of a middleware does. The function may block: it runs where the socket's
// middlewares will run, and its context is cancelled when the client goes. Each name that it takes may cost memory until
// the server ends: see Options.MaxChildNamespaces and Options.CleanupEmptyChildNamespaces.
func (s *Server) OfFunc(match func(ctx context.Context, name string, auth json.RawMessage) (bool, error)) *ParentNamespace {
	if match == nil {
		panic("socketio: nil function for OfFunc")
	}
	return s.addParent(&ParentNamespace{match: match})
}

// OfPattern adds a parent of the namespaces whose names, with the leading slash, match a pattern: all of the name when
// the pattern begins with ^ and ends with $. It is like OfFunc otherwise.
func (s *Server) OfPattern(pattern *regexp.Regexp) *ParentNamespace {
	if pattern == nil {
		panic("socketio: nil pattern for OfPattern")
	}
	return s.addParent(&ParentNamespace{pattern: pattern, match: func(_ context.Context, name string, _ json.RawMessage) (bool, error) {
		return pattern.MatchString(name), nil
	}})
}

func (s *Server) addParent(p *ParentNamespace) *ParentNamespace {
	p.server, p.children = s, map[string]*Namespace{}
	p.onDrain.total = &s.drainListeners
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parents = appended(s.parents, p)
	return p
}

// OnNamespace adds a function that is called with each namespace that is made after it, by Of or as a child of a parent, with
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
	n.adapter.Close()
	return true
}

// rooted puts the slash in front of a namespace's name.
func rooted(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return "/" + name
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

func (s *Server) parentList() []*ParentNamespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.parents
}

// patternParent returns the first parent whose pattern a name matches, or nil.
func (s *Server) patternParent(name string) *ParentNamespace {
	for _, p := range s.parentList() {
		if p.pattern != nil && p.pattern.MatchString(name) {
			return p
		}
	}
	return nil
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
		n.adapter.Close()
	}
	return n, true, nil
}

func newNamespace(name string, server *Server, parent *ParentNamespace) (*Namespace, error) {
	n := &Namespace{name: name, server: server, parent: parent, ready: make(chan struct{})}
	if parent != nil {
		n.registries = append(n.registries, &parent.registry)
	}
	n.registries = append(n.registries, &n.registry)
	n.onDrain.total = &server.drainListeners
	var err error
	n.adapter, err = server.cluster.Namespace(name, deliverer{n})
	return n, err
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

// announce calls the functions of OnNamespace and then lets sockets in.
func (s *Server) announce(n *Namespace) {
	defer close(n.ready)
	for _, f := range s.onNamespace.all() {
		(*f)(n)
	}
}

func (s *Server) deleteLocked(n *Namespace) {
	delete(s.namespaces, n.name)
	if n.parent != nil {
		delete(n.parent.children, n.name)
		s.children--
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
		n.adapter.Close()
	}
}
