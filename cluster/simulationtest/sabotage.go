package simulationtest

import (
	"context"
	"slices"
	"sync"

	"github.com/parleyio/parley/cluster"
)

// Sabotage is a way to break the contract of a bus or a log, so that messages are lost, come twice or come to the wrong
// receivers, without the engine having a chance to see it. A run must find each.
type Sabotage string

// What a log does wrong. The last three break promises about sessions.
const (
	LogDrops          Sabotage = "log drops an entry that it has accepted"
	LogDoubles        Sabotage = "log appends an entry twice"
	LogSwaps          Sabotage = "log exchanges two entries on one node"
	LogHidesLoss      Sabotage = "log does not deliver an entry and says that the next follows the one before"
	LogServesPart     Sabotage = "log reads a part of a gap"
	LogKeepsEpoch     Sabotage = "log that was emptied numbers its entries as before"
	LogResurrects     Sabotage = "log keeps a session that was claimed"
	LogClaimsTwice    Sabotage = "log answers two claims of a session"
	LogForgetsRoom    Sabotage = "log forgets a room of a session"
	BusDoubles        Sabotage = "bus sends a message twice as two"
	BusSwaps          Sabotage = "bus exchanges two messages of one sender"
	BusIgnoresExcept  Sabotage = "bus loses whom a broadcast leaves out"
	BusCrossesAnswers Sabotage = "bus loses the sockets of an answer"
)

// Sabotages returns all.
func Sabotages() []Sabotage {
	return []Sabotage{
		LogDrops, LogDoubles, LogSwaps, LogHidesLoss, LogServesPart, LogKeepsEpoch, LogResurrects, LogClaimsTwice,
		LogForgetsRoom, BusDoubles, BusSwaps, BusIgnoresExcept, BusCrossesAnswers,
	}
}

// shape gives a run the kind of log that the sabotage needs.
func (s Sabotage) shape(sh *shape) {
	switch s {
	case "":
	case BusDoubles, BusSwaps, BusIgnoresExcept, BusCrossesAnswers:
		if sh.shared() {
			sh.log = logNone
		}
	default:
		sh.log = logShared
	}
	switch s {
	case LogKeepsEpoch:
		sh.faults = append(sh.faults, faultNamed("log emptied"))
	case LogForgetsRoom: // its node would know better
		sh.faults = append(sh.faults, faultNamed("kill"))
	}
}

// bus wraps a node's bus.
func (s Sabotage) bus(b *bus) cluster.Bus {
	switch s {
	case BusDoubles, BusSwaps, BusIgnoresExcept, BusCrossesAnswers:
		return &brokenBus{Bus: b, how: s}
	}
	return b
}

// log wraps a node's log.
func (s Sabotage) log(l *sharedLog) cluster.Log {
	if s == "" {
		return l
	}
	return &brokenLog{Log: l, store: l.store, how: s, claimed: make(map[string]*cluster.Session)}
}

// every is how often something is broken: each time would be found at once.
const every = 5

// brokenLog is a log that breaks its contract.
type brokenLog struct {
	cluster.Log
	store *store
	how   Sabotage

	mu      sync.Mutex
	count   int
	last    map[string]cluster.Position // that was delivered, by namespace
	claimed map[string]*cluster.Session
}

// now reports whether it is time to break something.
func (l *brokenLog) now(how Sabotage) bool {
	if l.how != how {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	return l.count%every == 0
}

// Start implements cluster.Log.
func (l *brokenLog) Start(ctx context.Context, node cluster.LogNode) error {
	deliver := node.Deliver
	l.last = make(map[string]cluster.Position)
	node.Deliver = func(namespace string, entries []cluster.Entry) error {
		entries = slices.Clone(entries)
		if l.now(LogHidesLoss) {
			if entries = entries[1:]; len(entries) == 0 {
				return nil // the next batch hides it
			}
		}
		if l.how == LogHidesLoss {
			l.mu.Lock()
			entries[0].Previous = l.last[namespace]
			l.last[namespace] = entries[len(entries)-1].Position
			l.mu.Unlock()
		}
		if len(entries) > 1 && l.now(LogSwaps) {
			a, b := &entries[0], &entries[1]
			a.Packet, b.Packet = b.Packet, a.Packet
			a.Target, b.Target = b.Target, a.Target
		}
		return deliver(namespace, entries)
	}
	return l.Log.Start(ctx, node)
}

// Append implements cluster.Log.
func (l *brokenLog) Append(ctx context.Context, namespace string, entries []cluster.Entry) error {
	if l.now(LogDrops) {
		if len(entries) == 1 {
			entries[0].Position = l.store.end(namespace)
			return nil
		}
		first := entries[0]
		err := l.Log.Append(ctx, namespace, entries[1:])
		first.Position = entries[1].Position
		entries[0] = first
		return err
	}
	err := l.Log.Append(ctx, namespace, entries)
	if err == nil && l.now(LogDoubles) {
		again := entries[0]
		again.Node, again.Sequence = "", 0
		l.store.append(namespace, []cluster.Entry{again})
	}
	return err
}

// Read implements cluster.Log.
func (l *brokenLog) Read(ctx context.Context, namespace string, after cluster.Position, most int) ([]cluster.Entry, error) {
	entries, err := l.Log.Read(ctx, namespace, after, most)
	if len(entries) > 0 && l.how == LogServesPart {
		entries = entries[1:]
	}
	return entries, err
}

// Claim implements cluster.Log.
func (l *brokenLog) Claim(ctx context.Context, namespace, pid string) (*cluster.Session, error) {
	s, err := l.Log.Claim(ctx, namespace, pid)
	if err != nil {
		return s, err
	}
	switch {
	case l.how == LogForgetsRoom && len(s.Rooms) > 0:
		s.Rooms = s.Rooms[1:]
	case l.how == LogClaimsTwice, l.how == LogResurrects:
		again := *s
		if l.how == LogResurrects {
			again.Version = 1
		} else {
			again.Generation-- // as if it had not been claimed
		}
		l.store.revive(&again)
	}
	return s, nil
}

// brokenBus is a bus that breaks its contract.
type brokenBus struct {
	cluster.Bus
	how   Sabotage
	count int // Publish is called by one goroutine at a time
}

func (b *brokenBus) now() bool {
	b.count++
	return b.count%every == 0
}

// Publish implements cluster.Bus.
func (b *brokenBus) Publish(ctx context.Context, messages []*cluster.Message) error {
	var sent []*cluster.Message
	for _, m := range messages {
		packet := m.Kind == cluster.KindBroadcast && m.Request == ""
		switch {
		case b.how == BusDoubles && packet && b.now():
			again := *m
			again.Sequence = 0
			sent = append(sent, m, &again)
		case b.how == BusSwaps && packet && len(sent) > 0 && sent[len(sent)-1].Kind == cluster.KindBroadcast:
			sent = slices.Insert(sent, len(sent)-1, m)
		case b.how == BusIgnoresExcept && packet && len(m.Target.Except) > 0:
			wrong := *m
			wrong.Target.Except = nil
			sent = append(sent, &wrong)
		case b.how == BusCrossesAnswers && len(m.Sockets) > 0:
			wrong := *m
			wrong.Sockets = nil
			sent = append(sent, &wrong)
		default:
			sent = append(sent, m)
		}
	}
	return b.Bus.Publish(ctx, sent)
}
