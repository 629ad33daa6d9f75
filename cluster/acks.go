package cluster

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/parleyio/parley/parser"
)

// BroadcastWithAck delivers a packet that asks for an acknowledgement to the members that a target selects, and collects
// the answers, in the order in which they come. Each node gives the packet an id of its own. Besides an *IncompleteError,
// which it also returns when members are gone without an answer, it returns the error of the delivery on this node.
func (a *Adapter) BroadcastWithAck(ctx context.Context, p *parser.Packet, t *Target) ([]Answer, error) {
	if a.closed.Load() {
		return nil, ErrClosed
	}
	if t.nobody() {
		return nil, nil
	}
	ctx, cancel := a.engine.deadline(ctx)
	defer cancel()
	var r *request
	if !t.Local {
		r = a.engine.ask(ctx, a.name)
	}
	members := a.Members(t)
	if r == nil {
		if len(members) == 0 {
			return nil, nil
		}
		r = &request{changed: make(chan struct{}, 1), counted: -1}
	}
	c := &collector{request: r, nodes: map[string]*tally{}}
	r.receive, r.left = c.receiveLocked, c.leftLocked
	if len(members) > 0 {
		ids := idsOf(members)
		c.nodes[""] = &tally{asked: len(ids), counted: true, open: setOf(ids)}
		forget, err := a.local.DeliverWithAck(p, members, t, func(answer Answer) {
			r.mu.Lock()
			defer r.mu.Unlock()
			c.answerLocked("", answer)
			r.lookLocked()
		})
		if err != nil {
			return nil, err
		}
		defer forget()
	}
	err := a.collect(ctx, r, c, &Message{Kind: KindBroadcast, Target: *t, Packet: p})
	if errors.Is(err, ErrClosed) {
		return nil, err
	}
	return c.result(err)
}

// collect asks the other nodes, if there are any, and waits for all answers.
func (a *Adapter) collect(ctx context.Context, r *request, c *collector, question *Message) error {
	if r.id == "" {
		for {
			r.mu.Lock()
			done := c.completeLocked()
			r.mu.Unlock()
			if done {
				return nil
			}
			select {
			case <-r.changed:
				continue
			default:
			}
			select {
			case <-r.changed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	question.Namespace, question.Timeout = a.name, timeout(ctx)
	if err := a.engine.pose(r, question); err != nil {
		return err
	}
	return a.engine.wait(ctx, r, func() bool { return r.completeLocked() && c.completeLocked() })
}

// collector brings together the acknowledgements of a broadcast. The lock of its request guards it.
type collector struct {
	request *request
	came    []Answer
	lost    []string          // ids of members that will not answer
	unnamed int               // members that will not answer and whose node does not tell their ids
	nodes   map[string]*tally // this node's under ""
}

// tally is what a node has to answer.
type tally struct {
	counted bool // the number of members is known
	asked   int
	done    int                 // answered or lost
	open    map[string]struct{} // the ids of the others; nil if they are not known
}

func (c *collector) tallyLocked(node string) *tally {
	t := c.nodes[node]
	if t == nil {
		t = new(tally)
		c.nodes[node] = t
	}
	return t
}

func (c *collector) receiveLocked(m *Message) (done bool) {
	t := c.tallyLocked(m.Node)
	if m.Kind == KindAck {
		c.answerLocked(m.Node, m.Answer)
		return t.counted
	}
	if t.counted {
		return true
	}
	t.counted, t.asked = true, m.Count
	if len(m.IDs) == m.Count && t.done == 0 {
		t.open = setOf(m.IDs)
	}
	return true
}

func (c *collector) answerLocked(node string, answer Answer) {
	t := c.tallyLocked(node)
	if t.open != nil {
		if _, ok := t.open[answer.ID]; !ok {
			return // a second answer of the same member
		}
		delete(t.open, answer.ID)
	} else if t.counted && t.done >= t.asked {
		return
	}
	t.done++
	switch {
	case !answer.Lost:
		c.came = append(c.came, answer)
	case answer.ID == "":
		c.unnamed++
	default:
		c.lost = append(c.lost, answer.ID)
	}
}

// leftLocked gives up the members of a node that is gone.
func (c *collector) leftLocked(node string) {
	t := c.nodes[node]
	if t == nil || !t.counted {
		return
	}
	for id := range t.open {
		c.lost = append(c.lost, id)
	}
	c.unnamed += t.asked - t.done - len(t.open)
	t.done, t.open = t.asked, nil
}

func (c *collector) completeLocked() bool {
	for _, t := range c.nodes {
		if t.counted && t.done < t.asked {
			return false
		}
	}
	return true
}

// result returns what has come and what is missing.
func (c *collector) result(reason error) ([]Answer, error) {
	missing := c.request.missing(reason)
	r := c.request
	r.mu.Lock()
	defer r.mu.Unlock()
	if missing == nil {
		missing = &IncompleteError{}
	}
	missing.Sockets, missing.UnnamedSockets = slices.Clone(c.lost), c.unnamed
	for node, t := range c.nodes {
		if !t.counted || contains(missing.Nodes, node) {
			continue
		}
		for id := range t.open {
			missing.Sockets = append(missing.Sockets, id)
		}
		missing.UnnamedSockets += t.asked - t.done - len(t.open)
	}
	slices.Sort(missing.Sockets)
	if reason == nil && len(missing.Sockets)+missing.UnnamedSockets+len(missing.Nodes)+missing.UnnamedNodes == 0 {
		return c.came, nil
	}
	return slices.Clip(c.came), missing
}

// answerAcks asks the members of this node for another node, and tells it how many they are first.
func (a *Adapter) answerAcks(m *Message) {
	members := a.Members(&m.Target)
	ids := idsOf(members)
	a.reply(m, &Message{Kind: KindAckCount, Count: len(ids), IDs: ids})
	if len(members) == 0 {
		return
	}
	wait := m.Timeout
	if wait <= 0 {
		wait = 30 * time.Second
	}
	var open atomic.Int64
	open.Store(int64(len(members)))
	ready := make(chan struct{})
	var end func() // for the last answer, which may come with locks held
	forget, err := a.local.DeliverWithAck(m.Packet, members, &m.Target, func(answer Answer) {
		a.reply(m, &Message{Kind: KindAck, Answer: answer})
		if open.Add(-1) != 0 {
			return
		}
		select {
		case <-ready:
			a.engine.spawn("acknowledgements", end)
		default: // seen below
		}
	})
	if err != nil {
		a.engine.undelivered(a.name, err)
		for _, id := range ids {
			a.reply(m, &Message{Kind: KindAck, Answer: Answer{ID: id, Lost: true}})
		}
		return
	}
	late := time.AfterFunc(wait, func() {
		defer a.engine.guard("acknowledgements")
		forget()
	})
	end = func() {
		if late.Stop() {
			forget()
		}
	}
	close(ready)
	if open.Load() <= 0 {
		end()
	}
}

func idsOf(members []Member) []string {
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.ID()
	}
	return ids
}

func setOf(ids []string) map[string]struct{} {
	set := make(map[string]struct{}, len(ids))
	for _, id := range ids {
		set[id] = struct{}{}
	}
	return set
}
