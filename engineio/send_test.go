package engineio_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

// TestSend_groups sends groups from many goroutines at once. Nothing ever comes between the messages of a group, and
// the groups of one goroutine keep their order.
func TestSend_groups(t *testing.T) {
	const senders, groups = 8, 100
	check := func(t *testing.T, next func() string) {
		var counts [senders]int
		for range senders * groups {
			var sender, group int
			if _, err := fmt.Sscanf(next(), "4head %d %d", &sender, &group); err != nil {
				t.Fatal(err)
			}
			if counts[sender] != group {
				t.Fatalf("sender %d: group %d, want %d", sender, group, counts[sender])
			}
			counts[sender]++
			for part := range group % 3 {
				want := fmt.Sprintf("part %d %d %d", sender, group, part)
				if got := next(); got != want {
					t.Fatalf("got %.50q, want %q", got, want)
				}
			}
		}
	}
	send := func(t *testing.T, p *peer) {
		var group sync.WaitGroup
		for sender := range senders {
			group.Go(func() {
				for i := range groups {
					messages := []engineio.Message{{Data: fmt.Appendf(nil, "head %d %d", sender, i)}}
					for part := range i % 3 {
						messages = append(messages, engineio.Message{Data: fmt.Appendf(nil, "part %d %d %d", sender, i, part), Binary: true})
					}
					var err error
					if i%2 == 0 {
						err = p.Send(messages...)
					} else {
						err = p.SendPrepared(engineio.Prepare(messages...), false)
					}
					if err != nil {
						t.Errorf("Send: %v", err)
					}
					if sender == 0 && i%10 == 0 {
						p.Cork()
						defer p.Uncork()
					}
				}
			})
		}
		group.Wait()
	}
	t.Run("websocket", func(t *testing.T) {
		eachNetwork(t, func(t *testing.T, n *network) {
			c, p := start(t, n, setup{}).websocket()
			go send(t, p)
			check(t, func() string { _, payload := c.frame(); return string(payload) })
		})
	})
	t.Run("polling", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			c, p := start(t, n, setup{}).poll()
			go send(t, p)
			var packets []string
			check(t, func() string {
				if len(packets) == 0 {
					packets = strings.Split(c.do("GET", c.query, "").body, "\x1e")
				}
				packet := packets[0]
				packets = packets[1:]
				if packet[0] == 'b' { // base64 of the part
					packet = decoded(t, packet[1:])
				}
				return packet
			})
		})
	})
}

// counting counts the writes of the server's connections.
type counting struct {
	net.Listener
	writes atomic.Int64
}

func (l *counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &countingConn{c, l}, err
}

type countingConn struct {
	net.Conn
	listener *counting
}

func (c *countingConn) Write(b []byte) (int, error) {
	c.listener.writes.Add(1)
	return c.Conn.Write(b)
}

// TestCork covers the three ends of a cork.
func TestCork(t *testing.T) {
	corked := func(t *testing.T, test func(t *testing.T, c *socket, p *peer, writes *atomic.Int64)) {
		inMemory(t, func(t *testing.T, n *network) {
			var count *counting
			if n.pipe != nil {
				n.pipe.Wrap = func(c net.Conn) net.Conn { return &countingConn{c, count} }
			}
			r := start(t, n, setup{listen: func(l net.Listener) net.Listener { count = &counting{Listener: l}; return count }})
			c, p := r.websocket()
			synctest.Wait()
			count.writes.Store(0)
			test(t, c, p, &count.writes)
		})
	}
	t.Run("uncork", func(t *testing.T) {
		corked(t, func(t *testing.T, c *socket, p *peer, writes *atomic.Int64) {
			p.Cork()
			p.Cork()
			for i := range 50 {
				p.send(strconv.Itoa(i))
				if err := p.SendPrepared(engineio.Prepare(engineio.Message{Data: []byte("shared")}), i%2 == 0); err != nil {
					t.Error(err)
				}
			}
			p.Uncork()
			synctest.Wait()
			if got := writes.Load(); got != 0 {
				t.Errorf("%d writes inside a cork", got)
			}
			began := time.Now()
			p.Uncork()
			for i := range 50 {
				c.hears("4"+strconv.Itoa(i), "4shared")
			}
			elapsed(t, began, 0)
			if got := writes.Load(); got != 1 {
				t.Errorf("%d writes", got)
			}
			p.Uncork() // of nothing
			p.send("after")
			c.hears("4after")
			elapsed(t, began, 0)
		})
	})
	t.Run("a millisecond", func(t *testing.T) {
		corked(t, func(t *testing.T, c *socket, p *peer, writes *atomic.Int64) {
			p.Cork()
			for range 3 {
				time.Sleep(time.Second)
				began := time.Now()
				p.send("a", "b")
				c.hears("4a", "4b")
				elapsed(t, began, time.Millisecond)
			}
			if got := writes.Load(); got != 3 {
				t.Errorf("%d writes", got)
			}
		})
	})
	t.Run("16 KiB", func(t *testing.T) {
		corked(t, func(t *testing.T, c *socket, p *peer, writes *atomic.Int64) {
			began, kib := time.Now(), strings.Repeat("x", 1020) // and 4 bytes of a header
			p.Cork()
			for range 15 {
				p.send(kib)
			}
			synctest.Wait()
			if got := writes.Load(); got != 0 {
				t.Errorf("%d writes below 16 KiB", got)
			}
			p.send(kib)
			for range 16 {
				c.hears("4" + kib)
			}
			elapsed(t, began, 0)
			if got := writes.Load(); got != 1 {
				t.Errorf("%d writes", got)
			}
		})
	})
	t.Run("close", func(t *testing.T) {
		corked(t, func(t *testing.T, c *socket, p *peer, _ *atomic.Int64) {
			p.Cork()
			p.send("last")
			p.Session.Close()
			p.Uncork()
			c.hears("4last")
			c.closes("")
		})
	})
}

// TestVolatile: a volatile message is sent at once or not at all.
func TestVolatile(t *testing.T) {
	volatile := engineio.Prepare(engineio.Message{Data: []byte("volatile")})
	t.Run("websocket", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			n.buffer(4 << 10)
			c, p := start(t, n, setup{}).websocket()
			synctest.Wait()
			if err := p.SendPrepared(volatile, true); err != nil {
				t.Errorf("to an idle client: %v", err)
			}
			c.hears("4volatile")
			large := strings.Repeat("x", 10_000)
			p.send(large) // more than the connection takes
			synctest.Wait()
			if err := p.SendPrepared(volatile, true); err != engineio.ErrDropped {
				t.Errorf("to a client that does not read: %v", err)
			}
			p.send("next")
			c.hears("4"+large, "4next")
			p.Session.Close()
			if err := p.SendPrepared(volatile, true); err != engineio.ErrClosed {
				t.Errorf("after Close: %v", err)
			}
		})
	})
	t.Run("polling", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			c, p := start(t, n, setup{}).poll()
			if err := p.SendPrepared(volatile, true); err != engineio.ErrDropped {
				t.Errorf("without a poll: %v", err)
			}
			held := c.hold()
			if err := p.SendPrepared(volatile, true); err != nil {
				t.Errorf("with a poll: %v", err)
			}
			c.answered(held, "4volatile")
		})
	})
}

// TestSend_slowConsumer fills the queue of a client that does not read.
func TestSend_slowConsumer(t *testing.T) {
	cases := []struct {
		name    string
		options engineio.Options
		size    int // of a message
		fits    int // messages that are taken
	}{
		{"bytes", engineio.Options{SendQueueBytes: 10_000}, 96, 100},
		{"packets", engineio.Options{SendQueuePackets: 10}, 96, 10},
		{"one large message", engineio.Options{SendQueueBytes: 1000}, 5000, 1},
		{"no limit", engineio.Options{SendQueueBytes: -1, SendQueuePackets: -1}, 96, 20_000},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			fill := func(t *testing.T, send func(engineio.Message) error) (taken int) {
				m := engineio.Message{Data: make([]byte, test.size), Binary: true}
				for taken < test.fits {
					if err := send(m); err != nil {
						break
					}
					taken++
				}
				return taken
			}
			t.Run("websocket", func(t *testing.T) {
				inMemory(t, func(t *testing.T, n *network) {
					n.buffer(1000)
					c, p := start(t, n, setup{options: test.options}).websocket()
					if err := p.Send(engineio.Message{Data: make([]byte, 2000), Binary: true}); err != nil { // stuffs the connection
						t.Fatal(err)
					}
					synctest.Wait()
					taken := fill(t, func(m engineio.Message) error { return p.Send(m) })
					bytes := 80
					if n.pipe != nil {
						bytes = 77 // with a larger header each
					}
					wanted := map[string]int{"bytes": bytes, "packets": 9, "one large message": 0, "no limit": test.fits}[test.name]
					if taken < wanted || taken > test.fits {
						t.Errorf("%d messages taken, want about %d", taken, wanted)
					}
					if test.name == "no limit" {
						p.Abort(engineio.SlowConsumer, nil)
					} else if err := p.Send(engineio.Message{Data: make([]byte, test.size)}); err != engineio.ErrClosed {
						t.Errorf("the next Send = %v", err)
					}
					p.ends(engineio.SlowConsumer)
					for { // what the connection had taken may still come
						if _, _, err := c.tryFrame(); err != nil {
							break
						}
					}
				})
			})
			t.Run("polling", func(t *testing.T) {
				inMemory(t, func(t *testing.T, n *network) {
					c, p := start(t, n, setup{options: test.options}).poll()
					prepared := func(m engineio.Message) error { return p.SendPrepared(engineio.Prepare(m), false) }
					for range 2 { // what a poll has taken does not count any more
						taken := fill(t, prepared)
						if low := test.fits * 7 / 10; taken < low { // base64 is larger
							t.Errorf("%d messages taken, want at least %d", taken, low)
						}
						if taken < test.fits {
							break
						}
						if a := c.do("GET", c.query, ""); a.status != 200 {
							t.Fatalf("poll: %d", a.status)
						}
					}
					if test.name == "no limit" || test.name == "packets" || test.name == "one large message" {
						for err := error(nil); err == nil && test.name != "no limit"; {
							err = prepared(engineio.Message{Data: make([]byte, test.size)})
						}
						if test.name == "no limit" {
							return
						}
					}
					p.ends(engineio.SlowConsumer)
					c.gone()
				})
			})
		})
	}
}

// TestSend_corkedBounds: what a cork holds back is not the client's fault.
func TestSend_corkedBounds(t *testing.T) {
	for name, options := range map[string]engineio.Options{
		"packets": {SendQueuePackets: 5}, "bytes": {SendQueueBytes: 100},
	} {
		t.Run(name, func(t *testing.T) {
			c, p := start(t, tcp(t), setup{options: options}).websocket()
			prepared := engineio.Prepare(engineio.Message{Data: []byte("shared")})
			p.Cork()
			for i := range 100 {
				p.send(strconv.Itoa(i))
				if err := p.SendPrepared(prepared, false); err != nil {
					t.Fatal(err)
				}
			}
			p.Uncork()
			for i := range 100 {
				c.hears("4"+strconv.Itoa(i), "4shared")
			}
		})
	}
}

// TestSend_catchesUp: a client that reads late, but within the bounds, gets everything.
func TestSend_catchesUp(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		c, p := start(t, n, setup{options: engineio.Options{SendQueuePackets: -1, SendQueueBytes: -1}}).websocket()
		text := strings.Repeat("x", 3000)
		const count = 3000 // 9 MB: more than any connection buffers
		for i := range count {
			p.send(strconv.Itoa(i) + text[:i])
		}
		for i := range count {
			c.hears("4" + strconv.Itoa(i) + text[:i])
		}
		p.send("end")
		c.hears("4end")
	})
}

// TestSend_stuck: a client that stops reading in the middle of a message is given WriteTimeout.
func TestSend_stuck(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		n.buffer(1000)
		_, p := start(t, n, setup{}).websocket()
		began := time.Now()
		p.send(strings.Repeat("x", 10_000))
		p.ends(engineio.TransportError)
		elapsed(t, began, 10*time.Second)
	})
}

// TestSend_ping: a full queue is not made fuller than full by a ping, nor is the client blamed for it.
func TestSend_ping(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		c, p := start(t, n, setup{options: engineio.Options{SendQueuePackets: 3}}).poll()
		p.send("a", "b", "c")
		time.Sleep(interval)
		synctest.Wait()
		c.gets("4a\x1e4b\x1e4c\x1e2")
	})
}

// TestSend_pongs: a client that pings without reading is a slow consumer too.
func TestSend_pongs(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		n.buffer(1000)
		c, p := start(t, n, setup{options: engineio.Options{MaxControlPackets: -1, SendQueueBytes: 20_000}}).websocket()
		ping := masked(ws.NewPingFrame(make([]byte, 125)))
		for range 500 {
			if _, err := c.conn.Write([]byte(ping)); err != nil {
				break
			}
		}
		p.ends(engineio.SlowConsumer)
	})
}
