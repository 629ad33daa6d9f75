package cluster

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math"
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

	// Log stores packets and sessions, so that clients can resume after a lost connection. Nil means that they cannot,
	// unless socketio.Options.Recovery is set, which makes a log of this node, in memory.
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

	// HeartbeatTimeout bounds the silence of a node. After this time without a message, the engine treats a node as gone.
	// Zero means 10 s.
	HeartbeatTimeout time.Duration

	// JoinTimeout bounds how long a join waits for the bus to subscribe to a room. Zero means 1 s.
	JoinTimeout time.Duration

	// MaxQueue bounds the messages of a node that wait for the bus, those of a namespace that have come and wait to be
	// handled, and the packets of a namespace that wait for a log that is not Immediate. Each is bounded to 64 MiB
	// besides. Zero means 16,384. Beyond it messages are dropped and counted, questions end at once, and broadcasts that
	// wait for the log return ErrQueueFull.
	MaxQueue int

	// MaxDisconnection is how long a session is kept after its connection was lost. Zero means 2 minutes and a negative
	// value no limit. If a node crashes, its sessions are kept up to one third, or 10 s, longer.
	MaxDisconnection time.Duration

	// MaxSessions bounds the sessions of this node, for each namespace, whose clients are away. The oldest give way. Zero
	// means 100,000 and a negative value no limit.
	MaxSessions int

	// PositionCheck is the time between two comparisons of what a namespace has delivered with the end of a log that is
	// Shared, which find entries that got lost on their way. Zero means 10 s.
	PositionCheck time.Duration
}

// withDefaults returns a copy with the defaults filled in, or the first contradiction found.
func (c Config) withDefaults() (Config, error) {
	for _, d := range []struct {
		name     string
		value    *time.Duration
		standard time.Duration
	}{
		{"RequestTimeout", &c.RequestTimeout, 5 * time.Second},
		{"HeartbeatInterval", &c.HeartbeatInterval, 3 * time.Second},
		{"HeartbeatTimeout", &c.HeartbeatTimeout, 10 * time.Second},
		{"JoinTimeout", &c.JoinTimeout, time.Second},
		{"PositionCheck", &c.PositionCheck, 10 * time.Second},
	} {
		switch {
		case *d.value == 0:
			*d.value = d.standard
		case *d.value < 0:
			return c, fmt.Errorf("cluster: Config.%s is negative", d.name)
		}
	}
	if c.HeartbeatTimeout <= c.HeartbeatInterval {
		return c, errors.New("cluster: Config.HeartbeatTimeout is not above HeartbeatInterval, so that nodes would come and go")
	}
	if c.NodeID == "" {
		c.NodeID = newID()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	limit(&c.MaxQueue, 16_384, math.MaxInt)
	limit(&c.MaxDisconnection, 2*time.Minute, forever)
	limit(&c.MaxSessions, 100_000, math.MaxInt)
	return c, nil
}

// forever is a duration that nobody sees the end of; several times of it still fit a time.Duration.
const forever = 50 * 365 * 24 * time.Hour

func limit[T ~int | ~int64](v *T, standard, none T) {
	switch {
	case *v == 0:
		*v = standard
	case *v < 0:
		*v = none
	}
}

// newID returns 15 random bytes as 20 characters: the id of a node or of a request.
func newID() string {
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
