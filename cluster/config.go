package cluster

import (
	"log/slog"
	"time"
)

// Config composes a cluster: a bus that connects the nodes, and a log for connection state recovery. The constructors of
// brokers return one, and socketio.Options.Adapter takes it. The zero value is a node that stands alone, in memory,
// without recovery. For durations zero means the default and a negative value is an error.
//
// A Bus and a Log belong to one engine: a Config that holds one is used once.
type Config struct {
	// Bus connects the nodes. Nil means that this node is alone.
	Bus Bus

	// Log brings sockets back that have lost their connection. Nil means that none come back, unless
	// socketio.Options.Recovery asks for it; that makes a log of this node, in memory.
	Log Log

	// NodeID names this node; no other node of the cluster may have the name, and a node that starts again takes a new
	// one. Empty means 20 random characters.
	NodeID string

	// Logger receives what an operator should know, at the levels Debug, Warn and Error. Nil means the server's.
	Logger *slog.Logger

	// RequestTimeout ends questions to other nodes whose context has no deadline. Zero means 5 s.
	RequestTimeout time.Duration

	// HeartbeatInterval is the time between two heartbeats. Zero means 3 s.
	HeartbeatInterval time.Duration

	// HeartbeatTimeout is how long a node that says nothing is waited for. Zero means 10 s.
	HeartbeatTimeout time.Duration

	// JoinTimeout bounds how long a join waits for the bus to subscribe to a room. Zero means 1 s.
	JoinTimeout time.Duration

	// PublishQueue bounds the messages that wait for the bus, and those that wait to be handled after they came, each for
	// every namespace. Zero means 16,384. Beyond it messages are dropped and counted, and questions end at once.
	PublishQueue int

	// AppendQueue bounds the packets of a namespace that wait for a log that is not Immediate. Zero means 4,096. Beyond it
	// broadcasts return ErrQueueFull.
	AppendQueue int

	// MaxDisconnection is how long a session is kept after its connection was lost. Zero means 2 minutes.
	MaxDisconnection time.Duration

	// PositionCheck is the time between two comparisons of what a namespace has delivered with the end of its log, which
	// find entries that got lost on their way. Zero means 10 s.
	PositionCheck time.Duration
}
