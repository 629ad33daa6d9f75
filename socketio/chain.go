package socketio

import (
	"slices"
	"sync"
	"sync/atomic"
)

// appended returns a new slice, so that readers of the old one need no lock.
func appended[T any](list []T, v T) []T { return append(list[:len(list):len(list)], v) }

// chain is functions in the order in which they were added. The zero value is ready for use and empty; reading takes no
// lock.
type chain[F any] struct {
	total *atomic.Int64 // of this and other chains; nil if nobody counts. Immutable.

	mu    sync.Mutex // serialises changes
	ended bool
	links atomic.Pointer[[]*F] // replaced and never changed
}

// add appends a function and returns the function that removes it, which may be called more than once.
func (c *chain[F]) add(f F) (off func()) {
	link := &f
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return func() {}
	}
	c.storeLocked(appended(c.all(), link))
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		links := c.all()
		if i := slices.Index(links, link); i >= 0 {
			c.storeLocked(slices.Concat(links[:i], links[i+1:]))
		}
	}
}

// end removes all functions and lets no more in.
func (c *chain[F]) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.storeLocked(nil)
}

func (c *chain[F]) storeLocked(links []*F) {
	if c.total != nil {
		c.total.Add(int64(len(links) - len(c.all())))
	}
	c.links.Store(&links)
}

// all returns the functions; the slice must not be changed.
func (c *chain[F]) all() []*F {
	if links := c.links.Load(); links != nil {
		return *links
	}
	return nil
}
