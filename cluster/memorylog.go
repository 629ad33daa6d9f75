package cluster

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"math"
	"sync"
	"time"
)

// MemoryLog keeps packets and sessions in the memory of the process, and forgets them with it. Nodes of one process share
// it: each gets a [Log] of its own by Node.
type MemoryLog struct {
	// Immutable after construction.
	limits MemoryLogLimits
	shared bool

	mu       sync.Mutex // guards the fields below; before the locks of namespaces
	epoch    uint64     // of the namespace that was made last
	streams  map[string]*memoryStream
	sessions memorySessions
	sweeper  *time.Timer // forgets sessions when nobody asks for any; nil while there are none
}

// MemoryLogLimits bounds what a memory log keeps of each namespace. For every field zero means the default and a negative
// value no limit.
type MemoryLogLimits struct {
	// MaxAge is how long packets are kept. Zero means 3 minutes: a client may be away for two, and its connection may have
	// been dead for another before anybody noticed.
	MaxAge time.Duration

	// MaxPackets bounds the packets. Zero means 10,000. The oldest make way; clients that have not received them can then
	// not come back.
	MaxPackets int

	// MaxBytes bounds what the packets hold, in the same way. Zero means 64 MiB.
	MaxBytes int
}

func (l MemoryLogLimits) withDefaults() MemoryLogLimits {
	limit(&l.MaxAge, 3*time.Minute, forever)
	limit(&l.MaxPackets, 10_000, math.MaxInt)
	limit(&l.MaxBytes, 64<<20, math.MaxInt)
	return l
}

// NewMemoryLog returns a log that nodes of one process share.
func NewMemoryLog(limits MemoryLogLimits) *MemoryLog {
	return &MemoryLog{limits: limits.withDefaults(), shared: true, streams: map[string]*memoryStream{}}
}

// PrivateLog returns a log in memory for one node alone. In a cluster its clients recover on that node only.
func PrivateLog(limits MemoryLogLimits) Log {
	l := NewMemoryLog(limits)
	l.shared = false
	return l.Node()
}

// Node returns the log of one more node.
func (l *MemoryLog) Node() Log { return &memoryLogNode{log: l} }

// memoryLogNode is a node's end of a MemoryLog.
type memoryLogNode struct {
	log *MemoryLog

	mu     sync.Mutex // guards the fields below
	node   LogNode
	state  engineState
	since  time.Time
	follow map[string]struct{}
}

var errMemoryLog = errors.New("cluster: the node of a memory log is not running")

func (n *memoryLogNode) Traits() LogTraits { return LogTraits{Shared: n.log.shared, Immediate: true} }

func (n *memoryLogNode) Start(_ context.Context, node LogNode) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state != engineNew {
		return errors.New("cluster: a log belongs to one engine")
	}
	n.state, n.node, n.since, n.follow = engineStarted, node, time.Now(), map[string]struct{}{}
	return nil
}

func (n *memoryLogNode) Follow(_ context.Context, namespace string) (Position, error) {
	n.mu.Lock()
	if n.state != engineStarted {
		n.mu.Unlock()
		return Position{}, errMemoryLog
	}
	n.follow[namespace] = struct{}{}
	n.mu.Unlock()
	s := n.log.stream(namespace)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.followers = append(s.followers[:len(s.followers):len(s.followers)], n)
	return s.packets.last(), nil
}

func (n *memoryLogNode) Unfollow(_ context.Context, namespace string) error {
	n.mu.Lock()
	delete(n.follow, namespace)
	n.mu.Unlock()
	l := n.log
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.streams[namespace]
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var others []*memoryLogNode
	for _, f := range s.followers {
		if f != n {
			others = append(others, f)
		}
	}
	if s.followers = others; len(others) == 0 && !l.shared { // nobody can come back
		s.closeLocked()
		delete(l.streams, namespace)
		l.sessions.forget(namespace)
	}
	return nil
}

// stream returns the packets of a namespace.
func (l *MemoryLog) stream(namespace string) *memoryStream {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.streams[namespace]
	if s == nil {
		// Later than any epoch before, of an earlier process too; and nobody else's.
		var random [4]byte
		_, _ = rand.Read(random[:]) // never fails
		l.epoch = max(l.epoch+1, uint64(time.Now().Unix())<<24|uint64(binary.BigEndian.Uint32(random[:])>>8))
		s = &memoryStream{namespace: namespace, packets: history{epoch: l.epoch, limits: l.limits}}
		l.streams[namespace] = s
	}
	return s
}

func (n *memoryLogNode) Append(_ context.Context, namespace string, entries []Entry) error {
	return n.log.stream(namespace).append(n, entries)
}

func (n *memoryLogNode) Read(_ context.Context, namespace string, after Position, most int) ([]Entry, error) {
	s := n.log.stream(namespace)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.packets.behind(after, most)
}

func (n *memoryLogNode) Last(_ context.Context, namespace string) (Position, error) {
	s := n.log.stream(namespace)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.packets.last(), nil
}

func (n *memoryLogNode) AppendOffset(b []byte, p Position) []byte { return appendOffset(b, p) }

func (n *memoryLogNode) ParseOffset(offset string) (Position, bool) { return parseOffset(offset) }

func (n *memoryLogNode) Keep(_ context.Context, sessions []*Session) []error {
	n.log.mu.Lock()
	defer n.log.mu.Unlock()
	var errs []error
	for i, s := range sessions {
		if err := n.log.sessions.keep(s, n.log.shared); err != nil {
			if errs == nil {
				errs = make([]error, len(sessions))
			}
			errs[i] = err
		}
	}
	if n.log.sweeper == nil && len(n.log.sessions.expires) > 0 {
		n.log.sweeper = time.AfterFunc(sessionSweep, n.log.sweep)
	}
	return errs
}

// sessionSweep is how long the memory of a session may be held that has expired.
const sessionSweep = time.Minute

// sweep forgets the sessions that have expired.
func (l *MemoryLog) sweep() {
	defer guardCall("a memory log", nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sessions.expire(time.Now()); len(l.sessions.expires) == 0 {
		l.sweeper = nil
		return
	}
	l.sweeper.Reset(sessionSweep)
}

func (n *memoryLogNode) Claim(_ context.Context, namespace, pid string) (*Session, error) {
	n.log.mu.Lock()
	defer n.log.mu.Unlock()
	return n.log.sessions.claim(sessionKey{namespace, pid})
}

func (n *memoryLogNode) Drop(_ context.Context, namespace, pid string, generation uint64) (bool, error) {
	n.log.mu.Lock()
	defer n.log.mu.Unlock()
	return n.log.sessions.drop(sessionKey{namespace, pid}, generation), nil
}

func (n *memoryLogNode) Health() BusHealth {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := BusHealth{Since: n.since, Answered: time.Now(), Subscriptions: len(n.follow)}
	if n.state != engineStarted {
		h.Err = errMemoryLog
	}
	return h
}

func (n *memoryLogNode) Close(ctx context.Context) error {
	n.mu.Lock()
	n.state = engineClosed
	var followed []string
	for namespace := range n.follow {
		followed = append(followed, namespace)
	}
	n.mu.Unlock()
	for _, namespace := range followed {
		_ = n.Unfollow(ctx, namespace) // never fails
	}
	return nil
}
