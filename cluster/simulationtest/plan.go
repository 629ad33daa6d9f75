package simulationtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/parleyio/parley/cluster"
)

// Plan is what a run is made from. Two runs of the same plan do the same.
type Plan struct {
	// Seed decides everything: the number of nodes, the kind of log, which faults there are, and what happens when.
	Seed uint64

	// Steps is the number of things that clients, servers and faults do. Zero means 150.
	Steps int

	// Sabotage breaks the bus or the log in a way that no engine can survive, and that the run must find. Empty breaks
	// nothing.
	Sabotage Sabotage

	// Spared leaves the bus and the log of a sabotage whole: a run that is otherwise the same, to see that it is the
	// sabotage that a run has found.
	Spared bool
}

// sabotaged returns what is broken.
func (p *Plan) sabotaged() Sabotage {
	if p.Spared {
		return ""
	}
	return p.Sabotage
}

// logKind says what log the nodes have.
type logKind int

const (
	logNone   logKind = iota // no recovery
	logLocal                 // each node has one of its own, in memory
	logMemory                // all nodes have the same, in memory, which never fails
	logShared                // all nodes have the same, behind a broker
)

func (k logKind) String() string {
	return [...]string{"no log", "a private log", "a memory log", "a shared log"}[k]
}

// shape is what a seed makes of a run: which faults there are and how often. Few runs have all of them, so that one fault
// does not hide another.
type shape struct {
	nodes      int
	clients    int
	log        logKind
	traits     cluster.BusTraits
	config     cluster.Config
	namespaces []string
	kept       int  // entries that the shared log keeps
	plain      bool // the shared log does not say which entry comes before another
	forgetful  bool // the shared log does not remember which sessions were claimed
	eager      bool // clients connect to nodes that do not follow the log yet

	failure float64 // of calls to bus and log
	loss    float64 // of messages between nodes
	again   float64 // of messages and entries that come twice
	skip    float64 // of entries that are not delivered
	haste   float64 // how much happens between two steps: the mean number of movements

	faults []fault

	lossless bool // no message between nodes is lost on purpose
}

// newShape draws the shape of a run.
func newShape(rng *rand.Rand, s Sabotage) shape {
	some := func(probability, most float64) float64 {
		if chance(rng, probability) {
			return rng.Float64() * most
		}
		return 0
	}
	sh := shape{
		nodes:      2 + rng.IntN(4),
		clients:    3 + rng.IntN(6),
		log:        []logKind{logNone, logLocal, logMemory, logShared, logShared, logShared}[rng.IntN(6)],
		traits:     cluster.BusTraits{Rooms: chance(rng, 0.4), Counts: chance(rng, 0.3)},
		namespaces: []string{"/a", "/b"}[:1+rng.IntN(2)],
		kept:       []int{1000, 1000, 30}[rng.IntN(3)],
		eager:      chance(rng, 0.3),
		plain:      chance(rng, 0.2),
		forgetful:  chance(rng, 0.2),
		failure:    some(0.5, 0.15),
		loss:       some(0.5, 0.2),
		again:      some(0.5, 0.2),
		skip:       some(0.5, 0.2),
		haste:      1 + rng.Float64()*12,
	}
	// The defaults, but primes: two timers of a node that run out at the same moment do so in any order, and a run would
	// not be the same each time.
	sh.config = cluster.Config{
		RequestTimeout:    4999 * time.Millisecond,
		JoinTimeout:       997 * time.Millisecond,
		HeartbeatInterval: 3001 * time.Millisecond,
		HeartbeatTimeout:  10_007 * time.Millisecond,
		PositionCheck:     10_009 * time.Millisecond,
		MaxDisconnection:  []time.Duration{20_011 * time.Millisecond, 120_011 * time.Millisecond}[rng.IntN(2)],
		MaxQueue:          []int{0, 0, 16}[rng.IntN(3)],
	}
	for _, f := range allFaults() {
		if chance(rng, 0.4) {
			sh.faults = append(sh.faults, f)
		}
	}
	s.shape(&sh)
	if sh.plain { // an engine could not notice
		sh.skip = 0
	}
	sh.lossless = sh.failure == 0 && sh.loss == 0 && len(sh.faults) == 0
	return sh
}

// shared reports whether all nodes have the same log.
func (s *shape) shared() bool { return s.log == logShared || s.log == logMemory }

func (s *shape) String() string {
	var names []string
	for _, f := range s.faults {
		names = append(names, f.name)
	}
	return fmt.Sprintf("%d nodes, %d clients, %s of %d, plain %t, forgetful %t, eager %t, bus %+v, namespaces %v, queue %d, sessions for %v, "+
		"failure %.2f, loss %.2f, again %.2f, skip %.2f, faults: %s", s.nodes, s.clients, s.log, s.kept, s.plain, s.forgetful, s.eager,
		s.traits, s.namespaces, s.config.MaxQueue, s.config.MaxDisconnection, s.failure, s.loss, s.again, s.skip,
		strings.Join(names, ", "))
}
