package cluster

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
)

// index knows the members of a namespace and their rooms.
//
// Names (of rooms, and ids of members, which are rooms too) are spread over shards, each with its lock, so that
// broadcasts and joins of different rooms rarely meet. Locks are taken in this order and never two of one kind:
// everyone.mu or shard.mu, then resident.mu, roomEvents.mu or interests.mu.
type index struct {
	seed   maphash.Seed // immutable after construction
	shards [shardCount]shard

	// everyone is the room of all members.
	everyone struct {
		mu sync.RWMutex
		room
	}

	snapshots sync.Pool // of *snapshot
	events    roomEvents

	// holds is told of the first and the last member of each room, and of each member; nil unless the bus subscribes to
	// rooms. Immutable after construction, as is the namespace.
	holds     *interests
	namespace string
}

// shardCount is a power of two. An empty shard has 40 bytes, so that a namespace without members stays small.
const shardCount = 32

type shard struct {
	// mu guards the fields below, the rooms behind them, and the places in those rooms.
	mu        sync.RWMutex
	residents map[string]*resident // by id; made when needed
	rooms     map[string]*room     // by name; made when needed; none is empty
}

// resident is a member with the record of its rooms.
type resident struct {
	// Immutable after construction.
	member Member
	id     string

	// lobby is the membership in the room of everyone; that room's lock guards it.
	lobby membership

	// mu guards the fields below. It is a leaf: nothing is locked while it is held.
	mu    sync.Mutex
	gone  bool                   // removed from the namespace: it joins nothing more
	rooms map[string]*membership // by room name; made when needed
}

// membership is one member's place in one room.
type membership struct {
	resident *resident // immutable after construction
	at       int       // index in the room's slices; guarded by the room's lock
}

// room is a set of members that can be copied in one piece, and left in constant time: the last member takes the
// place of the one that leaves.
type room struct {
	name string

	// members[i] is the member of places[i], kept beside it so that a broadcast copies members without a look at any
	// of them.
	members []Member
	places  []*membership
}

func newIndex() *index {
	x := &index{seed: maphash.MakeSeed()}
	x.snapshots.New = func() any { return new(snapshot) }
	return x
}

func (x *index) shard(name string) *shard {
	return &x.shards[maphash.String(x.seed, name)%shardCount]
}

// add lets a member in, and returns the one that it replaces, or nil. It enters the room of everyone before it can be found
// by its id: a caller that finds and removes it finds it complete.
func (x *index) add(m Member) (replaced Member) {
	r := &resident{member: m, id: m.ID()}
	if x.holds != nil {
		x.holds.hold(place{x.namespace, r.id}, true)
	}
	r.lobby.resident = r
	x.everyone.mu.Lock()
	x.everyone.add(&r.lobby)
	x.everyone.mu.Unlock()

	s := x.shard(r.id)
	s.mu.Lock()
	if s.residents == nil {
		s.residents = make(map[string]*resident)
	}
	before := s.residents[r.id]
	s.residents[r.id] = r
	s.mu.Unlock()
	if before == nil {
		return nil
	}
	x.evict(before)
	return before.member
}

// remove takes a member out, and returns it with its last rooms, or nil: the one with this id, or only this very one if it
// is not nil. Only the caller that takes it out of residents goes on to evict it.
func (x *index) remove(id string, only Member) (Member, []string) {
	s := x.shard(id)
	s.mu.Lock()
	r := s.residents[id]
	if r == nil || only != nil && r.member != only {
		s.mu.Unlock()
		return nil, nil
	}
	delete(s.residents, id)
	s.mu.Unlock()
	return r.member, x.evict(r)
}

// evict takes a member that can no longer be found out of all its rooms. A join that has found the member before
// either has completed when gone is set, and its room is in the list, or sees gone and gives up.
func (x *index) evict(r *resident) (rooms []string) {
	r.mu.Lock()
	r.gone = true
	names := r.roomsLocked()
	r.mu.Unlock()
	for _, name := range names {
		x.leaveRoom(r, name)
	}
	x.everyone.mu.Lock()
	x.everyone.remove(&r.lobby)
	x.everyone.mu.Unlock()
	if x.holds != nil {
		x.holds.release(place{x.namespace, r.id})
	}
	return names
}

// join puts a member into rooms.
func (x *index) join(id string, rooms []string) error {
	r := x.find(id)
	if r == nil {
		return ErrUnknownMember
	}
	for _, name := range rooms {
		if name == id {
			continue
		}
		if !x.joinRoom(r, name) {
			return ErrUnknownMember
		}
	}
	return nil
}

// joinRoom reports false if the member has been removed from the namespace.
func (x *index) joinRoom(r *resident, name string) bool {
	s := x.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return false
	}
	if _, ok := r.rooms[name]; ok {
		return true
	}
	at, ok := s.rooms[name]
	if !ok {
		if s.rooms == nil {
			s.rooms = make(map[string]*room)
		}
		// The name may be a piece of a larger text, which the room must not keep alive.
		at = &room{name: strings.Clone(name)}
		s.rooms[at.name] = at
		if x.holds != nil {
			x.holds.hold(place{x.namespace, at.name}, false)
		}
	}
	if r.rooms == nil {
		r.rooms = make(map[string]*membership)
	}
	m := &membership{resident: r}
	at.add(m)
	r.rooms[at.name] = m
	if x.events.observed() {
		if !ok {
			x.events.push(RoomEvent{Kind: RoomCreated, Room: at.name})
		}
		x.events.push(RoomEvent{Kind: RoomJoined, Room: at.name, ID: r.id})
	}
	return true
}

// leave takes a member out of rooms.
func (x *index) leave(id string, rooms []string) {
	r := x.find(id)
	if r == nil {
		return
	}
	for _, name := range rooms {
		x.leaveRoom(r, name)
	}
}

func (x *index) leaveRoom(r *resident, name string) {
	s := x.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.rooms[name]
	if !ok {
		return
	}
	delete(r.rooms, name)
	at := s.rooms[name]
	at.remove(m)
	empty := len(at.members) == 0
	if empty {
		delete(s.rooms, name)
		if x.holds != nil {
			x.holds.release(place{x.namespace, at.name})
		}
	}
	if x.events.observed() {
		x.events.push(RoomEvent{Kind: RoomLeft, Room: at.name, ID: r.id})
		if empty {
			x.events.push(RoomEvent{Kind: RoomDeleted, Room: at.name})
		}
	}
}

// roomsOf returns the sorted names of the rooms that a member has joined.
func (x *index) roomsOf(id string) []string {
	r := x.find(id)
	if r == nil {
		return nil
	}
	r.mu.Lock()
	names := r.roomsLocked()
	r.mu.Unlock()
	slices.Sort(names)
	return names
}

// inRoom reports whether a member is in a room.
func (x *index) inRoom(id, name string) bool {
	r := x.find(id)
	return r != nil && r.in(name)
}

// find returns the member with this id, or nil.
func (x *index) find(id string) *resident {
	s := x.shard(id)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.residents[id]
}

// in reports whether the member is in a room. Its own id is one.
func (r *resident) in(name string) bool {
	if name == r.id {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.rooms[name]
	return ok
}

func (r *resident) roomsLocked() []string {
	if len(r.rooms) == 0 {
		return nil
	}
	names := make([]string, 0, len(r.rooms))
	for name := range r.rooms {
		names = append(names, name)
	}
	return names
}

// add seats a member at the end.
func (o *room) add(m *membership) {
	m.at = len(o.places)
	o.members = append(o.members, m.resident.member)
	o.places = append(o.places, m)
}

// remove lets the last member take the place of the one that leaves.
func (o *room) remove(m *membership) {
	last := len(o.places) - 1
	moved := o.places[last]
	o.places[m.at], o.members[m.at] = moved, o.members[last]
	moved.at = m.at
	o.places[last], o.members[last] = nil, nil
	o.places, o.members = shrink(o.places[:last]), shrink(o.members[:last])
}

// shrink gives memory back when three quarters of it are unused: a room that was once full does not stay large.
func shrink[T any](s []T) []T {
	const smallest = 64
	if cap(s) <= smallest || len(s) > cap(s)/4 {
		return s
	}
	return append(make([]T, 0, cap(s)/2), s...)
}
