package simulationtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parleyio/parley/cluster"
)

// questionKind is what a node can ask the others.
type questionKind int

const (
	fetchSockets questionKind = iota
	broadcastWithAck
	serverEmitWithAck
	serverCount
	questionKinds
)

func (k questionKind) String() string {
	return [...]string{"fetch", "broadcast with ack", "server emit with ack", "count"}[k]
}

// question is one question and what came of it.
type question struct {
	kind     questionKind
	asker    *space
	target   cluster.Target
	deadline time.Duration // zero leaves it to the engine
	label    int           // of the broadcast

	// Guarded by world.mu.
	ended bool
	names []string // ids of sockets or runs that answered
	count int
	err   error
}

// ask lets a node ask the others, with a deadline or without.
func (w *world) ask() {
	s := w.someSpace()
	if s == nil {
		return
	}
	q := &question{kind: questionKind(w.rng.IntN(int(questionKinds))), asker: s, target: w.someTarget()}
	q.target.Volatile = false
	if chance(w.rng, 0.5) {
		q.deadline = time.Duration(1+w.rng.IntN(8000)) * time.Millisecond
	}
	w.pose(q)
}

// pose begins a question.
func (w *world) pose(q *question) {
	s := q.asker
	b := w.note(s, q.target, true)
	q.label = b.label
	b.accepted = true // its receivers are asked: nobody is owed it
	w.next(fmt.Sprintf("%s%s asks: %s of %s within %v", s.run.id, s.name, q.kind, targetText(&q.target), q.deadline), func() {
		w.begin(fmt.Sprintf("%s question #%d", q.kind, q.label), func() { w.wait(q, b) })
	})
}

// wait waits for the end of a question, and checks what does not depend on the other nodes.
func (w *world) wait(q *question, b *broadcast) {
	limit := w.shape.config.RequestTimeout
	ctx := context.Background()
	if q.deadline > 0 {
		limit = q.deadline
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	a, begin := q.asker.adapter, time.Now()
	var names []string
	var count int
	var err error
	switch q.kind {
	case fetchSockets:
		var infos []cluster.SocketInfo
		infos, err = a.FetchSockets(ctx, &q.target)
		for _, info := range infos {
			names = append(names, info.ID)
		}
	case broadcastWithAck:
		var answers []cluster.Answer
		answers, err = a.BroadcastWithAck(ctx, b.packet(), &q.target)
		for _, answer := range answers {
			names = append(names, answer.ID)
		}
	case serverEmitWithAck:
		answers, e := a.ServerSideEmitWithAck(ctx, fmt.Appendf(nil, `["e",%d]`, q.label))
		err = e
		for _, answer := range answers {
			names = append(names, strings.Trim(string(answer), `"`))
		}
	case serverCount:
		count, err = a.ServerCount(ctx)
	}
	if took := time.Since(begin); took > limit+time.Millisecond {
		w.faultf("%s question #%d took %v, longer than %v", q.kind, q.label, took, limit)
	}
	slices.Sort(names)
	var incomplete *cluster.IncompleteError
	var missing []string
	if errors.As(err, &incomplete) {
		missing = incomplete.Nodes
	}
	w.mu.Lock()
	dead := q.asker.run.dead
	w.mu.Unlock()
	if !dead {
		w.notef("%s question #%d is answered: %v %d, failed %t, missing %v", q.kind, q.label, names, count, err != nil, missing)
	}
	w.checkAnswer(q, names, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	q.ended, q.names, q.count, q.err = true, names, count, err
}

// checkAnswer checks what must hold for any answer.
func (w *world) checkAnswer(q *question, names []string, err error) {
	what := fmt.Sprintf("%s question #%d of %s", q.kind, q.label, q.asker.run.id)
	var incomplete *cluster.IncompleteError
	switch {
	case errors.As(err, &incomplete):
		if !slices.IsSorted(incomplete.Nodes) || slices.Contains(incomplete.Nodes, q.asker.run.id) {
			w.faultf("%s names %v as missing", what, incomplete.Nodes)
		}
		for _, id := range incomplete.Nodes {
			if !strings.HasPrefix(id, "n") {
				w.faultf("%s names %q as missing", what, id)
			}
		}
	case err == nil, errors.Is(err, cluster.ErrClosed), errors.Is(err, errBroker), errors.Is(err, cluster.ErrQueueFull),
		q.kind == serverCount && errors.Is(err, context.DeadlineExceeded):
	default:
		w.faultf("%s ended with %v", what, err)
	}
	for i, name := range names {
		if q.kind == serverEmitWithAck {
			if i > 0 && names[i-1] == name || name == q.asker.run.id {
				w.faultf("%s was answered by %v", what, names)
			}
			continue
		}
		if !w.selected(name, q) {
			w.faultf("%s was answered by %s, which it does not go to", what, name)
		}
	}
}

// selected reports whether a socket may have been selected by a question. One that has come back may be on the node that
// it was on before too, with the rooms that it had there, until that node knows.
func (w *world) selected(id string, q *question) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.broadcasts[q.label]
	return slices.ContainsFunc(w.lives, func(l *life) bool { return l.id == id && (l.recovered > 0 || l.meant(b, w.now())) })
}

// settle lets everything happen until a question has ended, at most for a while.
func (w *world) settle(q *question) {
	for range 100 {
		for w.move() {
		}
		w.mu.Lock()
		ended := q.ended
		w.mu.Unlock()
		if ended {
			return
		}
		w.sleep(100 * time.Millisecond)
	}
	w.faultf("%s question #%d has not ended", q.kind, q.label)
}

// checkQuestions asks, at a calm time, every kind of question: nothing may be missing. Then a node is paused, and must be
// named as missing.
func (w *world) checkQuestions() {
	up := w.up()
	namespace := choose(w.rng, w.shape.namespaces)
	asker := choose(w.rng, up)
	var sockets, others []string
	for _, n := range up {
		for _, m := range n.run.spaces[namespace].adapter.Members(&cluster.Target{Everyone: true}) {
			sockets = append(sockets, m.ID())
		}
		if n != asker {
			others = append(others, n.run.id)
		}
	}
	slices.Sort(sockets)
	for kind := range questionKinds {
		q := &question{kind: kind, asker: asker.run.spaces[namespace], target: cluster.Target{Everyone: true}}
		w.pose(q)
		w.settle(q)
		w.mu.Lock()
		names, count, err := q.names, q.count, q.err
		w.mu.Unlock()
		want := sockets
		if kind == serverEmitWithAck {
			want = others
		}
		slices.Sort(want)
		switch {
		case err != nil:
			w.faultf("%s question #%d of %s at a calm time: %v", kind, q.label, asker.run.id, err)
		case kind == serverCount && (count < len(up) || count > len(up)+w.late(asker.run)):
			w.faultf("%s counts %d nodes, not %d", asker.run.id, count, len(up))
		case kind != serverCount && !slices.Equal(names, want):
			w.faultf("%s question #%d of %s at a calm time was answered by %v, not by %v", kind, q.label, asker.run.id, names, want)
		}
	}
	w.checkMissing(up, asker, namespace)
}

// late returns the number of nodes that are gone and of which a run has heard in the last minute: a message of a node that
// was killed may have been under way for long.
func (w *world) late(r *run) int {
	late := len(r.engine.Health().Peers)
	for _, n := range w.up() {
		if n.run != r {
			late--
		}
	}
	return max(0, late)
}

// checkMissing pauses a node: questions end without it, at their deadline, and name it.
func (w *world) checkMissing(up []*node, asker *node, namespace string) {
	paused := choose(w.rng, up)
	if paused == asker {
		return
	}
	paused.paused = true
	w.trace.addf("pause of %s", paused.name)
	q := &question{
		kind: questionKind(w.rng.IntN(int(serverCount))), asker: asker.run.spaces[namespace],
		target: cluster.Target{Everyone: true}, deadline: 3 * time.Second,
	}
	w.pose(q)
	w.settle(q)
	paused.paused = false
	w.mu.Lock()
	err := q.err
	w.mu.Unlock()
	var incomplete *cluster.IncompleteError
	if !errors.As(err, &incomplete) || !slices.Equal(incomplete.Nodes, []string{paused.run.id}) ||
		!errors.Is(err, context.DeadlineExceeded) {
		w.faultf("%s question #%d of %s, with %s paused, ended with %v", q.kind, q.label, asker.run.id, paused.run.id, err)
	}
	for w.move() {
	}
}
