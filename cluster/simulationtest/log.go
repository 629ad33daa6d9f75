package simulationtest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parleyio/parley/cluster"
)

// sharedLog is the log of one node, over the store that all nodes share. It is the simplest that keeps to the contract of
// [cluster.Log]; each call that may wait waits for a verdict, and the schedule delivers.
type sharedLog struct {
	store *store
	calls *calls

	// mu guards the fields below.
	mu      sync.Mutex
	node    cluster.LogNode
	follows map[string]cluster.Position // what was delivered last, by namespace; always with the epoch
	closed  bool
}

func (s *store) newLog(c *calls) *sharedLog {
	return &sharedLog{store: s, calls: c, follows: make(map[string]cluster.Position)}
}

// Traits implements cluster.Log.
func (l *sharedLog) Traits() cluster.LogTraits { return cluster.LogTraits{Shared: true} }

// Start implements cluster.Log.
func (l *sharedLog) Start(_ context.Context, node cluster.LogNode) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.node.ID != "" {
		return fmt.Errorf("simulation: log was started twice")
	}
	l.node = node
	return nil
}

// Follow implements cluster.Log.
func (l *sharedLog) Follow(ctx context.Context, namespace string) (cluster.Position, error) {
	if v, err := l.calls.wait(ctx, "log follow "+namespace); err != nil || v != pass {
		return cluster.Position{}, failed(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	end := l.store.end(namespace)
	l.follows[namespace] = end
	return end, nil
}

// failed returns the error of a call that did not pass.
func failed(err error) error {
	if err == nil {
		return errBroker
	}
	return err
}

// Unfollow implements cluster.Log.
func (l *sharedLog) Unfollow(_ context.Context, namespace string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.follows, namespace)
	return nil
}

// Append implements cluster.Log.
func (l *sharedLog) Append(ctx context.Context, namespace string, entries []cluster.Entry) error {
	v, err := l.calls.wait(ctx, "log append "+namespace)
	switch {
	case err != nil:
		return err
	case v == partial:
		l.store.append(namespace, entries[:1])
		return errBroker
	case v == silent:
		l.store.append(namespace, slices.Clone(entries))
		return errBroker
	}
	l.store.append(namespace, entries)
	return nil
}

// Read implements cluster.Log.
func (l *sharedLog) Read(ctx context.Context, namespace string, after cluster.Position, most int) ([]cluster.Entry, error) {
	if v, err := l.calls.wait(ctx, fmt.Sprintf("log read %s behind %d-%d", namespace, after.Epoch, after.Number)); err != nil || v != pass {
		return nil, failed(err)
	}
	entries, ok := l.store.read(namespace, after, most)
	if !ok {
		return nil, cluster.ErrUnknownOffset
	}
	return entries, nil
}

// Last implements cluster.Log.
func (l *sharedLog) Last(ctx context.Context, namespace string) (cluster.Position, error) {
	if v, err := l.calls.wait(ctx, "log last "+namespace); err != nil || v != pass {
		return cluster.Position{}, failed(err)
	}
	return l.store.end(namespace), nil
}

// AppendOffset implements cluster.Log.
func (l *sharedLog) AppendOffset(b []byte, p cluster.Position) []byte {
	b = strconv.AppendUint(b, p.Epoch, 10)
	b = append(b, '-')
	return strconv.AppendUint(b, p.Number, 10)
}

// ParseOffset implements cluster.Log.
func (l *sharedLog) ParseOffset(offset string) (cluster.Position, bool) { return parseOffset(offset) }

func parseOffset(offset string) (p cluster.Position, ok bool) {
	epoch, number, _ := strings.Cut(offset, "-")
	var err [2]error
	p.Epoch, err[0] = strconv.ParseUint(epoch, 10, 64)
	p.Number, err[1] = strconv.ParseUint(number, 10, 64)
	return p, err[0] == nil && err[1] == nil
}

// Keep implements cluster.Log.
func (l *sharedLog) Keep(ctx context.Context, sessions []*cluster.Session) []error {
	errs := make([]error, len(sessions))
	if len(sessions) == 0 {
		return nil
	}
	v, err := l.calls.wait(ctx, "log keep "+sessions[0].Namespace)
	complete := true
	for i, s := range sessions {
		switch {
		case err != nil:
			errs[i] = err
		case v == partial && s.PID[len(s.PID)-1]%2 == 0:
			errs[i] = errBroker
		default:
			errs[i] = l.store.keep(s)
			if v == silent {
				errs[i] = errBroker
			}
		}
		complete = complete && errs[i] == nil
	}
	if complete {
		return nil
	}
	return errs
}

// Claim implements cluster.Log.
func (l *sharedLog) Claim(ctx context.Context, namespace, pid string) (*cluster.Session, error) {
	v, err := l.calls.wait(ctx, "log claim "+namespace+" "+pid)
	if err != nil {
		return nil, err
	}
	s, err := l.store.claim(namespace, pid)
	if err == nil && v != pass {
		return nil, errBroker
	}
	return s, err
}

// Drop implements cluster.Log.
func (l *sharedLog) Drop(ctx context.Context, namespace, pid string, generation uint64) (bool, error) {
	v, err := l.calls.wait(ctx, "log drop "+namespace)
	if err != nil {
		return false, err
	}
	dropped := l.store.drop(namespace, pid, generation)
	if v != pass {
		return false, errBroker
	}
	return dropped, nil
}

// Health implements cluster.Log.
func (l *sharedLog) Health() cluster.BusHealth {
	return cluster.BusHealth{Since: time.Now(), Answered: time.Now()}
}

// Close implements cluster.Log.
func (l *sharedLog) Close(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	clear(l.follows)
	return nil
}

// followed reports whether a namespace is followed.
func (l *sharedLog) followed(namespace string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.follows[namespace]
	return ok
}

// pending returns the namespaces of which this node has not had the latest, sorted.
func (l *sharedLog) pending() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var namespaces []string
	for namespace, at := range l.follows {
		if l.store.end(namespace) != at {
			namespaces = append(namespaces, namespace)
		}
	}
	slices.Sort(namespaces)
	return namespaces
}

// delivery is how the next entries of a namespace are delivered.
type delivery struct {
	most  int
	skip  int  // so many are left out, which the engine has to notice
	again bool // they will be delivered again
}

// deliver hands the next entries of a namespace to the node, or says that they are gone. It returns what it did.
func (l *sharedLog) deliver(namespace string, d delivery) string {
	l.mu.Lock()
	at, follows := l.follows[namespace]
	node := l.node
	l.mu.Unlock()
	if !follows {
		return "nothing"
	}
	entries, ok := l.store.read(namespace, at, d.skip+d.most)
	if !ok {
		end := l.store.end(namespace)
		l.moveTo(namespace, end)
		node.Lost(namespace, end)
		return fmt.Sprintf("lost, end %d-%d", end.Epoch, end.Number)
	}
	skip, last := min(d.skip, len(entries)), entries[len(entries)-1].Position
	entries = entries[skip:]
	if !d.again || len(entries) == 0 {
		l.moveTo(namespace, last)
	}
	if len(entries) == 0 {
		return fmt.Sprintf("nothing of %d", skip)
	}
	what := fmt.Sprintf("%d-%d to %d", last.Epoch, entries[0].Position.Number, last.Number)
	if skip > 0 {
		what += fmt.Sprintf(", without %d before", skip)
	}
	_ = node.Deliver(namespace, entries)
	return what
}

func (l *sharedLog) moveTo(namespace string, at cluster.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.follows[namespace]; ok {
		l.follows[namespace] = at
	}
}

// recorder is a log in memory of which the store knows what was appended.
type recorder struct {
	cluster.Log
	store *store
}

// Append implements cluster.Log.
func (r *recorder) Append(ctx context.Context, namespace string, entries []cluster.Entry) error {
	err := r.Log.Append(ctx, namespace, entries)
	if err == nil {
		r.store.mu.Lock()
		defer r.store.mu.Unlock()
		r.store.history[namespace] = append(r.store.history[namespace], entries...)
	}
	return err
}
