package cluster

import (
	"encoding/json"

	"github.com/parleyio/parley/parser"
)

// Member is a socket of this node, as far as rooms are concerned.
type Member interface {
	// ID is the socket's id: not empty, unique in its namespace and the same for the member's whole life.
	ID() string

	// Progress is where the adapter notes what the member has received. It is the same for the member's whole life; nil
	// for a member that is not recovered.
	Progress() *Progress
}

// Progress is how far a member has come in the log. The zero value is ready. The caller sets PID; only the adapter changes
// the other fields.
type Progress struct {
	// PID is the secret that the member's client shows to have its session again. It is set before Add or Return.Enter.
	// Empty means that the session is not kept.
	PID string

	// stream.mu guards the fields below.
	joined   Position
	received Position
	record   *record // nil unless the session can be recovered
	entered  bool    // the member has been added
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

// nobody reports whether the target selects no member of any node.
func (t *Target) nobody() bool { return t == nil || !t.Everyone && len(t.Rooms) == 0 }

// Local is the namespace on this node: the one that turns packets into bytes. Package cluster never encodes.
//
// Members are never empty and valid during a call only. Besides what is said of Deliver, no lock of the adapter is held
// during a call.
type Local interface {
	// Deliver puts the packet into the queues of the members and returns without waiting for any of them. The slice belongs
	// to the adapter. The target is the one of the broadcast and never nil. Read only Volatile and NoCompress from t:
	// members is already the final list.
	//
	// Deliver is called from several goroutines at once. No lock is held save those that keep recoverable packets in
	// order; Deliver may therefore call Members, Join, Leave and the like, but neither Broadcast nor Close, nor Add and
	// Remove of members with a Progress. Its errors are those of encoding and of a closed server, and mean that no member
	// has the packet; failures of single members are not reported.
	Deliver(p *parser.Packet, members []Member, t *Target) error

	LocalQueries
	LocalSessions
}

// LocalQueries is what an adapter asks of the namespace on this node to answer queries.
type LocalQueries interface {
	// Describe returns what other nodes may know of the members.
	Describe(members []Member) []SocketInfo

	// Join and Leave move the members. They do not wait for subscriptions. A member that is gone, or that may join no
	// more rooms, is left as it is.
	Join(members []Member, rooms ...string)
	Leave(members []Member, rooms ...string)

	// Disconnect takes the members out of the namespace.
	Disconnect(members []Member, closeConnection bool)

	// DeliverWithAck is Deliver for a packet that asks for an acknowledgement, to which it gives an id. Answered is called
	// once for each member, from any goroutine and also before DeliverWithAck returns: with its answer, or with an answer
	// that is Lost when it disconnects or cannot be asked. Answered does not block. The adapter calls forget once when it
	// waits no longer, so that nothing is kept for those that have not answered; a call of answered that comes too late is
	// ignored.
	DeliverWithAck(p *parser.Packet, members []Member, t *Target, answered func(Answer)) (forget func(), err error)

	// ServerEvent handles an event of another node and returns at once. Answer is nil when none is asked for; otherwise it
	// is called at most once: never, if nobody handles the event.
	ServerEvent(data []byte, answer func(json.RawMessage))
}

// LocalSessions is what an adapter with a log asks of the namespace on this node.
type LocalSessions interface {
	// Data returns the member's data for its session: a JSON object, or nil.
	Data(m Member) json.RawMessage

	// Supersede ends a member whose client has come back on another connection or node: it has been suspended when
	// Supersede returns, and its connection is being closed.
	Supersede(m Member)

	// Reset closes the connections of members that have missed packets which cannot be had any more, so that their
	// clients come back and know. Their sessions are gone already.
	Reset(members []Member)

	// Expired is told the id of a member whose session has ended unrestored: its time was up, it had to give way, or
	// packets that its client has missed were gone. It is called for one member at a time. Sessions that end with the
	// adapter, and those of a node that died, are not told.
	Expired(id string)
}

// SocketInfo is what a node knows of a socket, its own or another node's.
type SocketInfo struct {
	// ID is the socket's id.
	ID string `json:"id"`
	// Rooms are the rooms that the socket has joined, sorted, without its own id.
	Rooms []string `json:"rooms"`
	// Handshake is a JSON object with what the client said of itself.
	Handshake json.RawMessage `json:"handshake"`
	// Data is a JSON object with the socket's data by name.
	Data json.RawMessage `json:"data"`
}

// Answer is a member's acknowledgement.
type Answer struct {
	// ID is that of the member. It is empty when the member is on a node that does not tell (Node.js).
	ID string
	// Data is the JSON array of the answer's arguments; Attachments are its binary values.
	Data        []byte
	Attachments [][]byte
	// Lost tells that the member will never answer.
	Lost bool
}
