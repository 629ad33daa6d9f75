// Package cluster knows which socket is in which room, carries broadcasts to them, and connects the nodes of a cluster.
//
// # Usage
//
// An application puts a [Config] into the options of its server. The zero value is a node that stands alone, in memory.
// Packages of brokers, which return a Config, are planned.
//
//	bus := cluster.NewMemoryBus(false) // connects servers of one process
//	io, err := socketio.New(&socketio.Options{Adapter: cluster.Config{Bus: bus.Node()}})
//
// A server makes one [Engine] of it, and the engine one [Adapter] for each namespace. The adapter keeps the rooms of the
// namespace's members, finds those that a [Target] selects, and hands them with the packet to its [Local], which encodes the
// packet and puts it into their queues. The engine sends requests to other nodes, tracks which nodes exist, sets the
// deadlines and manages sessions. A broker does none of this.
//
// The author of a broker writes a [Bus], which carries a [Message] to the other nodes, and a [Log], which keeps packets and
// sessions, for connection state recovery. Both report their optional features in their traits; there are no further
// interfaces. A type that wraps a Bus or a Log therefore keeps all its features. Both must pass the suites of package
// clustertest. [MemoryBus] and [MemoryLog] connect nodes of one process.
//
// # Rooms
//
// A room exists while it has members; joining makes it and the last leave removes it. The id of a member is a room too, with
// that one member, which needs no joining and cannot be left; it costs nothing until it is used. If other members join that
// room, a broadcast to it reaches them too. An empty list of rooms chooses nobody; several rooms mean their union with each
// member once, and members of an excepted room are left out.
//
// # Concurrency
//
// Adapters and engines are safe for concurrent use. No lock is held during a call of a bus or a log, save for a log with the
// trait Immediate: a slow broker delays the connecting of a client, a join (by Config.JoinTimeout at most) and the answer of
// a query, and never the other sockets. The engine has three kinds of bounded queue: before the bus, after the bus, and
// before a log that is not Immediate.
//
// A panic of the application's functions, of a bus or of a log that the engine calls is logged and does not end the
// process.
//
// If Remove and Join of one member run at the same time, the member is in no room afterwards.
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
// order of their positions. The log does not store volatile packets, packets that ask for an acknowledgement, and packets
// for this node alone; they may arrive before packets that were sent earlier. When Broadcast returns nil, the engine keeps
// the packet in a bounded queue and tries until the log stores it or the engine is closed. A node that finds that an entry
// was not delivered, by [Entry.Previous] or by comparing positions, reads it. When it cannot be read any more the
// namespace's sockets of this node are closed, so that their clients come back and know that they have missed something.
//
// Nobody changes a packet, a target or a message after handing it over.
//
// # Recovery
//
// With a log a socket that has lost its connection comes back: with its id, its rooms, its data and the packets that it has
// missed, in order and once, or not at all. A [Session] is what is kept of it. A log that is Shared has it from the moment
// at which the client learns of it; it is stored again when rooms or data change and while the socket is there, and any node
// can claim it. Exactly one node gets the session, because [Log.Claim] is atomic, and the node that had the session does not
// store it any more. That node is asked for its latest state and ends its connection, if it still has one. A session is
// dropped before its client is told that the server has disconnected it. A log that is not Shared gets the session when the
// connection is lost, and the client comes back to this node.
//
// The client shows the offset of the last packet that it has received. A client that has the last packet that was meant for
// it has missed nothing until the session was stored, however old that packet is; any other needs all packets behind its
// offset, which are read in pages. What is delivered meanwhile waits, and the member enters its rooms in the same step in
// which it is sent what it has missed, so that nothing falls between or comes twice.
//
// # Membership
//
// Nodes send Hello when they start and when their namespaces change, heartbeats, and Bye when they leave. A query waits for
// the nodes on which its namespace lives. It does not wait for a node that sent Bye, or that sent nothing for
// Config.HeartbeatTimeout. An [IncompleteError] names the nodes that became silent or did not answer in time.
//
// With the trait Counts a query also waits for as many answers as the broker counts subscribers, so that it includes nodes
// that send no Hello. The first query waits its full time for a subscriber that never answers. Later queries do not wait for
// it.
package cluster
