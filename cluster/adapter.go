package cluster

import "github.com/parleyio/parley/parser"

// Member is a socket of this node, as far as rooms are concerned.
type Member interface {
	// ID is the socket's id: not empty, unique in its namespace and the same for the member's whole life.
	ID() string
}

// Target says who receives a broadcast and in which manner. The zero value, and nil, choose nobody.
//
// A Target is not changed after it has been handed to an adapter.
type Target struct {
	// Everyone selects every member; Rooms is ignored then. False leaves the choice to Rooms.
	Everyone bool

	// Rooms selects the members of any of these rooms; a member's id is a room. Empty selects nobody.
	Rooms []string

	// Except leaves out the members of any of these rooms; a member's id is a room. Empty leaves out nobody.
	Except []string

	// Volatile lets the packet be dropped for members that cannot take it at once.
	Volatile bool

	// Local keeps the packet on this node.
	Local bool

	// NoCompress asks the transports not to compress the packet.
	NoCompress bool
}

// Local is the namespace on this node: the one that turns packets into bytes. Adapters never encode.
type Local interface {
	// Deliver puts the packet into the queues of the members and returns without waiting for any of them. The slice is
	// never empty and belongs to the adapter: it is valid during the call only. The target is the one of the broadcast
	// and never nil; it is there for the manner of delivery, the choice of members has been made.
	//
	// Deliver is called from several goroutines at once. No lock of the adapter is held save the one that keeps
	// recoverable packets in order; Deliver may therefore call the adapter, but neither Broadcast nor Close nor what a
	// [Recoverer] adds. Its errors are those of encoding and of a closed server, and mean that no member has the packet;
	// a member that cannot take it is its own affair.
	Deliver(p *parser.Packet, members []Member, t *Target) error

	LocalQueries
}

// Adapter keeps the rooms of one namespace and delivers its broadcasts. The package documentation says what an
// implementation owes; package clustertest checks it.
//
// All methods are safe for concurrent use, and only those that take a context wait for another node.
type Adapter interface {
	// Add lets a member into the namespace. A member with the same id that is still there is replaced, and leaves all
	// its rooms.
	Add(m Member)

	// Remove takes the member with this id out of the namespace and of all its rooms. An unknown id is ignored.
	Remove(id string)

	// Join puts a member into rooms; those it is in already are ignored, and so is its own id. It returns
	// ErrUnknownMember if there is no such member, in which case the member is in none of the rooms, and ErrClosed
	// after Close. The number and the length of room names are limited by the caller.
	Join(id string, rooms ...string) error

	// Leave takes a member out of rooms. Unknown ids, rooms it is not in, and its own id are ignored.
	Leave(id string, rooms ...string)

	// Rooms returns the rooms that a member has joined, sorted and without its own id. It is empty for an unknown id.
	// The slice belongs to the caller.
	Rooms(id string) []string

	// InRoom reports whether a member is in a room. A member is always in the room of its own id.
	InRoom(id, room string) bool

	// Members returns the members of this node that a target selects, in no particular order. The slice belongs to
	// the caller.
	Members(t *Target) []Member

	// Broadcast delivers a packet to the members that a target selects, here and, unless t.Local is set, on the other
	// nodes. Whether delivery has happened when it returns is up to the adapter; the order of the broadcasts of one
	// goroutine is kept in any case. It returns the error of Deliver, if that has run, ErrQueueFull, or ErrClosed.
	Broadcast(p *parser.Packet, t *Target) error

	// Close releases what the adapter holds. After it Join and Broadcast return ErrClosed; the other methods go on
	// answering for this node, so that members that end late can still be removed. Closing twice does nothing.
	Close() error

	Queries
}

// Factory makes the adapter of one namespace. The server calls it once for each namespace, when the namespace is made.
type Factory func(namespace string, local Local) (Adapter, error)
