package engineio

import "sync"

const (
	// readBufferSize holds a burst of small messages; a read that finds nothing gives its buffer back at once.
	readBufferSize = 8 << 10
	// plainBufferSize is what a connection without a descriptor keeps all the time.
	plainBufferSize = 2 << 10
	// writeBufferSize holds the frames of one message, or of one burst of replies.
	writeBufferSize = 4 << 10
	// writeBufferKeep is the largest buffer that goes back to the pool.
	writeBufferKeep = 64 << 10
)

// The pools are shared by all servers of a process: a buffer belongs to nobody while it is in a pool.
var (
	readBuffers  = sync.Pool{New: func() any { return new([readBufferSize]byte) }}
	writeBuffers = sync.Pool{New: func() any { b := make([]byte, 0, writeBufferSize); return &b }}
)

func takeReadBuffer() *[readBufferSize]byte { return readBuffers.Get().(*[readBufferSize]byte) }

func giveReadBuffer(b *[readBufferSize]byte) {
	poison(b[:])
	readBuffers.Put(b)
}

func takeWriteBuffer() *[]byte { return writeBuffers.Get().(*[]byte) }

// giveWriteBuffer takes a buffer back, unless it has grown too large to keep or lost its front.
func giveWriteBuffer(b *[]byte) {
	if b != nil && cap(*b) >= writeBufferSize && cap(*b) <= writeBufferKeep {
		poison((*b)[:cap(*b)])
		*b = (*b)[:0]
		writeBuffers.Put(b)
	}
}
