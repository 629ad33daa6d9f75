package simulationtest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// forever is the end of an interval that has not ended.
const forever = math.MaxInt

// interval is a span of steps, both ends included.
type interval struct{ from, to int }

// membership is when a life was in a room. The two differ because a change takes a while: sure covers the steps at which
// it was in the room whatever the order of things, perhaps those at which it may have been.
type membership struct{ sure, perhaps []interval }

// joining notes that the life may be in the room from a step on.
func (m *membership) joining(step int) { open(&m.perhaps, step) }

// joined notes that the life is in the room from a step on.
func (m *membership) joined(step int) {
	open(&m.perhaps, step)
	open(&m.sure, step)
}

// confirmed notes that the life is in the room from a step on, if it has not left it meanwhile.
func (m *membership) confirmed(step int) {
	if m.open() {
		m.joined(step)
	}
}

// leaving notes that the life may be out of the room from a step on.
func (m *membership) leaving(step int) { shut(m.sure, step) }

// left notes that the life is out of the room from a step on.
func (m *membership) left(step int) {
	shut(m.sure, step)
	shut(m.perhaps, step)
}

// open reports whether the life may be in the room now.
func (m *membership) open() bool {
	n := len(m.perhaps)
	return n > 0 && m.perhaps[n-1].to == forever
}

// blur notes that nobody knows whether the life was in the room between two steps.
func (m *membership) blur(from, to int) {
	m.sure = slices.DeleteFunc(m.sure, func(i interval) bool { return i.from >= from })
	for i := range m.sure {
		m.sure[i].to = min(m.sure[i].to, from)
	}
	m.perhaps = append(m.perhaps, interval{from, to})
	slices.SortFunc(m.perhaps, func(a, b interval) int { return a.to - b.to })
}

func open(s *[]interval, step int) {
	if n := len(*s); n > 0 && (*s)[n-1].to == forever {
		return
	}
	*s = append(*s, interval{step, forever})
}

func shut(s []interval, step int) {
	if n := len(s); n > 0 && s[n-1].to == forever {
		s[n-1].to = step
	}
}

// covers reports whether the life was in the room all the time from before one step until behind another.
func (m *membership) covers(from, to int) bool {
	return m != nil && slices.ContainsFunc(m.sure, func(i interval) bool { return i.from < from && i.to > to })
}

// touches reports whether the life may have been in the room at one of the steps.
func (m *membership) touches(from, to int) bool {
	return m != nil && slices.ContainsFunc(m.perhaps, func(i interval) bool { return i.from <= to && i.to >= from })
}

// broadcast is what a node sent to a target. Its label is its index in the ledger.
type broadcast struct {
	label     int
	namespace string
	node      string // the run of the node that sent it
	target    cluster.Target
	step      int
	question  bool // it asks for acknowledgements
	accepted  bool
}

// recoverable reports whether it goes through the log, if there is one.
func (b *broadcast) recoverable() bool { return !b.question && !b.target.Volatile && !b.target.Local }

func (b *broadcast) String() string {
	return fmt.Sprintf("#%d of %s at step %d to %s in %s", b.label, b.node, b.step, targetText(&b.target), b.namespace)
}

func targetText(t *cluster.Target) string {
	text := "everyone"
	if !t.Everyone {
		text = fmt.Sprint(t.Rooms)
	}
	if len(t.Except) > 0 {
		text += fmt.Sprintf(" but %v", t.Except)
	}
	if t.Volatile {
		text += " volatile"
	}
	if t.Local {
		text += " local"
	}
	return text
}

// packet returns the packet of a broadcast.
func (b *broadcast) packet() *parser.Packet {
	return &parser.Packet{
		Type: parser.Event, Namespace: b.namespace, Data: fmt.Appendf(nil, `["e",%d]`, b.label), HasID: b.question,
	}
}

// readPacket returns the label and the offset of a packet, if it has one.
func readPacket(p *parser.Packet) (label int, offset string, err error) {
	var args []any
	if err := json.Unmarshal(p.Data, &args); err != nil {
		return 0, "", err
	}
	if len(args) < 2 || len(args) > 3 {
		return 0, "", fmt.Errorf("packet %s has %d arguments", p.Data, len(args))
	}
	number, ok := args[1].(float64)
	if len(args) == 3 && ok {
		offset, ok = args[2].(string)
	}
	if !ok {
		return 0, "", fmt.Errorf("packet %s is none of ours", p.Data)
	}
	return int(number), offset, nil
}

// receipt is a packet that a client has seen.
type receipt struct {
	label     int
	offset    string
	at        cluster.Position // of the offset
	hasOffset bool
	step      int
}

// String returns the offset without its epoch, which differs from run to run.
func (r receipt) String() string {
	if !r.hasOffset {
		return ""
	}
	return fmt.Sprintf("@%d", r.at.Number)
}

// life is a session as its client sees it: from a connect that was not recovered to the next, over all connections and
// nodes between.
type life struct {
	name      string // "client.life"
	client    *client
	namespace string
	id, pid   string // of its sockets
	born      int
	forked    int     // when a second client got its secret
	degraded  bool    // messages of the bus may have missed it, because it entered before the bus had subscribed
	ended     int     // forever while it goes on
	stored    int     // the last step at which its session was surely stored as it was
	recovered int     // how often it came back
	socket    *socket // the latest

	attached membership             // its client reads
	lobby    membership             // being in the namespace, for targets of everyone
	rooms    map[string]*membership // its own id is one
	homes    map[string]*membership // the nodes that it was on, by run
	seen     []receipt
	has      map[int]int // by label, how often it was seen
}

func newLife(c *client, namespace string, number, step int) *life {
	name := fmt.Sprintf("%s.%d", c.name, number)
	return &life{
		name: name, client: c, namespace: namespace, id: "s-" + name, pid: "p-" + name, born: step, stored: step, ended: forever,
		rooms: make(map[string]*membership), homes: make(map[string]*membership), has: make(map[int]int),
	}
}

// data is the data of its sockets.
func (l *life) data() json.RawMessage { return fmt.Appendf(nil, `{"secret":%q}`, l.pid) }

func (l *life) room(name string) *membership { return entry(l.rooms, name) }
func (l *life) home(run string) *membership  { return entry(l.homes, run) }

func entry(of map[string]*membership, name string) *membership {
	m := of[name]
	if m == nil {
		m = new(membership)
		of[name] = m
	}
	return m
}

// see notes a packet that the client has read.
func (l *life) see(r receipt) {
	l.seen = append(l.seen, r)
	l.has[r.label]++
}

// end notes that the life is over: its client has left, or knows that it was not recovered. Its socket may be there still.
func (l *life) end(step int) {
	if l.ended == forever {
		l.ended = step
		l.attached.left(step)
	}
}

// out notes that the life is in no room any more. It may come back if its client does not know, and its session is still
// in the log.
func (l *life) out(step int) {
	l.lobby.left(step)
	for _, m := range l.rooms {
		m.left(step)
	}
	for _, m := range l.homes {
		m.left(step)
	}
}

// owed reports whether a broadcast must have reached the life by a step: it was selected at every step between.
func (l *life) owed(b *broadcast, by int) bool {
	if b.namespace != l.namespace || !b.accepted {
		return false
	}
	if b.target.Local && !l.homes[b.node].covers(b.step, by) {
		return false
	}
	if slices.ContainsFunc(b.target.Except, func(room string) bool { return l.rooms[room].touches(b.step, by) }) {
		return false
	}
	if b.target.Everyone {
		return l.lobby.covers(b.step, by)
	}
	return slices.ContainsFunc(b.target.Rooms, func(room string) bool { return l.rooms[room].covers(b.step, by) })
}

// meant reports whether a broadcast may have reached the life at a step: it was perhaps selected at one of those between.
func (l *life) meant(b *broadcast, at int) bool {
	if b.namespace != l.namespace {
		return false
	}
	if b.target.Local && !l.homes[b.node].touches(b.step, at) {
		return false
	}
	if slices.ContainsFunc(b.target.Except, func(room string) bool { return l.rooms[room].covers(b.step, at) }) {
		return false
	}
	if b.target.Everyone {
		return l.lobby.touches(b.step, at)
	}
	return slices.ContainsFunc(b.target.Rooms, func(room string) bool { return l.rooms[room].touches(b.step, at) })
}
