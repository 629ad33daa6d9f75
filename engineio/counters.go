package engineio

import (
	"errors"
	"os"
	"sync/atomic"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// counters are the values of Stats.
type counters struct {
	opened           atomic.Int64
	refused          [6]atomic.Int64
	closedBy         [6]atomic.Int64
	tooMany          atomic.Int64
	tooManyPerIP     atomic.Int64
	notAdmitted      atomic.Int64
	payloadTooLarge  atomic.Int64
	tooManyFragments atomic.Int64
	tooManyControls  atomic.Int64
	unsolicitedPongs atomic.Int64
	panics           atomic.Int64

	volatileDropped, expendableDropped           atomic.Int64
	readTimeouts, writeTimeouts, upgradeTimeouts atomic.Int64
}

// reasons maps indexes of counters.closedBy to reasons.
var reasons = [6]Reason{TransportClose, TransportError, ForcedClose, PingTimeout, ParseError, SlowConsumer}

func (c *counters) closed(reason Reason) {
	for i, r := range reasons {
		if r == reason {
			c.closedBy[i].Add(1)
		}
	}
}

// overLimit counts a handshake that the gate has refused.
func (c *counters) overLimit(cause error) {
	switch cause {
	case errTooManyConnections:
		c.tooMany.Add(1)
	case errTooManyConnectionsPerIP:
		c.tooManyPerIP.Add(1)
	case errNotAdmitted:
		c.notAdmitted.Add(1)
	}
}

// timedOut adds one to the counter if the cause of err is a deadline.
func timedOut(counter *atomic.Int64, err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		counter.Add(1)
	}
}

// violated counts a client that exceeded a limit.
func (c *counters) violated(err error) {
	switch {
	case errors.Is(err, eio.ErrTooLarge):
		c.payloadTooLarge.Add(1)
	case errors.Is(err, eio.ErrFragments):
		c.tooManyFragments.Add(1)
	case errors.Is(err, transport.ErrControls):
		c.tooManyControls.Add(1)
	}
}
