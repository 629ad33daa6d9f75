package middleware

import (
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/parleyio/parley/internal/guard"
)

// owner holds the buckets of a connection, a user or an address.
type owner struct {
	mu      sync.Mutex
	buckets []*rate.Limiter // indexed by limit.bucket; nil until an event is counted
}

func newOwner(buckets int) owner { return owner{buckets: make([]*rate.Limiter, buckets)} }

// waitLocked returns the time until the limit's bucket has a token, or zero if it has one.
func (o *owner) waitLocked(l *limit, now time.Time) time.Duration {
	if o.buckets[l.bucket] == nil {
		o.buckets[l.bucket] = rate.NewLimiter(rate.Limit(l.Rate), l.Burst) // full
	}
	missing := 1 - o.buckets[l.bucket].TokensAt(now)
	// Below a nanosecond the time becomes zero, as in AllowN.
	return time.Duration(max(0, min(missing/l.Rate*float64(time.Second), math.MaxInt64/2)))
}

// client holds the limiter's data of a connection.
type client struct {
	owner
	network    netip.Prefix  // not valid if the connection has no IP address. Immutable.
	violations *rate.Limiter // nil until the first; guarded by owner.mu
}

// violate counts a refused event and reports whether the connection must be closed.
func (c *client) violate(after int, now time.Time) bool {
	if after <= 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.violations == nil {
		c.violations = rate.NewLimiter(rate.Limit(after)/60, after-1)
	}
	return !c.violations.AllowN(now, 1)
}

// networkOf returns the network that is counted as one client: an IPv4 address, or the first 64 bits of an IPv6 address. It
// is not valid if addr is not.
func networkOf(addr netip.Addr) netip.Prefix {
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	network, err := addr.Prefix(bits)
	if err != nil { // addr is not valid
		return netip.Prefix{}
	}
	return network
}

// minPeriod bounds how often inactive owners are removed.
const minPeriod = 10 * time.Second

// owners holds the users or addresses that have sent an event recently, in two generations. An owner that sends an event
// moves to the young generation. After each period the old generation is removed, and the young one becomes the old one. A
// period is long enough to fill every bucket, so a removed owner loses nothing. The timer runs only while there are owners.
type owners[K comparable] struct {
	// Immutable after construction.
	buckets int // of each owner
	max     int
	period  time.Duration

	shared       owner // used by all owners beyond max
	sharedEvents atomic.Int64

	mu         sync.Mutex // guards the fields below
	young, old map[K]*owner
	aging      bool // the timer runs
}

// newOwners returns an empty set. limit is the option's value: zero means the default, a negative value no limit.
func newOwners[K comparable](buckets int, fill time.Duration, limit int) *owners[K] {
	switch {
	case limit == 0:
		limit = 100_000
	case limit < 0:
		limit = math.MaxInt
	}
	return &owners[K]{buckets: buckets, max: limit, period: max(fill, minPeriod), shared: newOwner(buckets)}
}

// find returns the owner with this key.
func (s *owners[K]) find(key K) *owner {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.young[key]; o != nil {
		return o
	}
	o := s.old[key]
	switch {
	case o != nil:
		delete(s.old, key)
	case len(s.young)+len(s.old) >= s.max:
		s.sharedEvents.Add(1)
		return &s.shared
	default:
		made := newOwner(s.buckets)
		o = &made
	}
	if !s.aging {
		s.aging = true
		time.AfterFunc(s.period, s.age)
	}
	if s.young == nil {
		s.young = map[K]*owner{}
	}
	s.young[key] = o
	return o
}

// age ends a period.
func (s *owners[K]) age() {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.old, s.young = s.young, nil
	if s.aging = len(s.old) > 0; s.aging {
		time.AfterFunc(s.period, s.age)
	}
}

// guard recovers a panic, so that it does not end the process. It logs the panic to slog.Default, because a limiter has no
// logger. The next owner starts the timer again.
func (s *owners[K]) guard() {
	if fault := recover(); fault != nil {
		guard.Log(nil, "panic in a rate limiter", fault)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.aging = false
	}
}

func (s *owners[K]) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.young) + len(s.old)
}
