// Package cluster knows which socket is in which room and carries broadcasts to them.
//
// A namespace owns one [Adapter]. The adapter keeps the rooms of the namespace's members, finds the members that a
// [Target] selects, and hands them with the packet to its [Local], which encodes the packet and puts it into their
// queues. [InMemory] is the adapter of a server that stands alone: a cluster of one.
//
// # Usage
//
// An application chooses a [Factory] in the server's options and never calls an adapter itself; rooms are joined and
// broadcasts are sent through the server's sockets and namespaces. The rest of this page is for authors of adapters.
//
// An adapter for a broker wraps the in-memory one, which keeps its local members, and adds the way to the other nodes:
// its Broadcast publishes the packet, and what it receives it gives to the wrapped adapter's Broadcast. Every adapter
// must pass the suite of package clustertest.
//
// # Rooms
//
// A room exists while it has members; joining makes it and the last leave removes it. The id of a member is a room
// too, with that one member, which needs no joining and cannot be left; it costs nothing until it is used. Should other
// members join a room of that name, the name addresses all of them. The rules of targeting are those of the Socket.IO
// protocol: several rooms mean their union with each member once, and a member of an excepted room is left out. An empty
// list of rooms chooses nobody: a target that means every member says so in Everyone.
//
// # Concurrency
//
// An Adapter is safe for concurrent use. Deliver may call the adapter, save for Broadcast and Close; it must not block,
// because other packets may wait behind it.
//
// A panic on a goroutine or timer of the in-memory adapters, the application's functions included, is logged to
// [log/slog.Default] and does not end the process.
//
// A member that is removed while it joins a room ends up in no room, whatever the interleaving.
//
// # Delivery
//
// The broadcasts of one goroutine are delivered in its order. Those of several goroutines may be delivered at the same
// time and interleave differently for each member.
//
// The in-memory adapter delivers before Broadcast returns. Another adapter may accept the packet, return, and deliver
// later from a goroutine of its own, in one order for the whole namespace: an adapter that takes its offsets from a log
// (a Redis stream) must, for a packet has no offset before the log has given one. Therefore nobody changes a packet or
// a target after handing it over, an adapter that delivers another packet than it was given (one with an offset) makes a
// copy, and an adapter whose queue is full answers [ErrQueueFull]. Errors of a later delivery have nobody to go to: the
// adapter logs them.
//
// # Recovery
//
// An adapter that is a [Recoverer] can bring back sockets that have lost their connection. [Recoverable] is the
// in-memory one: it numbers the packets of a namespace, keeps the latest, and puts each into the history and into the
// queues of its members in one step, so that the order of the offsets is the order of delivery. Broadcasts of one
// namespace therefore wait for each other; what has no offset (volatile events, those with acknowledgements) does not.
//
// # Growth
//
// Abilities that only some adapters have are interfaces of their own, found by type assertion: [Recoverer], and
// [RoomEvents] for those who want to know when rooms come and go. Target grows by fields.
package cluster
