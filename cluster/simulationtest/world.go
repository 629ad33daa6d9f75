package simulationtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/cluster"
)

// world is one run of the simulation. The fields of the first group belong to the schedule, which is one goroutine.
type world struct {
	plan    Plan
	shape   shape
	rng     *rand.Rand
	trace   trace
	network *network
	store   *store
	memory  *cluster.MemoryLog
	nodes   []*node
	clients []*client
	slowLog bool
	empties int    // how often the shared log lost everything
	runs    []*run // all that there have been

	step    atomic.Int64
	notes   notes
	forgets atomic.Int64 // deliveries with acknowledgements that were not forgotten
	tasks   tasks
	found   found

	// mu guards the fields below, and those of clients and lives.
	mu         sync.Mutex
	lives      []*life
	broadcasts []*broadcast
	expired    map[string]bool // ids of sockets whose sessions are over unrestored, as the application was told
	stopping   []*run
	stale      []*socket // dead connections of clients that have connected anew: the servers will notice
}

// found is what is wrong.
type found struct {
	mu     sync.Mutex
	faults []string
	seen   map[string]bool
}

// faultf notes that an invariant does not hold. It may be called from any goroutine.
func (w *world) faultf(format string, args ...any) {
	f := &w.found
	f.mu.Lock()
	defer f.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if f.seen == nil {
		f.seen = make(map[string]bool)
	}
	if !f.seen[text] {
		f.seen[text] = true
		f.faults = append(f.faults, fmt.Sprintf("step %d: %s", w.now(), text))
	}
}

func (w *world) broken() bool {
	w.found.mu.Lock()
	defer w.found.mu.Unlock()
	return len(w.found.faults) > 0
}

func (w *world) now() int { return int(w.step.Load()) }

// change changes what the ledger knows of a socket's life. What a dead node does counts for nothing, and neither does what
// happens to a socket whose client has another already.
func (w *world) change(s *socket, f func(l *life, step int)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !s.space.run.dead && s.life.socket == s {
		f(s.life, w.now())
	}
}

// next begins a step, lets do happen, and waits until everything that follows from it has happened.
func (w *world) next(what string, do func()) {
	w.trace.step = int(w.step.Add(1))
	if what != "" {
		w.trace.addf("%s", what)
	}
	do()
	w.quiet()
}

// quiet waits until everything has happened that follows from a step, and lets the clients read.
func (w *world) quiet() {
	synctest.Wait()
	for _, r := range w.runs {
		r.calls.endStep()
	}
	w.network.endStep()
	for _, line := range w.notes.take() {
		w.trace.addf("%s", line)
	}
	w.read()
}

// notes are lines of the trace from other goroutines. Those of one step come in any order, and are sorted.
type notes struct {
	mu    sync.Mutex
	lines []string
}

// notef adds a line to the trace. It may be called from any goroutine.
func (w *world) notef(format string, args ...any) {
	w.notes.mu.Lock()
	defer w.notes.mu.Unlock()
	w.notes.lines = append(w.notes.lines, fmt.Sprintf(format, args...))
}

func (n *notes) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	lines := n.lines
	n.lines = nil
	slices.Sort(lines)
	return lines
}

// sleep lets time go by.
func (w *world) sleep(d time.Duration) {
	w.trace.step = int(w.step.Add(1))
	time.Sleep(d)
	w.quiet()
}

// up returns the nodes that run.
func (w *world) up() []*node {
	var up []*node
	for _, n := range w.nodes {
		if n.run != nil {
			up = append(up, n)
		}
	}
	return up
}

// alive returns the runs that are connected, those that are being closed too.
func (w *world) alive() []*run {
	var all []*run
	for _, n := range w.up() {
		all = append(all, n.run)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return append(all, w.stopping...)
}

// movements returns all that can happen next: calls that wait for their verdict, messages and entries that are under way,
// answers of clients.
func (w *world) movements() []movement {
	var all []movement
	byID := make(map[string]*run)
	alive := w.alive()
	for _, r := range alive {
		byID[r.id] = r
		if r.node.paused && r.node.run == r {
			continue
		}
		for _, key := range r.calls.keys() {
			if strings.HasPrefix(key, "log ") && w.logHangs(r) {
				continue
			}
			all = append(all, movement{r.id + " " + key, func() { w.decide(r, key) }})
		}
		if r.log != nil && !w.logHangs(r) {
			for _, namespace := range r.log.pending() {
				all = append(all, movement{"log " + r.id + " " + namespace, func() { w.deliver(r, namespace) }})
			}
		}
		for _, s := range r.spaces {
			all = append(all, s.movements()...)
		}
	}
	for _, l := range w.network.pending() {
		if to := byID[l.to]; to != nil && !(to.node.paused && to.node.run == to) && w.connected(byID[l.from], to) {
			all = append(all, movement{"link " + l.String(), func() { w.carry(l) }})
		}
	}
	return all
}

// logHangs reports whether the log does not answer a run.
func (w *world) logHangs(r *run) bool { return w.slowLog || r.node.run == r && r.node.noLog }

// connected reports whether messages of one run reach another. What a run has sent before it ended still arrives.
func (w *world) connected(from, to *run) bool { return from == nil || from.node.group == to.node.group }

// move lets one thing happen. It reports whether there was one.
func (w *world) move() bool {
	all := w.movements()
	if len(all) == 0 {
		return false
	}
	w.next("", pick(w.rng, all).do)
	return true
}

// decide gives a call its verdict.
func (w *world) decide(r *run, key string) {
	v := pass
	if chance(w.rng, w.shape.failure) {
		v = []verdict{refuse, partial, silent}[w.rng.IntN(3)]
	}
	w.trace.addf("%s %s: %s", r.id, key, v)
	r.calls.decide(key, v)
}

// deliver delivers entries of the log.
func (w *world) deliver(r *run, namespace string) {
	d := delivery{most: 1 + w.rng.IntN(8)}
	if chance(w.rng, w.shape.skip) {
		d.skip = 1 + w.rng.IntN(2)
	}
	d.again = chance(w.rng, w.shape.again)
	w.trace.addf("%s log delivers %s %s", r.id, namespace, r.log.deliver(namespace, d))
}

// carry brings a message to its receiver, or loses it.
func (w *world) carry(l link) {
	again := chance(w.rng, w.shape.again)
	m := w.network.take(l, again)
	what := "carries"
	if !again && chance(w.rng, w.shape.loss) {
		what = "loses"
	} else if again {
		what = "carries, and will again,"
	}
	w.trace.addf("%s %s %s", l, what, messageText(m))
	if what != "loses" {
		w.network.receive(l.to, m)
	}
}

// messageText describes a message without what differs from run to run.
func messageText(m *cluster.Message) string {
	text := kinds[m.Kind]
	if m.Packet != nil {
		text += " " + string(m.Packet.Data)
	}
	if m.Kind == cluster.KindAck {
		text += " of " + m.Answer.ID
	}
	if len(m.Rooms) > 0 {
		text += fmt.Sprint(" ", m.Rooms)
	}
	return text
}

var kinds = map[cluster.Kind]string{
	cluster.KindHello: "hello", cluster.KindHeartbeat: "heartbeat", cluster.KindBroadcast: "broadcast",
	cluster.KindJoin: "join", cluster.KindLeave: "leave", cluster.KindDisconnect: "disconnect",
	cluster.KindFetch: "fetch", cluster.KindFetchAnswer: "fetch answer", cluster.KindServerEmit: "server emit",
	cluster.KindServerEmitAnswer: "server emit answer", cluster.KindAckCount: "ack count", cluster.KindAck: "ack",
	cluster.KindBye: "bye", cluster.KindRelease: "release", cluster.KindReleaseAnswer: "release answer",
}

// calm ends all faults and lets everything happen that is under way, for longer than any timeout of the engines. Then the
// nodes must be one again.
func (w *world) calm() {
	faults := w.shape
	w.shape.failure, w.shape.loss, w.shape.skip, w.shape.again = 0, 0, 0, 0
	w.trace.addf("calm")
	w.healAll()
	for _, c := range w.clients {
		c.notice()
	}
	w.noticeStale()
	// Timeouts of the engines are at most 10 s; sessions are stored again after a third of their time.
	patience := 30*time.Second + w.shape.config.MaxDisconnection/3
	for begin := time.Now(); time.Since(begin) < patience; w.sleep(500 * time.Millisecond) {
		for i := 0; w.move(); i++ {
			if i > 20_000 {
				w.faultf("the nodes do not come to rest")
				return
			}
		}
	}
	for _, name := range w.unfinished() {
		w.faultf("%s has not ended", name)
	}
	w.checkCalm()
	w.shape = faults
	w.mu.Lock()
	for _, c := range w.clients {
		if c.socket != nil && !c.dead {
			c.socket.life.stored = w.now()
		}
	}
	w.mu.Unlock()
	w.step.Add(1)
	w.trace.addf("calm is over")
}

// healAll ends all faults that last.
func (w *world) healAll() {
	w.slowLog = false
	for _, n := range w.nodes {
		n.paused, n.noLog, n.group = false, false, 0
		if n.run == nil {
			n.start()
		}
		n.run.bus.setAway(false)
	}
	synctest.Wait()
}
