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

// RateLimitOptions configures a RateLimiter. The zero value and nil mean 100 events per second and connection, with bursts
// of 200.
type RateLimitOptions struct {
	// Limits are the limits. An event is accepted if every limit that counts it allows it. Empty means 100 events per second
	// and connection, with bursts of 200.
	Limits []Limit

	// Identify returns the user of a socket. Sockets without a user, for which it returns "", are not limited by limits
	// PerUser. It is called for each event, so it should be a lookup (socketio.Data). Return only verified identities:
	// otherwise a client can use up the limits of another user. Required when a limit is PerUser.
	Identify func(*socketio.Socket) string

	// DisconnectAfter closes a connection when so many of its events are refused within about a minute. Each minute, as many
	// refusals expire, at a constant rate. The client receives the refusal first, and does not reconnect by itself. Zero and
	// negative values mean never.
	DisconnectAfter int

	// MaxUsers bounds the number of users with their own buckets, and MaxIPs that of addresses. Further users share one set
	// of buckets, as do further addresses. Zero means 100,000, which take about 20 MB with one limit. A negative value means
	// no limit.
	MaxUsers, MaxIPs int
}

// Limit is a token bucket for each connection, user or address.
type Limit struct {
	// Per selects which events are counted together. The zero value is PerConnection.
	Per Scope

	// Events are the names of the events that are counted, all in the same bucket. Empty means all events, including those
	// without a handler.
	Events []string

	// Rate is the number of events per second that are allowed permanently. It must be positive; it may be below 1.
	Rate float64

	// Burst is the number of events that may arrive at once after a pause. Zero means Rate, rounded up.
	Burst int
}

// Scope selects which events a limit counts together.
type Scope int

const (
	// PerConnection counts the events of one connection, in all its namespaces.
	PerConnection Scope = iota

	// PerUser counts the events of all connections of a user to this node; see RateLimitOptions.Identify.
	PerUser

	// PerIP counts the events of all connections from an IPv4 address or from an IPv6 network (/64), which is usually one
	// client. The address is that of Handshake.Address: list your proxies in socketio.Options.TrustedProxies, otherwise all
	// their clients have the same address. Connections without an IP address, such as those on a Unix socket, are not
	// limited.
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

// Exception is the event that is sent to a client whose event was refused, if the client did not ask for an
// acknowledgement.
const Exception = event.Name[Refusal]("exception")

// Refusal is the payload of Exception. It says which event was refused, and why.
type Refusal struct {
	Event      string `json:"event"`
	Code       string `json:"code"` // event.RateLimited
	Message    string `json:"message"`
	RetryAfter int64  `json:"retryAfter"` // milliseconds until such an event would be accepted
}

// RateLimiter bounds how many events clients may send. It is made by RateLimit. All methods may be called from any
// goroutine.
type RateLimiter struct {
	// Immutable after construction.
	limits          []limit
	buckets         [scopes]int // how many limits each scope has
	identify        func(*socketio.Socket) string
	disconnectAfter int

	making      sync.Mutex // held while the client of a connection is created
	connections *socketio.Data[*client]
	users       *owners[string]
	networks    *owners[netip.Prefix]

	exceeded              []atomic.Int64 // by limit
	refused, disconnected atomic.Int64
}

// limit is a Limit with its defaults.
type limit struct {
	Limit
	bucket int // index in owner.buckets
}

// counts reports whether events of this name are counted.
func (l *limit) counts(name string) bool {
	return len(l.Events) == 0 || slices.Contains(l.Events, name)
}

// fill returns the time in which an empty bucket becomes full.
func (l *limit) fill() time.Duration {
	return time.Duration(min(float64(l.Burst)/l.Rate*float64(time.Second), math.MaxInt64/4))
}

// RateLimit returns a limiter. Pass its method Event to UseEvent, before other middlewares:
//
//	io.UseEvent(limiter.Event)
//	io.Of("/chat").UseEvent(limiter.Event) // the same buckets
//
// Each node of a cluster counts separately. If the options are invalid, the error names the field.
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

// check returns an error if the limit is invalid.
func (l *Limit) check(o *RateLimitOptions) error {
	switch {
	case l.Per < 0 || l.Per >= scopes:
		return errors.New("unknown Per")
	case l.Per == PerUser && o.Identify == nil:
		return errors.New("a limit PerUser requires Identify")
	case !(l.Rate > 0) || math.IsInf(l.Rate, 1):
		return errors.New("the limit needs a positive number as Rate")
	case l.Burst < 0:
		return errors.New("the limit has a negative Burst")
	}
	return nil
}

// Event is the middleware. If all limits that count an event allow it, Event takes a token from each of their buckets and
// returns nil. Otherwise it takes no token and returns an *event.Error with code event.RateLimited. The error's Data has the
// key retryAfter: the milliseconds until the event would be accepted. The server sends the error as the acknowledgement. If
// the client did not ask for an acknowledgement, Event sends it Exception, and the server calls Options.OnError.
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
		// The error means that the socket has disconnected.
		_ = event.Emit(s, Exception, Refusal{m.Name(), refusal.Code, text, milliseconds})
	}
	if c.violate(l.disconnectAfter, now) && s.Connected() {
		// Answer before the disconnect, because the server cannot answer after it. An error means that no answer is awaited.
		_ = (*message.Message)(m).Fail((*message.Failure)(refusal))
		l.disconnected.Add(1)
		s.Disconnect(true)
	}
	return refusal
}

// client returns the data of the socket's connection.
func (l *RateLimiter) client(s *socketio.Socket) *client {
	if c, ok := l.connections.Value(s); ok {
		return c
	}
	l.making.Lock()
	defer l.making.Unlock()
	c, ok := l.connections.Value(s)
	if !ok {
		c = &client{owner: newOwner(l.buckets[PerConnection]), network: networkOf(s.Handshake().Address())}
		_ = l.connections.Set(s, c) // data of a connection is any
	}
	return c
}

// take takes a token from each bucket that counts the event, or from none. It returns the time until all have a token.
func (l *RateLimiter) take(c *client, s *socketio.Socket, name string, now time.Time) (wait time.Duration) {
	by := [scopes]*owner{PerConnection: &c.owner} // nil for scopes that do not count the event
	if l.buckets[PerUser] > 0 {
		if user := l.identify(s); user != "" {
			by[PerUser] = l.users.find(user)
		}
	}
	if l.buckets[PerIP] > 0 && c.network.IsValid() {
		by[PerIP] = l.networks.find(c.network)
	}
	for _, o := range by { // always in the order of the scopes, to avoid deadlocks
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
	// Exceeded counts the refused events by limit, in the order of RateLimitOptions.Limits. An event may exceed several.
	Exceeded []int64
	// Disconnected counts the connections that were closed because of DisconnectAfter.
	Disconnected int64
	// Shared counts the events of users and addresses without their own buckets, because of MaxUsers or MaxIPs.
	Shared int64

	// Users and IPs are the numbers of users and addresses that have buckets now. Full buckets are removed after a while.
	Users, IPs int
}

// Stats returns the counters as they are now.
func (l *RateLimiter) Stats() RateLimiterStats {
	s := RateLimiterStats{
		Refused:      l.refused.Load(),
		Exceeded:     make([]int64, len(l.exceeded)),
		Disconnected: l.disconnected.Load(),
		Shared:       l.users.sharedEvents.Load() + l.networks.sharedEvents.Load(),
		Users:        l.users.len(),
		IPs:          l.networks.len(),
	}
	for i := range l.exceeded {
		s.Exceeded[i] = l.exceeded[i].Load()
	}
	return s
}
