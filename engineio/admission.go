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

// Admission bounds how fast sessions are opened. When a server comes back, its clients do so all at once; those beyond
// the bound are answered 503 before anything is made for them, and try again. Handshakes that are refused later, by
// AllowRequest for instance, count too. The zero value admits all.
type Admission struct {
	// Rate is how many sessions may be opened in a second. Zero means no bound.
	Rate float64
	// Burst is how many may be opened at once, after a time in which there were few. Zero means as many as in a second.
	Burst int
	// RetryAfter is sent to clients that are turned away, in whole seconds; those turned away by the limits of connections
	// too. Zero means 5 s.
	RetryAfter time.Duration
}

// withDefaults returns a copy with the defaults filled in, or what is wrong.
func (a Admission) withDefaults() (Admission, error) {
	switch {
	case a.Rate < 0 || math.IsNaN(a.Rate) || math.IsInf(a.Rate, 0):
		return a, fmt.Errorf("engineio: Options.Admission.Rate is %v, which is no rate", a.Rate)
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

// gate counts the sessions that there are, and those that are being opened, and turns away those above the limits.
type gate struct {
	// Immutable after construction.
	most       int           // sessions
	mostPerIP  int           // of one network
	rate       *rate.Limiter // nil: there is no bound
	retryAfter string        // seconds

	mu        sync.Mutex // guards the fields below; Server.mu comes before it
	total     int
	byAddress map[netip.Addr]int // by networkOf; none of them is zero
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

// The causes for which a client is turned away.
var (
	errTooManyConnections      = errors.New("engineio: too many connections")
	errTooManyConnectionsPerIP = errors.New("engineio: too many connections from this address")
	errNotAdmitted             = errors.New("engineio: too many new connections at a time")
)

// enter takes a place for a client with this address, or says why there is none.
func (g *gate) enter(network netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.byAddress[network] >= g.mostPerIP:
		return errTooManyConnectionsPerIP // before the rate: one address shall not use it up
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

// leave gives a place back.
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
