package middleware

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/socketio"
)

// RateLimitOptions configures a RateLimiter. The zero value, and nil, mean 100 events a second for each connection, with
// bursts of 200.
type RateLimitOptions struct {
	// Limits are what an event must stay within: all that its name is in. Empty means the one limit named above.
	Limits []Limit

	// Identify returns the user of a socket; empty is nobody, for whom limits PerUser do not hold. It is called at each
	// event, so it should be a lookup (socketio.Data). Use an identity that has been verified: with one that clients
	// only claim, they use up the limits of others. Nil is an error if a limit is PerUser.
	Identify func(*socketio.Socket) string

	// DisconnectAfter closes a connection at so many refused events: each counts, and as many are forgotten in a minute,
	// one by one. The client is told why and does not come back by itself. Zero, and a negative value, mean never.
	DisconnectAfter int

	// MaxUsers bounds the users, and MaxIPs the addresses, that have buckets of their own at a time. Those above
	// share one. Zero means 100,000, which take about 20 MB with one limit; a negative value no limit.
	MaxUsers, MaxIPs int
}

// Limit is a token bucket for each connection, user or address.
type Limit struct {
	// Per says whose events are counted together. The zero value is PerConnection.
	Per Scope

	// Events names the events that are counted, all in the same bucket. Empty means all events, also those that have no
	// handler.
	Events []string

	// Rate is how many events a second may go on for ever. It must be positive; it may be below 1.
	Rate float64

	// Burst is how many events may come at once after a pause. Zero means those of one second, and at least 1.
	Burst int
}

// Scope says whose events a limit counts together.
type Scope int

const (
	// PerConnection counts the events of one connection, in all its namespaces.
	PerConnection Scope = iota

	// PerUser counts the events of all connections of a user of this node; see RateLimitOptions.Identify.
	PerUser

	// PerIP counts the events of all connections from an IPv4 address, or from one network of IPv6 (/64), which is
	// what one client has. It is that of Handshake.Address: behind a proxy that is not in socketio's TrustedProxies all
	// clients have the same. Connections without an IP address, such as those on a Unix socket, are not counted.
	PerIP

	scopes = iota
)

// String returns "connection", "user" or "IP".
func (s Scope) String() string {
	switch s {
	case PerConnection:
		return "connection"
	case PerUser:
		return "user"
	case PerIP:
		return "IP"
	}
	return fmt.Sprintf("Scope(%d)", int(s))
}

// Exception is the event that tells a client of a refused event for which it has not asked an acknowledgement.
const Exception = event.Name[Refusal]("exception")

// Refusal says which event was refused, and why.
type Refusal struct {
	Event      string `json:"event"`
	Code       string `json:"code"` // event.RateLimited
	Message    string `json:"message"`
	RetryAfter int64  `json:"retryAfter"` // milliseconds until such an event would be let through
}

// RateLimiter bounds how many events clients may send. RateLimit makes one. All methods may be called from any
// goroutine.
type RateLimiter struct {
	// Immutable after construction.
	limits          []limit
	buckets         [scopes]int // how many limits each scope has
	identify        func(*socketio.Socket) string
	disconnectAfter int

	making      sync.Mutex // held while a connection gets its client
	connections *socketio.Data[*client]
	users       *owners[string]
	networks    *owners[netip.Prefix]

	exceeded              []atomic.Int64 // by limit
	refused, disconnected atomic.Int64
}

// limit is a Limit that is ready for use.
type limit struct {
	Limit
	bucket int // its place among the buckets of its scope
}

// counts reports whether events of this name are counted.
func (l *limit) counts(name string) bool {
	return len(l.Events) == 0 || slices.Contains(l.Events, name)
}

// fill is how long an empty bucket takes to be full.
func (l *limit) fill() time.Duration {
	return time.Duration(min(float64(l.Burst)/l.Rate*float64(time.Second), math.MaxInt64/4))
}

// RateLimit returns a limiter, whose method Event is to be given to UseEvent, in front of other middlewares:
//
//	io.UseEvent(limiter.Event)
//	io.Of("/chat").UseEvent(limiter.Event) // the same buckets
//
// Each node of a cluster counts for itself. A contradiction in the options is an error that names the field.
func RateLimit(opts *RateLimitOptions) (*RateLimiter, error) {
	var o RateLimitOptions
	if opts != nil {
		o = *opts
	}
	if len(o.Limits) == 0 {
		o.Limits = []Limit{{Rate: 100, Burst: 200}}
	}
	l := &RateLimiter{
		identify:        o.Identify,
		disconnectAfter: o.DisconnectAfter,
		connections:     socketio.NewConnectionData[*client]("rate limit"),
		exceeded:        make([]atomic.Int64, len(o.Limits)),
	}
	var fill [scopes]time.Duration
	for i, given := range o.Limits {
		if err := given.check(&o); err != nil {
			return nil, fmt.Errorf("middleware: RateLimitOptions.Limits[%d]: %w", i, err)
		}
		given.Events = slices.Clone(given.Events)
		if given.Burst == 0 {
			given.Burst = int(min(math.Ceil(given.Rate), math.MaxInt32))
		}
		one := limit{given, l.buckets[given.Per]}
		l.limits = append(l.limits, one)
		l.buckets[given.Per]++
		fill[given.Per] = max(fill[given.Per], one.fill())
	}
	l.users = newOwners[string](l.buckets[PerUser], fill[PerUser], o.MaxUsers)
	l.networks = newOwners[netip.Prefix](l.buckets[PerIP], fill[PerIP], o.MaxIPs)
	return l, nil
}

// check reports what is wrong with a limit.
func (l *Limit) check(o *RateLimitOptions) error {
	switch {
	case l.Per < 0 || l.Per >= scopes:
		return errors.New("unknown Per")
	case l.Per == PerUser && o.Identify == nil:
		return errors.New("limited PerUser, and Identify is not set")
	case !(l.Rate > 0) || math.IsInf(l.Rate, 1):
		return errors.New("no positive number as Rate")
	case l.Burst < 0:
		return errors.New("negative Burst")
	}
	return nil
}

// Event is the middleware. It lets an event through when all the limits that count it allow it; then it takes one token
// of each. Otherwise it takes none and returns an *event.Error with code event.RateLimited, whose Data has retryAfter:
// the milliseconds until the event would be let through. The server sends it as the acknowledgement. A client that has
// asked for none is sent Exception, and Options.OnError of the server is told.
func (l *RateLimiter) Event(_ context.Context, s *socketio.Socket, m *event.Message) error {
	c := l.client(s)
	now := time.Now()
	wait := l.take(c, s, m.Name(), now)
	if wait == 0 {
		return nil
	}
	l.refused.Add(1)
	const text = "too many events"
	milliseconds := int64((wait + time.Millisecond - 1) / time.Millisecond)
	refusal := &event.Error{Code: event.RateLimited, Message: text, Data: map[string]int64{"retryAfter": milliseconds}}
	if !m.WantsAck() {
		// If the sender has gone meanwhile there is nobody to tell.
		_ = event.Emit(s, Exception, Refusal{m.Name(), refusal.Code, text, milliseconds})
	}
	if c.violate(l.disconnectAfter, now) && s.Connected() {
		// Now, because it would not be sent after the disconnect. An error means that nobody waits for the answer.
		_ = (*message.Message)(m).Fail((*message.Failure)(refusal))
		l.disconnected.Add(1)
		s.Disconnect(true)
	}
	return refusal
}

// client returns what is kept with the socket's connection.
func (l *RateLimiter) client(s *socketio.Socket) *client {
	if c, ok := l.connections.Value(s); ok {
		return c
	}
	l.making.Lock()
	defer l.making.Unlock()
	c, ok := l.connections.Value(s)
	if !ok {
		c = &client{owner: newOwner(l.buckets[PerConnection]), network: networkOf(s.Handshake().Address())}
		l.connections.Set(s, c)
	}
	return c
}

// take takes a token of each bucket that counts the event, or none. It returns how long to wait until all have one.
func (l *RateLimiter) take(c *client, s *socketio.Socket, name string, now time.Time) (wait time.Duration) {
	by := [scopes]*owner{PerConnection: &c.owner} // nil where nothing is counted
	if l.buckets[PerUser] > 0 {
		if user := l.identify(s); user != "" {
			by[PerUser] = l.users.find(user)
		}
	}
	if l.buckets[PerIP] > 0 && c.network.IsValid() {
		by[PerIP] = l.networks.find(c.network)
	}
	for _, o := range by { // in the order of the scopes, so that no two wait for each other
		if o != nil {
			o.mu.Lock()
		}
	}
	wait = l.takeLocked(&by, name, now)
	for _, o := range by {
		if o != nil {
			o.mu.Unlock()
		}
	}
	return wait
}

func (l *RateLimiter) takeLocked(by *[scopes]*owner, name string, now time.Time) (wait time.Duration) {
	for i := range l.limits {
		one := &l.limits[i]
		if o := by[one.Per]; o != nil && one.counts(name) {
			if w := o.waitLocked(one, now); w > 0 {
				l.exceeded[i].Add(1)
				wait = max(wait, w)
			}
		}
	}
	if wait > 0 {
		return wait
	}
	for i := range l.limits {
		one := &l.limits[i]
		if o := by[one.Per]; o != nil && one.counts(name) {
			o.buckets[one.bucket].AllowN(now, 1)
		}
	}
	return 0
}

// RateLimiterStats is a snapshot of a limiter's counters.
type RateLimiterStats struct {
	// Refused counts the events that were refused.
	Refused int64
	// Exceeded counts them by the limit, in the order of RateLimitOptions.Limits; an event may exceed several.
	Exceeded []int64
	// Disconnected counts the connections that were closed because of DisconnectAfter.
	Disconnected int64
	// Crowded counts the events of users and addresses that had to share a bucket because of MaxUsers or MaxIPs.
	Crowded int64

	// Users and IPs are how many have buckets now. Those whose buckets are full again are forgotten.
	Users, IPs int
}

// Stats returns the counters as they are now.
func (l *RateLimiter) Stats() RateLimiterStats {
	s := RateLimiterStats{
		Refused:      l.refused.Load(),
		Exceeded:     make([]int64, len(l.exceeded)),
		Disconnected: l.disconnected.Load(),
		Crowded:      l.users.crowded.Load() + l.networks.crowded.Load(),
		Users:        l.users.len(),
		IPs:          l.networks.len(),
	}
	for i := range l.exceeded {
		s.Exceeded[i] = l.exceeded[i].Load()
	}
	return s
}
