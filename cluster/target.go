package cluster

// snapshot is the members that a target selects at one moment, in memory that is used again.
type snapshot struct {
	members []Member

	// What the general case needs on its way to members.
	places []*membership
	seen   map[*resident]struct{}
}

// snapshot finds the members that a target selects. Members are copied under the locks of their rooms and nothing
// else is done there. The result goes back with release.
func (x *index) snapshot(t *Target) *snapshot {
	s := x.snapshots.Get().(*snapshot)
	switch {
	case !t.Everyone && len(t.Rooms) == 0:
	case !t.Everyone && len(t.Rooms) > 1, len(t.Except) > 1:
		x.selectAny(s, t)
	case len(t.Except) == 0:
		x.selectRoom(s, t, nil)
	default:
		// Nearly always this is the sender, left out of its own broadcast. It is found by its place in the room.
		if sender, alone := x.findAlone(t.Except[0]); alone {
			x.selectRoom(s, t, sender)
		} else {
			x.selectAny(s, t)
		}
	}
	return s
}

// release gives a snapshot back, without the members it held. A large set is given up: to clear it costs as much as
// it can hold, and the next broadcast may be a small one.
func (x *index) release(s *snapshot) {
	const largest = 1024
	clear(s.members)
	clear(s.places)
	s.members, s.places = s.members[:0], s.places[:0]
	if len(s.seen) > largest {
		s.seen = nil
	}
	clear(s.seen)
	x.snapshots.Put(s)
}

// findAlone returns the member with this id, or nil; alone is false if there is also a room of that name.
func (x *index) findAlone(name string) (r *resident, alone bool) {
	s := x.shard(name)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.residents[name], s.rooms[name] == nil
}

// selectRoom selects everyone or the members of the target's only room, without one member if sender is not nil.
func (x *index) selectRoom(s *snapshot, t *Target, sender *resident) {
	if t.Everyone {
		x.everyone.mu.RLock()
		defer x.everyone.mu.RUnlock()
		var place *membership
		if sender != nil {
			place = &sender.lobby
		}
		s.copyMembers(&x.everyone.room, place)
		return
	}
	name := t.Rooms[0]
	h := x.shard(name)
	h.mu.RLock()
	defer h.mu.RUnlock()
	r, o := h.residents[name], h.rooms[name]
	if o == nil {
		if r != nil && r != sender {
			s.members = append(s.members, r.member)
		}
		return
	}
	var place *membership
	if sender != nil {
		sender.mu.Lock()
		place = sender.rooms[name]
		sender.mu.Unlock()
	}
	s.copyMembers(o, place)
	if r != nil && r != sender {
		s.members = append(s.members, r.member) // the owner of the id, which never sits in the room of that name
	}
}

// copyMembers copies a room without one place in it, if that is not nil. The room's lock is held.
func (s *snapshot) copyMembers(o *room, without *membership) {
	if without == nil || without.at >= len(o.places) || o.places[without.at] != without {
		s.members = append(s.members, o.members...)
		return
	}
	s.members = append(s.members, o.members[:without.at]...)
	s.members = append(s.members, o.members[without.at+1:]...)
}

// selectAny selects the members of any target. The rooms are copied one after another under their locks; that each
// member comes once and none is in an excepted room is seen to afterwards.
func (x *index) selectAny(s *snapshot, t *Target) {
	rooms := t.Rooms
	if t.Everyone {
		rooms = nil
		x.everyone.mu.RLock()
		s.places = append(s.places, x.everyone.places...)
		x.everyone.mu.RUnlock()
	}
	for _, name := range rooms {
		h := x.shard(name)
		h.mu.RLock()
		if o := h.rooms[name]; o != nil {
			s.places = append(s.places, o.places...)
		}
		if r := h.residents[name]; r != nil {
			s.places = append(s.places, &r.lobby)
		}
		h.mu.RUnlock()
	}
	union := len(rooms) > 1
	if union && s.seen == nil {
		s.seen = make(map[*resident]struct{}, len(s.places))
	}
	for _, m := range s.places {
		r := m.resident
		if union {
			if _, ok := s.seen[r]; ok {
				continue
			}
			s.seen[r] = struct{}{}
		}
		if len(t.Except) > 0 && r.inAny(t.Except) {
			continue
		}
		s.members = append(s.members, r.member)
	}
}

// inAny reports whether the member is in one of the rooms. One that is on its way out of the namespace counts as in:
// it may have left the excepted room already.
func (r *resident) inAny(rooms []string) bool {
	for _, name := range rooms {
		if name == r.id {
			return true
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return true
	}
	for _, name := range rooms {
		if _, ok := r.rooms[name]; ok {
			return true
		}
	}
	return false
}
