package cluster

import (
	"sync/atomic"

	"github.com/parleyio/parley/parser"
)

// InMemory is the adapter of a server that stands alone. Its Broadcast delivers before it returns.
func InMemory() Factory {
	return func(_ string, local Local) (Adapter, error) {
		return &memory{local: local, rooms: newIndex()}, nil
	}
}

// memory is the in-memory adapter: the room index and the one node it delivers to.
type memory struct {
	// Immutable after construction.
	local Local
	rooms *index

	closed atomic.Bool
}

func (a *memory) Add(m Member) { a.rooms.add(m) }

func (a *memory) Remove(id string) { a.rooms.remove(id) }

func (a *memory) Join(id string, rooms ...string) error {
	if a.closed.Load() {
		return ErrClosed
	}
	return a.rooms.join(id, rooms)
}

func (a *memory) Leave(id string, rooms ...string) { a.rooms.leave(id, rooms) }

func (a *memory) Rooms(id string) []string { return a.rooms.roomsOf(id) }

func (a *memory) InRoom(id, room string) bool { return a.rooms.inRoom(id, room) }

func (a *memory) Members(t *Target) []Member {
	if t == nil {
		t = new(Target)
	}
	s := a.rooms.snapshot(t)
	defer a.rooms.release(s)
	return append([]Member(nil), s.members...)
}

func (a *memory) Broadcast(p *parser.Packet, t *Target) error {
	if a.closed.Load() {
		return ErrClosed
	}
	if t == nil {
		t = new(Target)
	}
	s := a.rooms.snapshot(t)
	defer a.rooms.release(s)
	if len(s.members) == 0 {
		return nil
	}
	return a.local.Deliver(p, s.members, t)
}

func (a *memory) Close() error {
	a.closed.Store(true)
	return nil
}
