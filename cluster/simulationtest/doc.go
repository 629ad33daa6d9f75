// Package simulationtest runs a cluster of two to five nodes in virtual time and lets everything fail that may fail.
//
// # Usage
//
//	go test ./cluster/simulationtest                                 # some seeds, in seconds
//	make simulate SEEDS=5000                                         # many
//	go test ./cluster/simulationtest -run TestSimulation -seed 42    # one, with its trace
//
// A seed decides everything that happens in a run, so each run of a seed is the same. A test that fails prints the seed,
// what is wrong, and the end of the trace. With -seed it runs that seed again and prints the whole trace.
//
// # The model
//
// Each node is a real [cluster.Engine]. What surrounds it is simulated: sockets are queues from which clients read (space
// and socket), the bus is a set of links, two for each pair of nodes (network), and the log is one store for all nodes
// (store) with a face for each node (sharedLog). Some runs use the memory log of package cluster instead, or no log.
//
// All of this lives in one bubble of testing/synctest, where time is virtual: a minute in which nothing happens costs
// nothing. One goroutine, the schedule, decides what happens next. A call of an engine that may wait, such as Publish,
// Append or Claim, stands still until the schedule gives its verdict: the call passes, it fails, it fails after a part of
// its work, or it does its work and its answer is lost. Messages wait in their links, and entries in the log, until the
// schedule delivers them. After each such step the schedule waits until all goroutines stand still again. So one thing
// happens at a time, in an order that the seed decides.
//
// A run has these parts:
//
//   - Clients connect, join and leave rooms, lose their connections (the server notices at once, or later), come back to
//     any node with what they remember, sometimes two at once with the same secret, and quit. Nodes broadcast to targets of
//     every kind, ask questions of every kind, and move or disconnect sockets of other nodes.
//   - Faults come between: messages are lost or come twice, calls fail, entries are not delivered, nodes are partitioned,
//     paused, killed and restarted, the broker of the bus is away, the log is slow, or loses everything. The shape of a run
//     says which of these it has. Few runs have all, so that one fault does not hide another.
//   - From time to time there is a calm: all faults end, and everything under way arrives, for longer than any timeout.
//   - At the end all clients quit and all nodes close.
//
// The faults stay within the contract of a bus and a log. A bus may lose a message or deliver it twice, but it keeps the
// order of each sender and namespace. A log keeps what it has accepted. When it leaves out an entry in a delivery, the
// engine must notice (by Entry.Previous, or by a position check) and read it.
//
// # Invariants
//
// A ledger holds when each client was surely in a room and when it may have been: a change takes a while, and a node that
// was killed may not have stored it. The ledger also holds what was sent, and what each client has seen. A life is a
// session from the client's side: it lasts, over many connections and nodes, until the client leaves or learns that it was
// not recovered. These must hold:
//
//   - With a shared log, each accepted packet reaches each life that it was meant for, once and in the order of the log, or
//     the life ends. Its offset belongs to it, and offsets grow on each node and for each client.
//   - With any log or none, no client receives anything twice, out of the order of its sender, or not meant for it. What a
//     node sends reaches its own clients, and if the run loses nothing on purpose all others too.
//   - Questions end by their deadline. In a calm their answers are complete. When one node is paused, the error names that
//     node and no other.
//   - A session is restored once: in a calm each client is on one node. It comes back with the rooms and data that it had.
//     A session that has expired is reported once and not restored.
//   - In a calm all nodes know each other, and engines and ledger agree on members and rooms.
//   - At the end no session, member, request, call or goroutine is left, and nothing refers to an engine.
//
// # Sabotage
//
// A simulation that finds nothing may be blind. A [Sabotage] breaks the contract: a log drops an entry that it has accepted,
// appends one twice, exchanges two, or brings a claimed session back; a bus doubles or exchanges messages. One of 200
// seeds must find each sabotage, while the same run without it finds nothing.
//
// # Concurrency
//
// A run is the same each time only if its engines are. Where goroutines of one engine race, for example when they collect
// what the next call of a bus takes, the simulation makes the outcome irrelevant: see calls and network.addLocked. The
// package's tests use one processor, which leaves the little that remains to a scheduler that does the same each time. The
// race detector shuffles goroutines on purpose: a fault that it finds may need several runs of its seed.
package simulationtest
