package cluster

import (
	"encoding/json"
	"time"

	"github.com/parleyio/parley/parser"
)

// Kind says what a Message is for. The numbers up to 13 are the types of Socket.IO's ClusterAdapter (socket.io-adapter
// 2.5), so that a codec for its wire can use them as they are. The kinds behind them are known to Parley nodes only; a
// codec that has no form for a message leaves it out, and the engine does without it.
type Kind uint8

const (
	// KindHello says which namespaces live on the sender. It is sent when a node starts, when its namespaces change, and
	// as the answer to a Hello with Ask.
	KindHello Kind = iota + 1
	// KindHeartbeat says that the sender is alive.
	KindHeartbeat
	// KindBroadcast delivers Packet to the sockets that Target selects. With a Request it asks for acknowledgements: each
	// node answers one AckCount, then one Ack for each socket.
	KindBroadcast
	// KindJoin puts the sockets that Target selects into Rooms.
	KindJoin
	// KindLeave takes the sockets that Target selects out of Rooms.
	KindLeave
	// KindDisconnect takes the sockets that Target selects out of the namespace, and with Close closes their connections.
	KindDisconnect
	// KindFetch asks for the sockets that Target selects.
	KindFetch
	// KindFetchAnswer answers Fetch with Sockets.
	KindFetchAnswer
	// KindServerEmit hands Data, an event as a JSON array with the name in front, to the handlers of server events. With
	// a Request it asks for one answer.
	KindServerEmit
	// KindServerEmitAnswer answers ServerEmit with Data, one JSON value.
	KindServerEmitAnswer
	// KindAckCount says that Count sockets of the sender were asked.
	KindAckCount
	// KindAck carries the Answer of one socket.
	KindAck
	// KindBye says that the sender has left: one namespace, or the cluster when Namespace is empty.
	KindBye
	// KindRelease asks the node that kept a session last to give it up, because its client has come back to the sender.
	// Session has PID and ID.
	KindRelease
	// KindReleaseAnswer answers Release: with the Session as it was in the end, or without one.
	KindReleaseAnswer
)

// Message is what nodes send each other. It is one struct for all kinds, so that an author of a bus writes one codec;
// the comment of each kind says which fields it uses besides the first group.
//
// A message and everything it refers to is not changed after it was handed over, by either side.
type Message struct {
	Kind Kind

	// Node is the id of the sender. Any string is accepted. Empty, and "emitter", stand for a sender that is not a node.
	Node string
	// To is the id of the only receiver. Empty means all other nodes.
	To string
	// Namespace is the namespace's name with its leading slash. It is empty in Hello, Heartbeat and Bye of a node that
	// speaks for all its namespaces at once; a peer that heartbeats for each namespace (Node.js) has it set.
	Namespace string
	// Sequence numbers the messages of a sender from 1, over all receivers, in the order in which they were published. A
	// receiver drops those that it has seen. Zero means that the wire does not carry it.
	Sequence uint64
	// Request is the id that a question and its answers share. Empty means that no answer is wanted.
	Request string

	// Target selects the sockets of a Broadcast, Join, Leave, Disconnect or Fetch. Local is never set.
	Target Target
	// Packet is that of a Broadcast. Its Namespace is Message.Namespace.
	Packet *parser.Packet
	// Rooms are those of Join and Leave.
	Rooms []string
	// Close is the flag of Disconnect.
	Close bool
	// Timeout is how long the sender of a question waits. Zero means that the wire does not carry it.
	Timeout time.Duration
	// Data is that of ServerEmit and ServerEmitAnswer.
	Data json.RawMessage
	// Sockets are those of FetchAnswer.
	Sockets []SocketInfo
	// Count is that of AckCount; IDs are the ids of the sockets that were asked, nil if the wire does not carry them.
	Count int
	IDs   []string
	// Answer is that of Ack. A bus may leave out an Answer with Lost set: the requester then waits until its deadline.
	Answer Answer
	// Session is that of Release and ReleaseAnswer.
	Session *Session

	// Namespaces are those of Hello, sorted.
	Namespaces []string
	// Version numbers the changes of the sender's namespaces, in Hello and Heartbeat. Zero means that the wire does not
	// carry it.
	Version uint64
	// Ask wants a Hello in return.
	Ask bool
}

// Room returns the room of a broadcast that goes to exactly one and asks for no acknowledgement. A bus may send such a
// message only to the nodes on which the room lives.
func (m *Message) Room() (room string, ok bool) {
	if m.Kind != KindBroadcast || m.Request != "" || m.Target.Everyone || len(m.Target.Rooms) != 1 {
		return "", false
	}
	return m.Target.Rooms[0], true
}
