package cluster

import (
	"context"
	"math"
	"time"

	"github.com/parleyio/parley/parser"
)

// Recoverer is the ability of an adapter to bring back a socket that has lost its connection: its id, its rooms, its
// data and the packets that it has missed (Socket.IO "connection state recovery"). A namespace with recovery uses these
// methods in place of Add and Remove, and sends what can be recovered through Broadcast, also to a single socket.
//
// The adapter appends an offset to the array of each event that asks for no acknowledgement and is not volatile. Offsets
// are unique and opaque to the client, and their order is the order in which every member receives the packets.
//
// That order is kept by a lock. Deliver, the methods of a [Follower] and the function given to Resume may run under it:
// they call neither Broadcast, Close nor the methods below, and wait for no lock that is held by somebody who does.
type Recoverer interface {
	Adapter

	// Enter is Add, and returns the position in the packets at which the member's session begins.
	Enter(m Member) Ordinal

	// Suspend is Remove, and keeps the session so that Take can find it. The adapter fills in Rooms and Received. Of a
	// member that is not there, and after Close, nothing is kept.
	Suspend(s *Leftover)

	// Take finds the session with this secret pid, whose client has received everything up to the offset, and deletes
	// it: a session is restored once. An empty offset stands for the session's beginning. It returns ErrUnknownSession
	// or ErrUnknownOffset, and the session is gone all the same.
	Take(ctx context.Context, pid, offset string) (*Leftover, error)

	// Resume lets a member in whose session was taken. Deliver is called once, with the packets that it has missed, each
	// with its offset, at a moment at which no other packet can come between them and those that follow; the member is
	// in its rooms when Resume returns. The packets are those behind the client's offset that were meant for the rooms
	// of the session, which are those at the time of Suspend.
	//
	// It returns ErrUnknownOffset when the packets are no longer there and ErrClosed after Close, and has then not called
	// deliver; and ErrUnknownMember if the member was removed meanwhile.
	Resume(m Member, s *Leftover, deliver func(missed []*parser.Packet)) error
}

// Follower is a member that remembers the last recoverable packet that was put into its queue. The adapter calls one
// method at a time: the member needs no lock of its own.
type Follower interface {
	Member

	// Received is called after Deliver, before the next packet, and by Resume.
	Received(at Ordinal)

	// LastReceived returns what Received was told last; zero if it has never been called.
	LastReceived() Ordinal
}

// Ordinal is a place in the order of a namespace's packets. Zero is before the first.
type Ordinal uint64

// Leftover is what is kept of a socket that may come back.
type Leftover struct {
	// ID is the socket's id, PID the secret that its client shows to have it again.
	ID, PID string

	// Data is the namespace's affair.
	Data any

	// Joined is what Enter returned. It stays the same when the session is resumed.
	Joined Ordinal

	// Rooms are those that the socket was in, sorted, and Received is the position of the last packet that was put into
	// its queue, as far as it is a Follower. Suspend sets both.
	Rooms    []string
	Received Ordinal

	// From is the position behind which packets are missed. Take sets it, for Resume.
	From Ordinal
}

// RecoveryLimits bounds what a Recoverable adapter keeps in memory for each namespace. For every field zero means the
// default and a negative value no limit.
type RecoveryLimits struct {
	// MaxDisconnection is how long a client may be away. Zero means 2 minutes.
	//
	// Packets are kept a minute longer: a connection may have been dead for as long before anybody noticed, and what was
	// sent into it is missed too.
	MaxDisconnection time.Duration

	// MaxPackets bounds the packets. Zero means 10,000. The oldest make room; clients that have not received them can
	// then not come back.
	MaxPackets int

	// MaxBytes bounds what the packets hold, in the same way. Zero means 64 MiB.
	MaxBytes int

	// MaxSessions bounds the clients that are away, and the calls of OnExpired that wait. Zero means 100,000. The oldest
	// make room.
	MaxSessions int

	// OnExpired is told the id of each socket whose session has ended unrestored: its time was up, it had to make room,
	// or packets that its client has missed were gone. It is called on a goroutine of its own, for one socket at a time,
	// and may call the adapter; its panic is logged. Sessions that end with Close are not told. Nil means that nobody is.
	OnExpired func(id string)
}

// unnoticed is how long a connection may be dead before its socket is suspended: the default ping interval and timeout
// are 45 s together.
const unnoticed = time.Minute

// withDefaults fills in the defaults, and numbers out of reach for what has no limit.
func (l RecoveryLimits) withDefaults() RecoveryLimits {
	limit(&l.MaxDisconnection, 2*time.Minute, 100*365*24*time.Hour)
	limit(&l.MaxPackets, 10_000, math.MaxInt)
	limit(&l.MaxBytes, 64<<20, math.MaxInt)
	limit(&l.MaxSessions, 100_000, math.MaxInt)
	return l
}

func limit[T ~int | ~int64](v *T, standard, none T) {
	switch {
	case *v == 0:
		*v = standard
	case *v < 0:
		*v = none
	}
}
