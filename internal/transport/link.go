package transport

import (
	"sync"
	"sync/atomic"
	"time"
)

// Link connects a connection with its session. Each connection embeds one as its first field. A session holds a pointer to
// it, which can be read without the mutex, and a broadcast to thousands of sessions reads few cache lines.
type Link struct {
	// Immutable once it is bound.
	Conn     Conn
	Session  Session
	Mu       *sync.Mutex // the session's
	Limits   *Limits
	Prepares bool // Conn.Prepare must be called

	// Reader is the number of the goroutine that reads. Conn.HandOver starts the next one.
	Reader atomic.Int32

	controls Budget // owned by the goroutine that reads
}

// Bind sets the session that the connection carries. It is called before all other methods.
func (l *Link) Bind(c Conn, s Session, mu *sync.Mutex) { l.Conn, l.Session, l.Mu = c, s, mu }

// Tie implements Conn.
func (l *Link) Tie() *Link { return l }

// Touch reads a part of the connection, so that the processor loads it into its cache.
func (l *Link) Touch() { l.Reader.Load() }

// CountControl counts a packet of the client that carries no message. It returns ErrControls when there were too many in
// one second. Only the goroutine that reads may call it.
func (l *Link) CountControl() error {
	if !l.controls.Allow(l.Limits.MaxControlPackets) {
		return ErrControls
	}
	return nil
}

// Limits are the limits of a server's options. Zero has no special meaning here.
type Limits struct {
	MaxPayload        int // bytes of a message
	MaxControlPackets int // in a second
	SendQueueBytes    int
	SendQueuePackets  int

	ReadTimeout    time.Duration // for a message whose first byte has arrived
	WriteTimeout   time.Duration // for one write
	CloseTimeout   time.Duration // for the client to close its side
	UpgradeTimeout time.Duration // for a client to name its session on the connection
}

// Fits reports whether a group of packets and bytes fits a queue. One group always fits an empty queue.
func (l *Limits) Fits(queuedPackets, queuedBytes, packets, bytes int) bool {
	return queuedPackets == 0 || (queuedBytes+bytes <= l.SendQueueBytes && queuedPackets+packets <= l.SendQueuePackets)
}

// slack is the part of a queue (1/slack of its limits) that is freed in addition to the needed space, so that not every
// message to a slow client requires a loop over its queue.
const slack = 16

// WithSlack returns the packets and bytes to free for a group of packets and bytes.
func (l *Limits) WithSlack(packets, bytes int) (int, int) {
	return packets + l.SendQueuePackets/slack, bytes + l.SendQueueBytes/slack
}

// Budget limits the packets without messages that a client may send in a second.
type Budget struct {
	second uint32 // the current one
	used   int32  // in it
}

// Allow counts one packet and reports whether the number in the current second is within the limit.
func (b *Budget) Allow(limit int) bool {
	if second := uint32(time.Now().Unix()); second != b.second {
		b.second, b.used = second, 0
	}
	b.used++
	return int(b.used) <= limit
}
