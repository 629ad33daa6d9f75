package engineio_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/memnet"
)

// sendExpendable sends a message that may be dropped.
func (p *peer) sendExpendable(text string) error {
	return p.Send(engineio.Message{Data: []byte(text), Expendable: true})
}

// TestSend_expendable fills the queue of a client that does not read: what may be dropped makes room for what may not,
// the oldest first, and what is left comes in order.
func TestSend_expendable(t *testing.T) {
	type side struct {
		peer *peer
		read func() []string // all that waits
	}
	sides := map[string]func(t *testing.T, r *rig) side{
		"polling": func(_ *testing.T, r *rig) side {
			c, p := r.poll()
			return side{p, func() []string {
				return strings.Split(strings.TrimPrefix(r.do("GET", c.query, "").body, "4"), "\x1e4")
			}}
		},
		"websocket": func(t *testing.T, r *rig) side {
			c, p := r.websocket()
			p.send(strings.Repeat("x", 10_000)) // stuffs the connection
			synctest.Wait()
			return side{p, func() (all []string) {
				c.hears("4" + strings.Repeat("x", 10_000))
				p.send("last")
				for {
					_, text := c.frame()
					if string(text) == "4last" {
						return all
					}
					all = append(all, strings.TrimPrefix(string(text), "4"))
				}
			}}
		},
		"upgraded": func(t *testing.T, r *rig) side {
			c, p := r.poll()
			probe := c.probe()
			probe.says("2probe")
			probe.hears("3probe")
			probe.says("5")
			synctest.Wait()
			p.send(strings.Repeat("x", 10_000))
			synctest.Wait()
			return side{p, func() (all []string) {
				probe.hears("4" + strings.Repeat("x", 10_000))
				p.send("last")
				for {
					_, text := probe.frame()
					if string(text) == "4last" {
						return all
					}
					all = append(all, strings.TrimPrefix(string(text), "4"))
				}
			}}
		},
	}
	for name, open := range sides {
		run := func(what string, test func(t *testing.T, r *rig, s side)) {
			t.Run(name+", "+what, func(t *testing.T) {
				inMemory(t, func(t *testing.T, n *network) {
					n.buffer(1 << 10)
					r := start(t, n, setup{options: engineio.Options{SendQueuePackets: 10}})
					s := open(t, r)
					test(t, r, s)
					s.peer.Abort(engineio.ForcedClose, nil)
				})
			})
		}
		first := map[bool]int{true: 10, false: 9}[name == "polling"] // one waits in front of them
		run("the oldest goes first", func(t *testing.T, r *rig, s side) {
			for i := range 30 {
				if i == 22 {
					s.peer.send("kept")
				} else if err := s.peer.sendExpendable(fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			}
			var want []string
			for i := 30 - first; i < 30; i++ {
				want = append(want, fmt.Sprint(i))
			}
			for i, text := range want {
				if text == "22" {
					want[i] = "kept"
				}
			}
			if got := s.read(); strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("got %q, want %q", got, want)
			}
			if stats := r.engine.Stats(); stats.ExpendableDropped != int64(30-first) || stats.Closed[engineio.SlowConsumer] != 0 {
				t.Errorf("stats %+v", stats)
			}
		})
		run("makes room for the others", func(t *testing.T, r *rig, s side) {
			for i := range 5 {
				if err := s.peer.sendExpendable(fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			}
			for i := range first {
				s.peer.send(fmt.Sprint("kept ", i))
			}
			if err := s.peer.sendExpendable("no room"); err != engineio.ErrDropped {
				t.Errorf("Send of one that may be dropped = %v", err)
			}
			if err := s.peer.Send(engineio.Message{Data: []byte("one too many")}); err != engineio.ErrQueueFull {
				t.Errorf("Send of one that may not = %v", err)
			}
			s.peer.ends(engineio.SlowConsumer)
		})
		run("only together", func(t *testing.T, r *rig, s side) {
			group := []engineio.Message{{Data: []byte("head"), Expendable: true}, {Data: []byte("tail")}}
			for range 4 {
				if err := s.peer.Send(group...); err != nil {
					t.Fatal(err)
				}
			}
			group[1].Expendable = true
			for range 3 {
				if err := s.peer.Send(group...); err != nil && err != engineio.ErrDropped {
					t.Fatal(err)
				}
			}
			got := strings.Join(s.read(), " ")
			if want := strings.TrimSpace(strings.Repeat("head tail ", first/2)); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestSend_expendable_stream: while a client reads, slowly, frames that may be dropped never break those around them.
func TestSend_expendable_stream(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		if l, ok := n.listener.(*memnet.Listener); ok {
			l.Buffer = 1 << 10
		}
		r := start(t, n, setup{options: engineio.Options{SendQueueBytes: 1 << 20}})
		c, p := r.websocket()
		padding := strings.Repeat("x", 20_000)
		dropped := func() int64 { return r.engine.Stats().ExpendableDropped }
		wanted := 0
		var group sync.WaitGroup
		group.Go(func() {
			// The queue is full once, at a time of its own; what follows is few enough for the kept ones to fit.
			for i, left := 0, 200; left > 0; i++ {
				if dropped() > 0 {
					left--
				}
				m := engineio.Message{Data: fmt.Appendf(nil, "may go %d %s", i, padding), Expendable: true}
				if i%20 == 0 {
					m = engineio.Message{Data: fmt.Appendf(nil, "kept %d %s", i, padding)}
					wanted++
				}
				if err := p.Send(m); err != nil && err != engineio.ErrDropped {
					t.Errorf("Send: %v", err)
					return
				}
			}
			p.send("last")
		})
		t.Cleanup(group.Wait)
		eventually(t, n.patience, "the queue to be full", func() bool { return dropped() > 0 })
		last, kept := -1, 0
		for {
			h, text := c.frame()
			if string(text) == "4last" {
				break
			}
			var i int
			rest, isKept := strings.CutPrefix(string(text), "4kept ")
			if !isKept {
				rest, _ = strings.CutPrefix(string(text), "4may go ")
			}
			if _, err := fmt.Sscanf(rest, "%d x", &i); err != nil || h.OpCode != ws.OpText || i <= last || !strings.HasSuffix(rest, padding) {
				t.Fatalf("after %d: %s, %v", last, describe(h, text), err)
			}
			last = i
			if isKept {
				kept++
			}
		}
		group.Wait()
		if kept != wanted {
			t.Errorf("%d of %d were kept", kept, wanted)
		}
	})
}
