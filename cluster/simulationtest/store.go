package simulationtest

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/parleyio/parley/cluster"
)

// store is the broker behind the logs of a run, and the truth: what stands in it was accepted, in this order. It is not
// sabotaged; a sabotaged log lies about it.
type store struct {
	most int // entries that are kept of each namespace

	// plain stores do not say which entry comes before another.
	plain bool

	// forgetful stores do not remember which sessions were claimed. One that was emptied is.
	forgetful bool

	// mu guards the fields below.
	mu       sync.Mutex
	epoch    uint64
	streams  map[string]*stream
	sessions map[sessionKey]keptSession
	claimed  map[sessionKey]claimed
	history  map[string][]cluster.Entry // all that was ever appended, by namespace, in order
}

// stream is the entries of one namespace in one epoch.
type stream struct {
	entries []cluster.Entry
	last    cluster.Position
	known   map[origin]cluster.Position // to append each entry once
}

type origin struct {
	node     string
	sequence uint64
}

type sessionKey struct{ namespace, pid string }

type keptSession struct {
	bytes               []byte
	generation, version uint64
	until               time.Time
}

// claimed remembers that a session was claimed or dropped.
type claimed struct {
	generation uint64
	until      time.Time
}

func newStore(most int) *store {
	s := &store{most: most, history: make(map[string][]cluster.Entry)}
	s.empty()
	return s
}

// empty loses everything, as a broker does that starts again without its data.
func (s *store) empty() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	s.forgetful = s.forgetful || s.epoch > 1
	s.streams = make(map[string]*stream)
	s.sessions = make(map[sessionKey]keptSession)
	s.claimed = make(map[sessionKey]claimed)
}

func (s *store) streamLocked(namespace string) *stream {
	st := s.streams[namespace]
	if st == nil {
		st = &stream{last: cluster.Position{Epoch: s.epoch}, known: make(map[origin]cluster.Position)}
		s.streams[namespace] = st
	}
	return st
}

// append appends entries and sets their positions.
func (s *store) append(namespace string, entries []cluster.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.streamLocked(namespace)
	for i := range entries {
		e := &entries[i]
		from := origin{e.Node, e.Sequence}
		if at, ok := st.known[from]; ok && e.Sequence != 0 {
			e.Position = at
			continue
		}
		kept := *e
		if !s.plain {
			kept.Previous = st.last
		}
		st.last.Number++
		kept.Position = st.last
		e.Position = st.last
		st.known[from] = st.last
		st.entries = append(st.entries, kept)
		if len(st.entries) > s.most {
			st.entries = slices.Clone(st.entries[len(st.entries)-s.most:])
		}
		s.history[namespace] = append(s.history[namespace], kept)
	}
}

// read returns entries behind a position; ok is false when some of them are gone.
func (s *store) read(namespace string, after cluster.Position, most int) (entries []cluster.Entry, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.streamLocked(namespace)
	if after.IsZero() {
		after.Epoch = s.epoch
	}
	first := st.last.Number - uint64(len(st.entries)) // the number before the first that is kept
	if after.Epoch != s.epoch || after.Number < first || after.Number > st.last.Number {
		return nil, false
	}
	behind := st.entries[after.Number-first:]
	return slices.Clone(behind[:min(most, len(behind))]), true
}

// end returns the position of the last entry, with the epoch also when there is none.
func (s *store) end(namespace string) cluster.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streamLocked(namespace).last
}

// keep stores a session.
func (s *store) keep(session *cluster.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked()
	key := sessionKey{session.Namespace, session.PID}
	c, wasClaimed := s.claimed[key]
	k, isKept := s.sessions[key]
	switch {
	case wasClaimed && c.generation > session.Generation:
		return cluster.ErrSessionClaimed
	case s.forgetful && !isKept && session.Version != 1:
		return cluster.ErrSessionClaimed
	case isKept && k.generation == session.Generation && k.version > session.Version:
		return nil // came late
	}
	bytes, err := session.MarshalBinary()
	if err != nil {
		return err
	}
	s.sessions[key] = keptSession{bytes, session.Generation, session.Version, time.Now().Add(session.TTL)}
	return nil
}

// claim returns a session and deletes it, or returns nil.
func (s *store) claim(namespace, pid string) (*cluster.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked()
	key := sessionKey{namespace, pid}
	k, ok := s.sessions[key]
	if !ok {
		return nil, cluster.ErrUnknownSession
	}
	delete(s.sessions, key)
	s.claimed[key] = claimed{k.generation + 1, time.Now().Add(time.Hour)}
	session := new(cluster.Session)
	if err := session.UnmarshalBinary(k.bytes); err != nil {
		return nil, err
	}
	session.Generation = k.generation + 1
	return session, nil
}

// drop deletes a session of this generation, and reports whether it was there.
func (s *store) drop(namespace, pid string, generation uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked()
	key := sessionKey{namespace, pid}
	k, ok := s.sessions[key]
	if !ok || k.generation != generation {
		return false
	}
	delete(s.sessions, key)
	s.claimed[key] = claimed{generation + 1, time.Now().Add(time.Hour)}
	return true
}

func (s *store) expireLocked() {
	now := time.Now()
	maps.DeleteFunc(s.sessions, func(_ sessionKey, k keptSession) bool { return !k.until.After(now) })
	maps.DeleteFunc(s.claimed, func(_ sessionKey, c claimed) bool { return !c.until.After(now) })
}

// count returns the number of sessions that are kept.
func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked()
	return len(s.sessions)
}

// forgetEntries loses all entries and begins to number them anew, in the same epoch: sabotage.
func (s *store) forgetEntries() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams = make(map[string]*stream)
}

// revive stores a session whatever was claimed: sabotage.
func (s *store) revive(session *cluster.Session) {
	key := sessionKey{session.Namespace, session.PID}
	bytes, err := session.MarshalBinary()
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.claimed, key)
	s.sessions[key] = keptSession{bytes, session.Generation, session.Version, time.Now().Add(time.Hour)}
}
