package socketio_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleyio/parley/socketio"
)

// Nothing is lost or doubled while everybody broadcasts and clients cut their connections and come back.
func TestRecovery_stress(t *testing.T) {
	const clients, senders, events = 8, 3, 400
	for name, serve := range map[string]func(testing.TB, *socketio.Options) *node{"memory": serve, "tcp": serveTCP} {
		t.Run(name, func(t *testing.T) {
			n := serve(t, &socketio.Options{Recovery: &socketio.Recovery{
				OnFailed:  func(_ *socketio.Socket, err error) { t.Errorf("not recovered: %v", err) },
				OnExpired: func(id string) { t.Errorf("%s has expired", id) },
			}})
			ledgers := make([]*ledger, clients)
			for i := range ledgers {
				ledgers[i] = &ledger{t: t, n: n, random: rand.New(rand.NewPCG(uint64(i), 11)), next: map[string]int{}}
				ledgers[i].connect()
				must(t, n.socket(t, ledgers[i].client, "/").Join("room", fmt.Sprint("own", i)))
			}
			var work sync.WaitGroup
			for g := range senders {
				work.Go(func() {
					for i := range events {
						for j, b := range []socketio.Broadcast{n.To("room"), n.Except("none"), n.To(fmt.Sprint("own", i%clients), "room")} {
							var payload any = "text"
							if i%3 == 0 {
								payload = []byte{byte(i)}
							}
							if err := b.Emit("e", fmt.Sprintf("%d/%d", g, j), i, payload); err != nil {
								t.Error(err)
							}
						}
						_ = n.Volatile().Emit("volatile", 1)
						time.Sleep(100 * time.Microsecond) // of real time: this is about races
					}
				})
			}
			for _, l := range ledgers {
				work.Go(func() { l.run(senders * 3 * events) })
			}
			work.Wait()
			s := n.Stats()
			if len(n.Sockets()) != clients || s.Recoveries < clients || s.FailedRecoveries > 0 {
				t.Errorf("%d sockets, %d recoveries, %d failed", len(n.Sockets()), s.Recoveries, s.FailedRecoveries)
			}
		})
	}
}

// ledger is a client that comes back again and again, and writes down what it gets.
type ledger struct {
	t      *testing.T
	n      *node
	random *rand.Rand
	client *client
	ticket ticket
	next   map[string]int // by sender: the number of its next event
	total  int
}

// connect comes back, or comes for the first time. Events before the reply count when the reply is there.
func (l *ledger) connect() {
	c, err := l.n.tryOpen(l.t)
	if err != nil {
		l.t.Error(err)
		return
	}
	go c.pump()
	l.client = c
	var auth string
	if l.ticket.PID != "" {
		auth = l.ticket.auth()
	}
	k, before := c.enter("/", auth)
	if l.ticket.PID != "" && (k.PID != l.ticket.PID || k.SID != l.ticket.SID) {
		l.t.Error("another socket")
	}
	if k.Offset == "" {
		k.Offset = l.ticket.Offset
	}
	l.ticket = k
	for _, m := range before {
		l.book(m)
	}
}

// book writes down one message.
func (l *ledger) book(m string) {
	at := strings.IndexByte(m, '[')
	if at < 0 || strings.HasPrefix(m[at:], `["volatile"`) {
		return
	}
	var args []any
	if err := json.Unmarshal([]byte(m[at:]), &args); err != nil || len(args) != 5 {
		l.t.Errorf("got %q", m)
		return
	}
	sender, number := args[1].(string), int(args[2].(float64))
	if number != l.next[sender] {
		l.t.Errorf("event %d of %s, want %d", number, sender, l.next[sender])
	}
	l.next[sender] = number + 1
	l.total++
	l.ticket = l.ticket.behind(m)
}

// run reads until all events have come.
func (l *ledger) run(all int) {
	defer func() { l.t.Cleanup(func() { l.client.conn.Close() }) }()
	cut := l.random.IntN(60)
	for l.total < all && !l.t.Failed() {
		if cut--; cut < 0 {
			switch old := l.client; l.random.IntN(3) {
			case 0: // at once, without a word
				old.conn.Close()
				l.connect()
			case 1: // after a while
				old.conn.Close()
				time.Sleep(time.Duration(l.random.IntN(3)) * time.Millisecond)
				l.connect()
			default: // before the connection ends
				l.connect()
				old.conn.Close()
			}
			cut = 20 + l.random.IntN(200)
			continue // all may have come before the reply
		}
		l.book(l.client.next())
	}
}
