package cluster

import (
	"context"
	"log/slog"
	"time"
)

// Bus carries messages between the nodes of a cluster. The author of a broker implements it; users compose it with a
// [Log] in a [Config]. Each Bus belongs to one engine.
//
// The engine keeps the requests, deadlines, membership and queues: a bus encodes, sends, receives and decodes. Traits
// reports optional features; there are no further interfaces, so a type that wraps a bus keeps all its features.
//
// All methods are called outside locks and may wait until their context ends, save for Traits and Health, which return at
// once. A bus that has lost its broker returns errors meanwhile and comes back by itself; it never ends the process.
// Package clustertest checks what is written here.
type Bus interface {
	// Traits says what the bus can do. It is called before Start and must not change.
	Traits() BusTraits

	// Start connects the bus to its node and begins to receive. It does not wait for the broker: a node starts without
	// it. It returns an error when the bus was started before, or is used in a way that can never work.
	Start(ctx context.Context, node BusNode) error

	// Publish sends messages: each to the other nodes, or to the node that it names in To. It is called by one goroutine
	// at a time, with all that has come together since the last call, and may send them in one batch.
	//
	// The messages of a namespace arrive in the order in which they were published here. If Message.Room returns a room,
	// the bus must keep the order only within that room. A message may be lost, and may arrive twice. A node need not
	// receive its own messages; the engine drops those that come back. An error means that some of the messages were not
	// sent. The engine ends the requests among them with an error, and sends none of the messages again.
	Publish(ctx context.Context, messages []*Message) error

	// Watch says which namespaces and rooms have begun or ceased to live on this node. It returns when messages for those
	// that have begun arrive here from then on. The engine calls it for one batch at a time, in order. Rooms are among the
	// changes only with the trait Rooms. After an error the engine repeats the batch.
	Watch(ctx context.Context, changes []Interest) error

	// Count returns how many nodes the broker knows to receive the messages of a namespace, this one included. It is
	// called only with the trait Counts, when a question is asked and while it is unanswered.
	Count(ctx context.Context, namespace string) (int, error)

	// Health returns what is known of the broker without asking it.
	Health() BusHealth

	// Close ends the bus and waits until Receive is no longer called.
	Close(ctx context.Context) error
}

// BusTraits is what a bus can do. The zero value is a bus that sends every message to all nodes.
type BusTraits struct {
	// Rooms says that the bus subscribes to single rooms: Watch is told of them, and joining the first socket of this
	// node to a room waits for it, up to Config.JoinTimeout. False means that every message reaches every node.
	Rooms bool

	// Counts says that the broker counts nodes, so that peers that do not say hello (Node.js) are waited for. False means
	// that the nodes that say hello are all there are.
	Counts bool
}

// BusNode is what the engine hands over to its bus.
type BusNode struct {
	// ID is the node's id, to be sent in every message.
	ID string

	// Logger is for what an operator should know.
	Logger *slog.Logger

	// Receive takes a message and never waits. Messages of one namespace are handled in the order of the calls; it may be
	// called from several goroutines for different namespaces. If Receive returns true, the engine's queue is more than
	// half full. The bus should then deliver more slowly, if it can. A message that does not fit the queue is dropped and
	// counted.
	Receive func(m *Message) (behind bool)
}

// Interest is a change of what lives on this node.
type Interest struct {
	// Namespace is the namespace's name.
	Namespace string
	// Room is the room's name. Empty means the namespace itself.
	Room string
	// Private says that the room is the id of a socket.
	Private bool
	// Ended says that the namespace or room lives here no longer.
	Ended bool
}

// BusHealth is what a bus knows of its broker.
type BusHealth struct {
	// Err is why the broker cannot be used now, or nil.
	Err error
	// Since is when that state began.
	Since time.Time
	// Answered is when the broker answered last.
	Answered time.Time
	// Subscriptions is the number of subscriptions that the bus holds.
	Subscriptions int
}
