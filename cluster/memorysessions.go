package cluster

import (
	"container/heap"
	"time"
)

// memorySessions is the sessions of a memory log, and for a while those that were claimed. The log's lock guards it.
type memorySessions struct {
	byKey   map[sessionKey]*memorySession
	expires sessionHeap
}

type sessionKey struct{ namespace, pid string }

// memorySession is a session, or what is left of one that was claimed.
type memorySession struct {
	key        sessionKey
	generation uint64
	session    *Session // of a log of one node
	bytes      []byte   // of one that nodes share
	claimed    bool
	ttl        time.Duration
	expires    time.Time
	place      int // in the heap
}

// keep stores a session, as bytes if other nodes are to have it.
func (x *memorySessions) keep(s *Session, shared bool) error {
	now := time.Now()
	x.expire(now)
	m := x.byKey[sessionKey{s.Namespace, s.PID}]
	switch {
	case m == nil:
		m = &memorySession{key: sessionKey{s.Namespace, s.PID}, place: -1}
	case s.Generation < m.generation:
		return ErrSessionClaimed
	}
	if shared {
		b, err := s.MarshalBinary()
		if err != nil {
			return err
		}
		m.bytes = b
	} else {
		m.session = s
	}
	m.generation, m.claimed, m.ttl = s.Generation, false, s.TTL
	x.put(m, now)
	return nil
}

// put stores what has changed until its time is up.
func (x *memorySessions) put(m *memorySession, now time.Time) {
	m.expires = now.Add(m.ttl)
	if m.place >= 0 {
		heap.Fix(&x.expires, m.place)
		return
	}
	if x.byKey == nil {
		x.byKey = map[sessionKey]*memorySession{}
	}
	x.byKey[m.key] = m
	heap.Push(&x.expires, m)
}

func (x *memorySessions) claim(key sessionKey) (*Session, error) {
	now := time.Now()
	x.expire(now)
	m := x.byKey[key]
	if m == nil || m.claimed {
		return nil, ErrUnknownSession
	}
	s := m.session
	if s == nil {
		s = new(Session)
		if err := s.UnmarshalBinary(m.bytes); err != nil {
			return nil, err
		}
	}
	result := *s
	x.remove(m, now)
	result.Generation = m.generation
	return &result, nil
}

// drop deletes a session of this generation.
func (x *memorySessions) drop(key sessionKey, generation uint64) bool {
	now := time.Now()
	x.expire(now)
	m := x.byKey[key]
	if m == nil || m.claimed || m.generation != generation {
		return false
	}
	x.remove(m, now)
	return true
}

// remove leaves of a session that it was claimed.
func (x *memorySessions) remove(m *memorySession, now time.Time) {
	m.generation++
	m.claimed, m.session, m.bytes = true, nil, nil
	x.put(m, now)
}

// expire forgets what is too old.
func (x *memorySessions) expire(now time.Time) {
	for len(x.expires) > 0 && !now.Before(x.expires[0].expires) {
		m := heap.Pop(&x.expires).(*memorySession)
		delete(x.byKey, m.key)
	}
}

// forget forgets the sessions of a namespace.
func (x *memorySessions) forget(namespace string) {
	for key, m := range x.byKey {
		if key.namespace == namespace {
			heap.Remove(&x.expires, m.place)
			delete(x.byKey, key)
		}
	}
}

// sessionHeap has the session that expires first in front.
type sessionHeap []*memorySession

func (h sessionHeap) Len() int           { return len(h) }
func (h sessionHeap) Less(i, j int) bool { return h[i].expires.Before(h[j].expires) }
func (h sessionHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}
func (h *sessionHeap) Push(m any) {
	one := m.(*memorySession)
	one.place = len(*h)
	*h = append(*h, one)
}
func (h *sessionHeap) Pop() any {
	last := len(*h) - 1
	one := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	one.place = -1
	return one
}
