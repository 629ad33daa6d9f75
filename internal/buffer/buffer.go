// Package buffer lends byte slices out of pools that all servers of a process share. A buffer belongs to nobody while it
// is in a pool.
package buffer

import "sync"

const (
	// Size holds the frames of one message, or of one burst of replies. It is what Take returns at least.
	Size = 4 << 10
	// keep is the largest buffer that goes back to the pool.
	keep = 64 << 10
)

var pool = sync.Pool{New: func() any { b := make([]byte, 0, Size); return &b }}

// Take returns an empty buffer, which may be replaced by what it grows to.
func Take() *[]byte { return pool.Get().(*[]byte) }

// Give takes a buffer back, unless it is nil, has grown too large to keep or has lost its front.
func Give(b *[]byte) {
	if b != nil && cap(*b) >= Size && cap(*b) <= keep {
		Poison((*b)[:cap(*b)])
		*b = (*b)[:0]
		pool.Put(b)
	}
}
