package backend

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// IDs makes message ids: ULIDs, 26 characters that sort by time. Each id sorts behind every earlier one of the same IDs
// and behind the id that it was started with, also within one millisecond and when the clock has been set back: then it
// counts on from its last id until the clock has caught up. A store starts its IDs with the greatest id that it holds,
// so a new message is the newest of its room even if the machine came back with a wrong clock.
//
// It is safe for concurrent use.
type IDs struct {
	mu   sync.Mutex
	last ulid.ULID // mu guards it
}

// NewIDs returns IDs whose ids sort behind after. Empty means from the beginning of time.
func NewIDs(after string) (*IDs, error) {
	g := new(IDs)
	if after != "" {
		last, err := ulid.ParseStrict(after)
		if err != nil {
			return nil, fmt.Errorf("backend: message id %q: %w", after, err)
		}
		g.last = last
	}
	return g, nil
}

// Next returns the next id, made at now if the clock allows.
func (g *IDs) Next(now time.Time) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ms := ulid.Timestamp(now); ms > g.last.Time() {
		// crypto/rand.Reader does not fail, and a timestamp within ULID's range has nothing else to complain about.
		g.last = ulid.MustNew(ms, rand.Reader)
	} else {
		increment(&g.last)
	}
	return g.last.String()
}

// FirstID returns an id that sorts before every id that was made at this time or later, and behind the others.
func FirstID(at time.Time) string {
	var id ulid.ULID
	if ms := at.UnixMilli(); ms > 0 {
		_ = id.SetTime(uint64(ms)) // fails after the year 10889
	}
	return id.String()
}

// increment adds one; an overflow of the random part carries into the time, which keeps the order.
func increment(id *ulid.ULID) {
	for i := len(id) - 1; i >= 0; i-- {
		id[i]++
		if id[i] != 0 {
			return
		}
	}
}
