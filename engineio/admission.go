package engineio

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Admission limits how fast sessions are opened. After a restart of the server all clients reconnect at the same time. The
// server answers those above the limit with 503 before it allocates anything for them, and they try again later.
// Handshakes that are refused after this check, for example by AllowRequest, count too. The zero value sets no limit.
type Admission struct {
	// Rate is the number of sessions that may be opened per second. Zero means no limit.
	Rate float64
	// Burst is the number of sessions that may be opened at the same moment (the size of the token bucket). Zero means the
	// number of one second.
	Burst int
	// RetryAfter is the value of the header Retry-After in the answers 503 of this limit, of MaxConnections and of
	// MaxConnectionsPerIP. It is sent in whole seconds. Zero means 5 s.
	RetryAfter time.Duration
}

// withDefaults returns a copy with the defaults filled in, or what is wrong.
func (a Admission) withDefaults() (Admission, error) {
	switch {
	case a.Rate < 0 || math.IsNaN(a.Rate) || math.IsInf(a.Rate, 0):
		return a, fmt.Errorf("engineio: Options.Admission.Rate is %v: it must be a finite number, zero or more", a.Rate)
	case a.Burst < 0:
		return a, errors.New("engineio: Options.Admission.Burst is negative")
	case a.Burst > 0 && a.Rate == 0:
		return a, errors.New("engineio: Options.Admission has a Burst without a Rate")
	case a.RetryAfter < 0:
		return a, errors.New("engineio: Options.Admission.RetryAfter is negative")
	}
	if a.Burst == 0 {
		a.Burst = int(min(math.Ceil(a.Rate), math.MaxInt32))
	}
	if a.RetryAfter == 0 {
		a.RetryAfter = 5 * time.Second
	}
	return a, nil
}

// gate counts the open sessions and those that are being opened, and refuses those above the limits.
type gate struct {
	// Immutable after construction.
	most       int           // sessions
	mostPerIP  int           // of one network
	rate       *rate.Limiter // nil: no limit
	retryAfter string        // seconds

	mu        sync.Mutex // guards the fields below; Server.mu comes before it
	total     int
	byAddress map[netip.Addr]int // keyed by networkOf; all values are above zero
}

func newGate(most, mostPerIP int, a Admission) *gate {
	g := &gate{
		most: most, mostPerIP: mostPerIP,
		retryAfter: strconv.Itoa(int(math.Ceil(a.RetryAfter.Seconds()))),
		byAddress:  map[netip.Addr]int{},
	}
	if a.Rate > 0 {
		g.rate = rate.NewLimiter(rate.Limit(a.Rate), a.Burst)
	}
	return g
}

// The limits above which gate refuses a handshake.
var (
	errTooManyConnections      = errors.New("engineio: too many connections")
	errTooManyConnectionsPerIP = errors.New("engineio: too many connections from this address")
	errNotAdmitted             = errors.New("engineio: too many new connections at a time")
)

// enter counts one more session of this network, or returns the limit that is reached.
func (g *gate) enter(network netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.byAddress[network] >= g.mostPerIP:
		return errTooManyConnectionsPerIP // checked before the rate, so that one address cannot use it up
	case g.total >= g.most:
		return errTooManyConnections
	case g.rate != nil && !g.rate.Allow():
		return errNotAdmitted
	}
	g.total++
	if g.mostPerIP != math.MaxInt {
		g.byAddress[network]++
	}
	return nil
}

// leave counts one session of this network less.
func (g *gate) leave(network netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if n := g.byAddress[network]; n > 1 {
		g.byAddress[network] = n - 1
	} else {
		delete(g.byAddress, network)
	}
}
