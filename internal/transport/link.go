package transport

import (
	"sync"
	"sync/atomic"
	"time"
)

// Link ties a connection to its session. Each connection embeds one, as its first field: a session keeps a pointer to it,
// because a pointer can be read without the mutex, and a broadcast to thousands finds what it needs in few cache lines.
type Link struct {
	// Immutable once it is bound.
	Conn     Conn
	Session  Session
	Mu       *sync.Mutex // the session's
	Limits   *Limits
	Prepares bool // Conn.Prepare has something to do

	// Reader is the number of the goroutine that reads, where goroutines take turns. Conn.HandOver starts the next.
	Reader atomic.Int32

	controls Budget // owned by the goroutine that reads
}

// Bind ties the connection to the session that it is to carry. It comes before all other calls.
func (l *Link) Bind(c Conn, s Session, mu *sync.Mutex) { l.Conn, l.Session, l.Mu = c, s, mu }

// Tie implements Conn.
func (l *Link) Tie() *Link { return l }

// Touch reads a part of the connection, so that the processor fetches it.
func (l *Link) Touch() { l.Reader.Load() }

// CountControl counts a packet of the client that carries no message. It returns ErrControls when there are too many in a
// second. It belongs to the goroutine that reads.
func (l *Link) CountControl() error {
	if !l.controls.Allow(l.Limits.MaxControlPackets) {
		return ErrControls
	}
	return nil
}

// Limits are those of a server's options. Zero has no meaning here: there is always a number.
type Limits struct {
	MaxPayload        int // bytes of a message
	MaxControlPackets int // in a second
	SendQueueBytes    int
	SendQueuePackets  int

	ReadTimeout    time.Duration // for a message whose first byte has arrived
	WriteTimeout   time.Duration // for one write
	CloseTimeout   time.Duration // for the client to close its side
	UpgradeTimeout time.Duration // for a client to say what it has connected for
}

// Fits reports whether so much more may join what is queued. One group always fits an empty queue.
func (l *Limits) Fits(queuedPackets, queuedBytes, packets, bytes int) bool {
	return queuedPackets == 0 || (queuedBytes+bytes <= l.SendQueueBytes && queuedPackets+packets <= l.SendQueuePackets)
}

// slack is the part of the bounds of a queue that is freed beyond what is needed, so that a client that stays slow does
// not cost a walk over its queue for each message.
const slack = 16

// WithSlack returns how much to free for so many packets and bytes.
func (l *Limits) WithSlack(packets, bytes int) (int, int) {
	return packets + l.SendQueuePackets/slack, bytes + l.SendQueueBytes/slack
}

// Budget bounds what a client can make the server do with packets that carry nothing.
type Budget struct {
	second uint32 // the current one
	used   int32  // in it
}

// Allow counts one packet and reports whether there may be so many in a second.
func (b *Budget) Allow(limit int) bool {
	if second := uint32(time.Now().Unix()); second != b.second {
		b.second, b.used = second, 0
	}
	b.used++
	return int(b.used) <= limit
}
