// Package cluster knows which socket is in which room, carries broadcasts to them, and makes the nodes of a cluster one.
//
// # Usage
//
// An application puts a [Config] into the options of its server and imports no more than the package of its broker, which
// makes the Config. The zero value is a node that stands alone, in memory.
//
//	io, err := socketio.New(&socketio.Options{Adapter: redis.Adapter(client, nil)})
//
// A server makes one [Engine] of it, and the engine one [Adapter] for each namespace. The adapter keeps the rooms of the
// namespace's members, finds those that a [Target] selects, and hands them with the packet to its [Local], which encodes the
// packet and puts it into their queues. What other nodes are asked, who they are, how long they are waited for and which
// sessions there are is the engine's part, once for all brokers.
//
// The author of a broker writes a [Bus], which carries a [Message] to the other nodes, and a [Log], which keeps packets and
// sessions, for connection state recovery. Both state what else they can do in their traits; there are no further interfaces,
// so that one that wraps another loses nothing. Both must pass the suites of package clustertest. [MemoryBus] and [MemoryLog]
// are the ones for nodes of one process.
//
// # Rooms
//
// A room exists while it has members; joining makes it and the last leave removes it. The id of a member is a room
// too, with that one member, which needs no joining and cannot be left; it costs nothing until it is used. Should other
// members join a room of that name, the name addresses all of them. An empty list of rooms chooses nobody; several rooms
// mean their union with each member once, and members of an excepted room are left out.
//
// # Concurrency
//
// Adapters and engines are safe for concurrent use. No lock is held during a call of a bus or a log, save for a log with the
// trait Immediate: a slow broker delays the connecting of a client, a join (by Config.JoinTimeout at most) and the answer of
// a query, and never the other sockets. Between broadcasts and the bus, between the bus and the members, and before a log
// that is not Immediate stands a bounded queue each.
//
// A panic of the application's functions, of a bus or of a log that the engine calls is logged and does not end the
// process.
//
// A member that is removed while it joins a room ends up in no room, whatever the interleaving.
//
// # Delivery
//
// The broadcasts of one goroutine are delivered to each socket in its order. Those of several goroutines may be delivered at
// the same time and interleave differently for each socket, except for packets of a log.
//
// Without a log a broadcast is delivered on this node before it returns, and on the others at most once: a bus may lose
// messages. Messages that a bus delivers twice are recognised by [Message.Sequence] and dropped. While the broker is away
// members of this node go on receiving; what the bus did not take is counted in [Health].
//
// With a log that is Shared, packets that can be recovered travel by the log alone: it delivers them on every node in the
// order of their positions. What is volatile, asks for an acknowledgement or is for this node alone does not go into it and
// may overtake. A broadcast is accepted when it returns nil and is then not given up: it waits in a bounded queue until
// the log has it. A node that finds that an entry was not delivered, by [Entry.Previous] or by comparing positions, reads it.
// When it cannot be read any more the namespace's sockets of this node are closed, so that their clients come back and know
// that they have missed something.
//
// Nobody changes a packet, a target or a message after handing it over.
//
// # Recovery
//
// With a log a socket that has lost its connection comes back: with its id, its rooms, its data and the packets that it has
// missed, in order and once, or not at all. A [Session] is what is kept of it. A log that is Shared has it from the moment at
// which the client learns of it; it is stored again when rooms or data change and while the socket is there, and any node
// can claim it. One does: [Log.Claim] compares and sets, and a session that was claimed is not stored by the node that had it
// any more. That node is asked for its latest state and ends its connection, if it still has one. A session is dropped
// before its client is told that the server has disconnected it. A log that is not Shared gets the session when the
// connection is lost, and the client comes back to this node.
//
// The client shows the offset of the last packet that it has received. A client that has the last packet that was meant for
// it has missed nothing until the session was stored, however old that packet is; any other needs all packets behind its
// offset, which are read in pages. What is delivered meanwhile waits, and the member enters its rooms in the same step in
// which it is sent what it has missed, so that nothing falls between or comes twice.
//
// # Membership
//
// Nodes say hello when they start and when their namespaces change, beat, and say goodbye. A query waits for the nodes on
// which its namespace lives: a node that says goodbye is not waited for any more, nor one that is silent for
// Config.HeartbeatTimeout; what is missing then is named in an [IncompleteError]. With the trait Counts the broker's number
// of subscribers bounds what is waited for besides: nodes of another make are counted, and named once they have answered; a
// subscriber that never answers costs one deadline and is then remembered.
package cluster
