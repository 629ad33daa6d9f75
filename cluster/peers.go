package cluster

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// peers is what is known of the other nodes: which namespaces live on each, when it was heard last, and which of its
// messages have come. The zero value is ready.
type peers struct {
	version atomic.Uint64 // of this node's namespaces

	// mu guards the fields below.
	mu      sync.Mutex
	known   map[string]*peer
	windows map[string]*window
}

// peer is another node.
type peer struct {
	id    string
	heard time.Time

	// A node that says hello speaks for all its namespaces at once.
	whole      bool
	version    uint64
	namespaces map[string]struct{}

	// Others are known by the namespaces for which they have sent something, and when: Node.js has a member for each
	// namespace. Those that beat are missed when they fall silent.
	seen  map[string]time.Time
	beats bool
}

// remembered is how long a peer is named that does not beat, after it was heard.
const remembered = time.Minute

// changed counts a change of this node's namespaces.
func (p *peers) changed() { p.version.Add(1) }

// hear notes that a message has come. It reports whether the sender must be asked for its namespaces, and whether it was not
// known.
func (p *peers) hear(m *Message, now time.Time) (ask, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.known[m.Node]
	if n == nil {
		w := p.windows[m.Node]
		if m.Kind == KindBye {
			return false, false
		}
		if w != nil && w.left && m.Kind != KindHello {
			return false, false // its bye has overtaken this message
		}
		first = true
		if p.known == nil {
			p.known = map[string]*peer{}
		}
		n = &peer{id: m.Node, seen: map[string]time.Time{}}
		p.known[m.Node] = n
	}
	n.heard = now
	if m.Namespace != "" {
		n.seen[m.Namespace] = now
	}
	switch m.Kind {
	case KindHello:
		n.beats = true
		if m.Namespace != "" {
			break
		}
		if n.whole && m.Version < n.version {
			break // overtaken by a later one
		}
		n.whole, n.version = true, m.Version
		n.namespaces = make(map[string]struct{}, len(m.Namespaces))
		for _, name := range m.Namespaces {
			n.namespaces[name] = struct{}{}
		}
	case KindHeartbeat:
		n.beats = true
		return m.Namespace == "" && m.Version != n.version, first
	case KindBye:
		if m.Namespace == "" {
			delete(p.known, m.Node)
			if w := p.windows[m.Node]; w != nil {
				w.left = true
			}
			break
		}
		delete(n.seen, m.Namespace)
		delete(n.namespaces, m.Namespace)
	}
	return false, first
}

// in returns the nodes on which a namespace lives: those that are missed when they fall silent, and those that are only
// known to have been there lately.
func (p *peers) in(namespace string) (beating, lately []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, n := range p.known {
		switch {
		case n.lives(namespace):
			beating = append(beating, id)
		case !n.whole && !n.beats && !n.seen[namespace].IsZero():
			lately = append(lately, id)
		}
	}
	return beating, lately
}

// lives reports whether a namespace is on a node that is missed when it falls silent.
func (n *peer) lives(namespace string) bool {
	if n.whole {
		_, ok := n.namespaces[namespace]
		return ok
	}
	_, ok := n.seen[namespace]
	return ok && n.beats
}

// has reports whether a node is known.
func (p *peers) has(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[id] != nil
}

// expire forgets the nodes that have been silent for too long, and returns them.
func (p *peers) expire(now time.Time, timeout time.Duration) (gone []Peer) {
	const stale = 10 * time.Minute // a message is not under way for as long
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, n := range p.known {
		for name, at := range n.seen {
			if limit := max(timeout, remembered); now.Sub(at) > limit {
				delete(n.seen, name)
			}
		}
		switch silent := now.Sub(n.heard); {
		case n.beats && silent > timeout:
			gone = append(gone, n.describe())
			delete(p.known, id)
		case !n.beats && silent > remembered:
			delete(p.known, id)
		}
	}
	for id, w := range p.windows {
		if now.Sub(w.used) > stale {
			delete(p.windows, id)
		}
	}
	return gone
}

// list returns all peers, by id.
func (p *peers) list() []Peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []Peer
	for _, n := range p.known {
		list = append(list, n.describe())
	}
	slices.SortFunc(list, func(a, b Peer) int { return cmp.Compare(a.Node, b.Node) })
	return list
}

func (n *peer) describe() Peer {
	one := Peer{Node: n.id, Heard: n.heard}
	for name := range n.namespaces {
		one.Namespaces = append(one.Namespaces, name)
	}
	if !n.whole {
		for name := range n.seen {
			one.Namespaces = append(one.Namespaces, name)
		}
	}
	slices.Sort(one.Namespaces)
	return one
}
