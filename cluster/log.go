package cluster

import (
	"context"
	"log/slog"

	"github.com/parleyio/parley/parser"
)

// Log keeps the latest packets of each namespace in one order, and the sessions of sockets that may come back. With a log in
// its [Config] a cluster has connection state recovery. The author of a broker implements it, in addition to a [Bus] and in
// a type of its own, because Start and Traits differ. Each Log belongs to one engine.
//
// A packet that can be recovered does not travel on the bus when the log is shared: the log delivers it to every node
// that follows the namespace, the one that appended it included, in the order of positions. So the order of positions is
// the order in which every socket receives the packets, and nothing is lost between what is delivered and what is read
// again.
//
// All methods are called outside locks, from several goroutines, and may wait until their context ends, save for Traits,
// AppendOffset, ParseOffset and Health, which return at once, and for a log with the trait Immediate. Traits reports
// optional features; there are no further interfaces. Package clustertest checks what is written here.
type Log interface {
	// Traits says what the log can do. It is called before Start and must not change.
	Traits() LogTraits

	// Start connects the log to its node. It does not wait for the broker. It returns an error when the log was started
	// before, or is used in a way that can never work.
	Start(ctx context.Context, node LogNode) error

	// Follow begins to deliver the entries of a namespace that come behind the position that it returns, which is the end
	// of the log. Following twice is an error of the caller. Unfollow ends it; when it returns Deliver is no longer called
	// for the namespace.
	Follow(ctx context.Context, namespace string) (Position, error)
	Unfollow(ctx context.Context, namespace string) error

	// Append puts entries at the end of a namespace, in their order, and sets the Position of each that was appended. It is
	// called by one goroutine at a time for each namespace, unless the log is Immediate. After an error those without a
	// Position may have been appended or not, and the engine appends them again: a log recognises an entry by Node and
	// Sequence and appends it once, if it can.
	Append(ctx context.Context, namespace string, entries []Entry) error

	// Read returns the entries of a namespace after a position, oldest first. It returns at most `most` entries. Fewer than
	// `most` means the end of the log. If the log never gave the position, or if an entry after it is missing, Read returns
	// ErrUnknownOffset and no entries.
	Read(ctx context.Context, namespace string, after Position, most int) ([]Entry, error)

	// Last returns the position of the last entry of a namespace, even if the entry was already deleted. For an empty
	// namespace it returns a position before the first entry, in the present epoch and never the zero Position: otherwise a
	// session that begins there does not notice that the log was emptied later. Follow does the same.
	Last(ctx context.Context, namespace string) (Position, error)

	// AppendOffset appends the text form of a position to b: what a client keeps and shows. It needs no escaping in JSON.
	// ParseOffset reads it, and reports false for a text that AppendOffset does not write.
	AppendOffset(b []byte, p Position) []byte
	ParseOffset(offset string) (p Position, ok bool)

	// Keep stores sessions by namespace and PID, each for so long as its TTL, in place of an earlier version. It returns
	// nil when all were stored, or one error for each session. The error is ErrSessionClaimed for a session that was
	// claimed or dropped since its Generation. Keep must not store such a session. A log that does not record claims must
	// refuse a session that is absent and has a Version other than 1. The engine tries again after any other error.
	Keep(ctx context.Context, sessions []*Session) []error

	// Claim returns a session with its next Generation, and deletes it, or returns ErrUnknownSession. Of several that claim
	// it at the same time, on whatever nodes, one gets it. The log remembers the Generation for at least the TTL.
	Claim(ctx context.Context, namespace, pid string) (*Session, error)

	// Drop deletes a session of this Generation and no other, which is then remembered as one that was claimed. It reports
	// whether it was there.
	Drop(ctx context.Context, namespace, pid string, generation uint64) (dropped bool, err error)

	// Health returns what is known of the broker without asking it.
	Health() BusHealth

	// Close ends the log and waits until Deliver is no longer called.
	Close(ctx context.Context) error
}

// LogTraits is what a log can do.
type LogTraits struct {
	// Shared says that all nodes of the cluster have this log: what one appends is delivered to all, and a session can be
	// claimed on any. False is a log of this node alone: what comes from the bus is appended to it too, and clients
	// recover on this node only. It forgets everything with the process, so that sessions are stored when a connection
	// is lost and not before.
	Shared bool

	// Immediate says that Append neither waits nor fails but for an error of Deliver, and has delivered on this node when
	// it returns. The engine then calls it inside a broadcast; otherwise a bounded queue stands before it.
	Immediate bool
}

// LogNode is what the engine hands over to its log.
type LogNode struct {
	// ID is the node's id.
	ID string

	// Logger is for what an operator should know.
	Logger *slog.Logger

	// Deliver takes entries of a namespace that is followed, in the order of their positions, none left out. It is called
	// for one batch at a time of each namespace, and waits for nothing but processor time; it calls nothing of the log.
	// An entry that was delivered before is ignored. The slice is used during the call only.
	//
	// Its error matters only to a log with the trait Immediate, for an entry of this node: nobody was given the packet,
	// and the log takes the entry back and returns the error from Append.
	Deliver func(namespace string, entries []Entry) error

	// Lost says that entries behind the last one that was delivered are gone: the log was emptied, or trimmed before this
	// node has read it. `end` is the end of the log. Delivery continues after it. The engine closes the connections of the
	// namespace's sockets, so that they come back as new ones and know that they have missed something.
	Lost func(namespace string, end Position)
}

// Position is a place in the order of a namespace's entries. Zero is before the first. Positions are ordered by Epoch and
// then by Number; what these are is up to the log: a log that starts empty takes a higher Epoch than before, Redis
// streams have a time and a sequence.
type Position struct {
	Epoch, Number uint64
}

// Compare returns -1, 0 or 1, as p comes before q, is q, or comes behind q.
func (p Position) Compare(q Position) int {
	switch {
	case p == q:
		return 0
	case p.Epoch < q.Epoch, p.Epoch == q.Epoch && p.Number < q.Number:
		return -1
	}
	return 1
}

// IsZero reports whether p is before the first entry.
func (p Position) IsZero() bool { return p == Position{} }

// Entry is a packet in a log, which sockets that have missed it can be sent again. It is not changed after it was
// appended.
type Entry struct {
	// Position is set by the log.
	Position Position

	// Previous is the position of the entry before it, set by a log that knows. The engine finds by it that an entry was
	// not delivered, and reads it. Zero means that the log does not know, or that there is none.
	Previous Position

	// Node is the id of the node that appended the entry, and Sequence numbers the entries of that node and namespace from
	// 1. Zero means that the wire does not carry it, or that the sender is not a node.
	Node     string
	Sequence uint64

	// Packet is an event without an acknowledgement id, and without the offset, which the engine appends to it.
	Packet *parser.Packet

	// Target selects the receivers. Volatile is not set.
	Target *Target
}
