package simulationtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parleyio/parley/cluster"
)

// network connects the buses of a run. What is published lies in links until the schedule moves it.
type network struct {
	traits cluster.BusTraits

	// mu guards the fields below.
	mu    sync.Mutex
	buses map[string]*bus // by the node's id
	links map[link][]*cluster.Message
	// before is how many messages lay in a link when the step began.
	before map[link]int
}

// link is the way of the messages of one sender, receiver and namespace, which keeps their order.
type link struct{ from, to, namespace string }

func (l link) String() string { return fmt.Sprintf("%s>%s %s", l.from, l.to, l.namespace) }

func newNetwork(traits cluster.BusTraits) *network {
	return &network{
		traits: traits, buses: make(map[string]*bus),
		links: make(map[link][]*cluster.Message), before: make(map[link]int),
	}
}

// bus is the bus of one node. It is the simplest that keeps to the contract of [cluster.Bus]; each call that may wait
// waits for a verdict.
type bus struct {
	network *network
	calls   *calls

	// Guarded by network.mu.
	node    cluster.BusNode
	started bool
	closed  bool
	away    bool // the broker cannot be reached
	watched map[cluster.Interest]bool
	ended   map[cluster.Interest]bool // in this step
}

func (n *network) newBus(c *calls) *bus {
	return &bus{network: n, calls: c, watched: make(map[cluster.Interest]bool), ended: make(map[cluster.Interest]bool)}
}

// Traits implements cluster.Bus.
func (b *bus) Traits() cluster.BusTraits { return b.network.traits }

// Start implements cluster.Bus.
func (b *bus) Start(_ context.Context, node cluster.BusNode) error {
	n := b.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if b.started {
		return fmt.Errorf("simulation: bus was started twice")
	}
	b.started, b.node = true, node
	n.buses[node.ID] = b
	return nil
}

// Publish implements cluster.Bus.
func (b *bus) Publish(ctx context.Context, messages []*cluster.Message) error {
	v, err := b.calls.wait(ctx, "publish")
	if err != nil {
		return err
	}
	n := b.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if b.away || b.closed {
		return errBroker
	}
	for _, m := range messages {
		if v == partial && m.Namespace == "" {
			continue
		}
		for id, peer := range n.buses {
			if id != b.node.ID && (m.To == "" || m.To == id) && peer.wantsLocked(m) {
				l := link{b.node.ID, id, m.Namespace}
				n.addLocked(l, m)
			}
		}
	}
	if v != pass {
		return errBroker
	}
	return nil
}

// addLocked puts a message into a link. What a node says of itself it says from several goroutines, so that the order and
// the number of what it says in one step are left to chance; a run must be the same each time.
func (n *network) addLocked(l link, m *cluster.Message) {
	messages := n.links[l]
	at := len(messages)
	for i := n.before[l]; l.namespace == "" && i < len(messages); i++ {
		if messages[i].Kind == m.Kind { // the later says what the earlier has said
			latest := *m
			latest.Ask = latest.Ask || messages[i].Ask
			messages[i] = &latest
			return
		}
	}
	for l.namespace == "" && at > n.before[l] && m.Kind < messages[at-1].Kind {
		at--
	}
	n.links[l] = slices.Insert(messages, at, m)
}

// endStep begins a new step.
func (n *network) endStep() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.before)
	for l, messages := range n.links {
		n.before[l] = len(messages)
	}
	for _, b := range n.buses {
		clear(b.ended)
	}
}

// wantsLocked reports whether the bus has subscribed to what a message goes to. A broker keeps nothing for a bus that
// has lost its connection.
func (b *bus) wantsLocked(m *cluster.Message) bool {
	if b.away {
		return false
	}
	if !b.network.traits.Rooms || m.Namespace == "" || m.To != "" {
		return true
	}
	room, _ := m.Room()
	for i := range b.watched {
		if i.Namespace == m.Namespace && i.Room == room {
			return true
		}
	}
	return false
}

// Watch implements cluster.Bus.
func (b *bus) Watch(ctx context.Context, changes []cluster.Interest) error {
	v := pass
	if b.waits(changes) {
		var err error
		if v, err = b.calls.wait(ctx, "watch"); err != nil {
			return err
		}
	}
	b.network.mu.Lock()
	defer b.network.mu.Unlock()
	if b.away || b.closed {
		return errBroker
	}
	for _, change := range changes {
		if v == partial && change.Room != "" {
			continue
		}
		of := cluster.Interest{Namespace: change.Namespace, Room: change.Room}
		if change.Ended {
			delete(b.watched, of)
			b.ended[of] = true
		} else {
			b.watched[of] = true
		}
	}
	if v != pass {
		return errBroker
	}
	return nil
}

// waits reports whether something begins to live here that did not at the beginning of the step. Nobody waits for the end
// of a subscription, and whether one that ends and begins again in the same step is told at all is left to chance.
func (b *bus) waits(changes []cluster.Interest) bool {
	b.network.mu.Lock()
	defer b.network.mu.Unlock()
	return slices.ContainsFunc(changes, func(i cluster.Interest) bool {
		of := cluster.Interest{Namespace: i.Namespace, Room: i.Room}
		return !i.Ended && !b.ended[of] && !b.watched[of]
	})
}

// Count implements cluster.Bus.
func (b *bus) Count(ctx context.Context, namespace string) (int, error) {
	if v, err := b.calls.wait(ctx, "count "+namespace); err != nil || v != pass {
		return 0, errBroker
	}
	b.network.mu.Lock()
	defer b.network.mu.Unlock()
	if b.away || b.closed {
		return 0, errBroker
	}
	count := 0
	for _, peer := range b.network.buses {
		if peer.watched[cluster.Interest{Namespace: namespace}] {
			count++
		}
	}
	return count, nil
}

// Health implements cluster.Bus.
func (b *bus) Health() cluster.BusHealth {
	b.network.mu.Lock()
	defer b.network.mu.Unlock()
	h := cluster.BusHealth{Since: time.Now(), Answered: time.Now(), Subscriptions: len(b.watched)}
	if b.away {
		h.Err = errBroker
	}
	return h
}

// Close implements cluster.Bus.
func (b *bus) Close(context.Context) error {
	b.detach()
	return nil
}

// detach takes the bus off the network. What it has sent still arrives.
func (b *bus) detach() {
	n := b.network
	n.mu.Lock()
	defer n.mu.Unlock()
	b.closed = true
	if n.buses[b.node.ID] == b {
		delete(n.buses, b.node.ID)
	}
	for l := range n.links {
		if l.to == b.node.ID {
			delete(n.links, l)
		}
	}
}

// setAway cuts the bus off its broker, or brings it back.
func (b *bus) setAway(away bool) {
	n := b.network
	n.mu.Lock()
	defer n.mu.Unlock()
	b.away = away
	for l := range n.links {
		if away && l.to == b.node.ID {
			delete(n.links, l)
		}
	}
}

func (b *bus) isAway() bool {
	b.network.mu.Lock()
	defer b.network.mu.Unlock()
	return b.away
}

// pending returns the links on which messages lie, sorted.
func (n *network) pending() []link {
	n.mu.Lock()
	defer n.mu.Unlock()
	var links []link
	for l, messages := range n.links {
		if len(messages) > 0 {
			links = append(links, l)
		}
	}
	slices.SortFunc(links, func(a, b link) int { return strings.Compare(a.String(), b.String()) })
	return links
}

// take removes the first message of a link. With again it comes once more, behind what is on its way already.
func (n *network) take(l link, again bool) *cluster.Message {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.links[l][0]
	n.links[l] = n.links[l][1:]
	n.before[l] = max(0, n.before[l]-1)
	if again {
		n.links[l] = append(n.links[l], m)
	}
	if len(n.links[l]) == 0 {
		delete(n.links, l)
	}
	return m
}

// receive hands a message to a node.
func (n *network) receive(id string, m *cluster.Message) {
	n.mu.Lock()
	b := n.buses[id]
	n.mu.Unlock()
	if b != nil {
		b.node.Receive(m)
	}
}
