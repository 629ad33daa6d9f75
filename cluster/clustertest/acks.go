package clustertest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// ask broadcasts a question, and returns the sorted answers: the answer of member x is ["x"].
func ask(ctx context.Context, n *node, t *cluster.Target) ([]string, error) {
	answers, err := n.front.BroadcastWithAck(ctx, question(), t)
	var texts []string
	for _, answer := range answers {
		texts = append(texts, strings.Trim(string(answer.Data), `["]`))
	}
	slices.Sort(texts)
	return texts, err
}

func answerOf(id string) cluster.Answer {
	return cluster.Answer{ID: id, Data: []byte(`["` + id + `"]`)}
}

// asked sets what happens to members that are asked.
func (n *node) asked(f func(p *parser.Packet, id string, answered func(cluster.Answer)) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.onAsk = f
}

// checkForgotten checks that forget was called once for each delivery, of which one node alone has so many.
func (n *node) checkForgotten(want int) {
	n.t.Helper()
	n.wait(func() bool { return n.forgotten >= n.asks })
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.forgotten != n.asks || len(n.adapters) == 1 && n.asks != want {
		n.t.Errorf("forget was called %d times after %d deliveries, want %d", n.forgotten, n.asks, want)
	}
}

func testAcks(t *testing.T, n *node) {
	if got, err := ask(ctx(t), n, toAll()); err != nil || got != nil {
		t.Errorf("an empty namespace answered %q, %v", got, err)
	}
	n.join("a", "red")
	n.join("b", "red", "blue")
	n.join("c", "blue")
	n.asked(func(p *parser.Packet, id string, answered func(cluster.Answer)) error {
		if p.ID != 7 || !p.HasID || labelOf(p) != "question" || offsetOf(p) != "" {
			t.Errorf("asked with %+v", *p)
		}
		if id == "b" {
			answered(answerOf(id)) // at once
		} else {
			go answered(answerOf(id))
		}
		return nil
	})
	deliveries := 0
	for _, c := range []struct {
		target *cluster.Target
		want   []string
	}{
		{toAll(), []string{"a", "b", "c"}},
		{&cluster.Target{Rooms: []string{"red"}, Local: true}, []string{"a", "b"}},
		{&cluster.Target{Rooms: []string{"red", "blue"}, Except: []string{"b"}}, []string{"a", "c"}},
		{&cluster.Target{Rooms: []string{"c"}}, []string{"c"}},
		{&cluster.Target{Rooms: []string{"nobody's"}}, nil},
	} {
		got, err := ask(ctx(t), n, c.target)
		if want := n.reached(c.want, c.target); err != nil || !slices.Equal(got, want) {
			t.Errorf("to %+v: answers %q, %v, want %q", c.target, got, err, want)
		}
		if c.want != nil {
			deliveries++
		}
	}
	n.checkForgotten(deliveries)
}

func testAcksLost(t *testing.T, n *node) {
	for _, id := range []string{"a", "b", "c"} {
		n.join(id)
	}
	for _, c := range []struct{ lost, want []string }{
		{[]string{"b"}, []string{"a", "c"}},
		{[]string{"a", "b", "c"}, nil},
	} {
		n.asked(func(_ *parser.Packet, id string, answered func(cluster.Answer)) error {
			answer := answerOf(id)
			if slices.Contains(c.lost, id) {
				answer = cluster.Answer{ID: id, Lost: true}
			}
			go answered(answer)
			return nil
		})
		got, err := ask(ctx(t), n, toAll())
		if !slices.Equal(got, c.want) {
			t.Errorf("answers %q, want %q", got, c.want)
		}
		var incomplete *cluster.IncompleteError
		if !errors.As(err, &incomplete) || !slices.Equal(incomplete.Sockets, c.lost) || incomplete.Err != nil {
			t.Errorf("error %+v, want that %q are missing, and no more", err, c.lost)
		}
	}
	n.checkForgotten(2)
}

func testAcksContext(t *testing.T, n *node) {
	for _, id := range []string{"a", "b", "c", "d"} {
		n.join(id)
	}
	ctx, cancel := context.WithCancel(ctx(t))
	var mu sync.Mutex
	var late []func()
	n.asked(func(_ *parser.Packet, id string, answered func(cluster.Answer)) error {
		switch id {
		case "a":
			answered(answerOf(id))
		case "b":
			answered(cluster.Answer{ID: id, Lost: true})
		default:
			mu.Lock()
			late = append(late, func() { answered(answerOf(id)) })
			if len(late) == 2 {
				cancel()
			}
			mu.Unlock()
		}
		return nil
	})
	got, err := ask(ctx, n, toAll())
	if !slices.Equal(got, []string{"a"}) {
		t.Errorf("answers %q, want that of a, which came in time", got)
	}
	var incomplete *cluster.IncompleteError
	if !errors.As(err, &incomplete) || !errors.Is(err, context.Canceled) {
		t.Fatalf("error %+v, want that all but a are missing because the context was cancelled", err)
	}
	for _, id := range []string{"b", "c", "d"} { // or their node, if it had not told of them
		node := n.engines[n.home(id)].ID()
		if !slices.Contains(incomplete.Sockets, id) && (n.at(id) == n.front || !slices.Contains(incomplete.Nodes, node)) {
			t.Errorf("error %+v does not say that %s is missing", err, id)
		}
	}
	if slices.Contains(incomplete.Sockets, "a") || len(incomplete.Sockets) > 3 {
		t.Errorf("error %+v", err)
	}
	if len(n.adapters) == 1 {
		n.checkForgotten(1)
	}
	for range 3 {
		for _, answer := range late {
			answer() // too late: it neither blocks nor does anything
		}
	}
	n.checkForgotten(1)
	n.asked(func(_ *parser.Packet, id string, answered func(cluster.Answer)) error {
		answered(answerOf(id))
		return nil
	})
	if got, err := ask(context.Background(), n, &cluster.Target{Rooms: []string{"d"}}); err != nil ||
		!slices.Equal(got, []string{"d"}) {
		t.Errorf("the next question: %q, %v", got, err)
	}
}

func testAcksError(t *testing.T, n *node) {
	n.join("a")
	failure := errors.New("cannot encode")
	n.asked(func(*parser.Packet, string, func(cluster.Answer)) error { return failure })
	if got, err := ask(ctx(t), n, toAll()); !errors.Is(err, failure) || got != nil {
		t.Errorf("answers %q, %v, want the error of the delivery", got, err)
	}
}
