// Package buffer is a pool of byte slices that all servers of a process share.
package buffer

import "sync"

const (
	// Size is the smallest capacity of the buffers that Take returns. It is enough for the frames of most messages.
	Size = 4 << 10
	// keep is the capacity of the largest buffer that goes back to the pool.
	keep = 64 << 10
)

var pool = sync.Pool{New: func() any { b := make([]byte, 0, Size); return &b }}

// Take returns an empty buffer. The caller may replace the slice by one that has grown.
func Take() *[]byte { return pool.Get().(*[]byte) }

// Give puts a buffer back into the pool. It ignores nil, buffers that have grown too large, and those that are smaller than
// Size because they were resliced.
func Give(b *[]byte) {
	if b != nil && cap(*b) >= Size && cap(*b) <= keep {
		Poison((*b)[:cap(*b)])
		*b = (*b)[:0]
		pool.Put(b)
	}
}
