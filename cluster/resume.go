package cluster

import (
	"slices"

	"github.com/parleyio/parley/parser"
)

// Resume implements Recoverer.
//
// Many clients come back at once, and each looks through all packets. They do so before they take the lock that all
// broadcasts wait for; under it they look only at what has been sent meanwhile.
func (a *recoverable) Resume(m Member, s *Leftover, deliver func(missed []*parser.Packet)) error {
	const rounds = 4 // the last one ends it even if packets come faster than they are looked at
	search := newSearch(s)
	for range rounds {
		packets, err := a.copyBehind(search.at, s)
		if err != nil {
			return err
		}
		if packets == nil {
			break
		}
		search.look(packets)
	}

	a.mu.Lock()
	defer a.mu.Unlock()
	packets, err := a.behindLocked(search.at, s)
	if err != nil {
		return err
	}
	search.look(packets)
	deliver(search.missed)
	if f, ok := m.(Follower); ok && search.last > 0 {
		f.Received(search.last)
	}
	a.memory.Add(m)
	return a.memory.Join(s.ID, s.Rooms...)
}

// copyBehind returns the packets behind a position, or nil if they are so few that they need not be copied.
func (a *recoverable) copyBehind(at Ordinal, s *Leftover) ([]*logged, error) {
	const few = 32
	a.mu.Lock()
	defer a.mu.Unlock()
	packets, err := a.behindLocked(at, s)
	if err != nil || len(packets) <= few {
		return nil, err
	}
	return slices.Clone(packets), nil
}

// behindLocked returns the packets behind a position, for a session that ends if they are gone.
func (a *recoverable) behindLocked(at Ordinal, s *Leftover) ([]*logged, error) {
	if a.closed.Load() {
		return nil, ErrClosed
	}
	packets, ok := a.packets.behind(at)
	if !ok {
		return nil, a.lostLocked(s, ErrUnknownOffset)
	}
	return packets, nil
}

// search finds the packets that a session has missed.
type search struct {
	rooms  map[string]struct{} // of the session, its own id among them
	at     Ordinal             // how far it has looked
	missed []*parser.Packet
	last   Ordinal // of the last packet that the client has or will have; or any before, from which it has all
}

func newSearch(s *Leftover) *search {
	x := &search{rooms: make(map[string]struct{}, len(s.Rooms)+1), at: s.From, last: min(s.Received, s.From)}
	for _, room := range s.Rooms {
		x.rooms[room] = struct{}{}
	}
	x.rooms[s.ID] = struct{}{}
	return x
}

// look goes on with the packets behind x.at.
func (x *search) look(packets []*logged) {
	for _, l := range packets {
		x.at++
		if x.selectedBy(l.target) {
			x.missed = append(x.missed, &l.packet)
			x.last = x.at
		}
	}
}

// selectedBy reports whether a target selects a member of these rooms.
func (x *search) selectedBy(t *Target) bool {
	return (t.Everyone || slices.ContainsFunc(t.Rooms, x.in)) && !slices.ContainsFunc(t.Except, x.in)
}

func (x *search) in(room string) bool {
	_, ok := x.rooms[room]
	return ok
}
