package engineio_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

func TestUpgrade(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.poll()
		held := c.hold()
		probe := c.probe()
		probe.says("2probe")
		probe.hears("3probe")
		c.answered(held, "6") // so that the client can go on

		// Until the upgrade packet everything goes over polling.
		p.send("by poll")
		c.gets("4by poll")
		c.posts("4by post")
		p.wants("by post")
		if p.Transport() != engineio.Polling {
			t.Errorf("transport %q", p.Transport())
		}

		p.send("moved", "along") // nobody polls: they wait, and leave over the websocket
		probe.says("5")
		probe.hears("4moved", "4along")
		if string(p.Transport()) != n.transport() {
			t.Errorf("transport %q", p.Transport())
		}
		probe.says("4by websocket")
		p.wants("by websocket")
		p.send("back")
		probe.hears("4back")

		// Polling is over for this session.
		c.refused(400, `{"code":3,"message":"Bad request"}`)
		if a := c.do("POST", c.query, "4x"); a.status != 400 {
			t.Errorf("POST: %d %s", a.status, a.body)
		}
		// So are further upgrades, which do it no harm.
		c.probe().closes("")
		probe.says("4alive")
		p.wants("alive")
	})
}

// TestUpgrade_pending: the upgrade packet comes while a poll is held.
func TestUpgrade_pending(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.poll()
		probe := c.probe()
		held := c.hold()
		probe.says("5") // without a probe before
		c.answered(held, "1")
		p.send("hello")
		probe.hears("4hello")
	})
}

// TestUpgrade_noop: a poll that comes during a probe is held for 100 ms at most; data ends it earlier.
func TestUpgrade_noop(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		c, p := start(t, n, setup{}).poll()
		probe := c.probe()
		probe.says("2probe")
		probe.hears("3probe")
		for range 3 {
			began := time.Now()
			c.gets("6")
			if took := time.Since(began); took != 100*time.Millisecond {
				t.Errorf("held for %v", took)
			}
		}
		held := c.hold()
		p.send("data")
		c.answered(held, "4data")
		probe.says("5")
		p.send("end")
		probe.hears("4end")
	})
}

// TestUpgrade_refused: whatever else comes over a websocket that probes, only that websocket is closed, and the client
// may try again.
func TestUpgrade_refused(t *testing.T) {
	cases := []struct {
		name   string
		frames []ws.Frame // nil: bytes that are none
		closed string     // the payload of a websocket's close frame
	}{
		{"ping without probe", []ws.Frame{ws.NewTextFrame([]byte("2"))}, ""},
		{"a message", []ws.Frame{ws.NewTextFrame([]byte("40"))}, ""},
		{"pong", []ws.Frame{ws.NewTextFrame([]byte("3probe"))}, ""},
		{"nothing", []ws.Frame{ws.NewTextFrame(nil)}, ""},
		{"binary", []ws.Frame{ws.NewBinaryFrame([]byte("2probe"))}, ""},
		{"a message after the probe", []ws.Frame{ws.NewTextFrame([]byte("2probe")), ws.NewTextFrame([]byte("4x"))}, ""},
		{"bytes that are no frames", nil, status(ws.StatusProtocolError)},
		{"bad UTF-8", []ws.Frame{ws.NewTextFrame([]byte("5\xff"))}, status(ws.StatusInvalidFramePayloadData)},
		{"too large", []ws.Frame{ws.NewTextFrame([]byte(strings.Repeat("5", 1100)))}, status(ws.StatusMessageTooBig)},
		{"a close frame", []ws.Frame{ws.NewCloseFrame(ws.NewCloseFrameBody(1000, ""))}, status(1000)},
	}
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{MaxPayload: 1000}})
		c, p := r.poll()
		for _, test := range cases {
			if n.pipe != nil {
				if test.frames == nil || test.name == "bad UTF-8" {
					continue // it has neither frames nor text
				}
				test.closed = ""
			}
			held := c.hold()
			probe := c.probe()
			if probe.sends(test.frames...); test.frames == nil {
				probe.write("test")
			}
			h, payload := probe.frame()
			if string(payload) == "3probe" {
				c.answered(held, "6")
				held = c.polls()
				h, payload = probe.frame()
			}
			if h.OpCode != ws.OpClose || string(payload) != test.closed {
				t.Errorf("%s: got %s", test.name, describe(h, payload))
			}
			probe.conn.Close()
			if p.send("still on polling"); test.name == "a message after the probe" {
				// The poll may have been answered for the probe before it was given up.
				if a := receive(t, n.patience, "the poll", held); a.body == "6" {
					c.gets("4still on polling")
				}
			} else {
				c.answered(held, "4still on polling")
			}
		}
		probe := c.probe()
		probe.says("2probe")
		probe.hears("3probe")
		// One at a time.
		c.probe().closes("")
		probe.says("5", "4done")
		p.wants("done")
	})
}

// TestUpgrade_options: a server without upgrades, and a handshake that is wrong, leave the session as it was.
func TestUpgrade_options(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{NoUpgrades: true}})
		c, p := r.poll()
		c.probe().closes("")
		raw := r.raw()
		raw.write(strings.Replace(websocketRequest("?EIO=4&transport=websocket&sid="+c.SID), "Version: 13", "Version: 12", 1))
		if response := raw.response(); response.StatusCode != 400 || n.pipe == nil && response.Header.Get("Sec-WebSocket-Version") != "13" {
			t.Errorf("status %d", response.StatusCode)
		}
		p.send("polling")
		c.gets("4polling")
	})
}

// TestUpgrade_lost: the websocket goes away before the upgrade.
func TestUpgrade_lost(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.poll()
		for range 3 {
			eventually(t, n.patience, "a probe to be possible", func() bool {
				probe := c.probe()
				defer probe.conn.Close()
				probe.says("2probe")
				h, _ := probe.frame()
				return h.OpCode == ws.OpText
			})
		}
		p.send("hello")
		c.gets("4hello")
	})
}

func TestUpgrade_timeout(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		c, p := start(t, n, setup{}).poll()
		began := time.Now()
		probe := c.probe()
		probe.says("2probe")
		probe.hears("3probe")
		probe.closes("")
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("closed after %v", took)
		}
		c.posts("4polling")
		p.wants("polling")
	})
}

// TestUpgrade_sessionEnds: the session ends while a websocket probes it.
func TestUpgrade_sessionEnds(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.poll()
		held, probe := c.hold(), c.probe()
		p.Session.Close()
		c.answered(held, "1")
		probe.closes("")
		p.ends(engineio.ForcedClose)

		// Nobody polls: the websocket takes what is left, and the news.
		c, p = r.poll()
		probe = c.probe()
		probe.says("2probe")
		probe.hears("3probe")
		p.send("last")
		p.Session.Close()
		probe.says("5")
		probe.hears("4last")
		probe.closes("")
		p.ends(engineio.ForcedClose)
	})
}

// TestUpgrade_data: the messages of a POST that is still being handled come before those of the websocket.
func TestUpgrade_data(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		began, proceed := make(chan bool, 1), make(chan bool)
		r := start(t, n, setup{message: func(p *peer, m message) {
			if m.data == "wait" {
				began <- true
				<-proceed
			}
			p.messages <- m
		}})
		c, p := r.poll()
		probe := c.probe()
		probe.says("2probe")
		probe.hears("3probe")
		posted := make(chan answer, 1)
		go func() {
			a, _ := c.try("POST", c.query, "4wait\x1e4posted")
			posted <- a
		}()
		<-began
		probe.says("5", "4after")
		close(proceed)
		p.wants("wait", "posted", "after")
		if a := receive(t, n.patience, "the POST", posted); a.body != "ok" {
			t.Errorf("POST: %d %q", a.status, a.body)
		}
	})
}

// TestUpgrade_abandonedWait: probes that wait for a POST and are given up leave nothing behind.
func TestUpgrade_abandonedWait(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		proceed := make(chan bool)
		r := start(t, n, setup{
			options: engineio.Options{PingInterval: time.Hour},
			message: func(p *peer, m message) { <-proceed; p.messages <- m },
		})
		c, p := r.poll()
		go c.try("POST", c.query, "4wait")
		eventually(t, n.patience, "the POST", func() bool { return r.engine.Posting(c.SID) })
		for range 3 {
			probe := c.probe()
			probe.says("5")
			probe.closes("") // after the UpgradeTimeout
		}
		close(proceed)
		p.wants("wait")
		p.send("polling")
		c.gets("4polling")
	})
}

// TestUpgrade_order numbers many messages in both directions while the client moves to the websocket. All arrive once
// and in order.
func TestUpgrade_order(t *testing.T) {
	const count, rounds = 2000, 8
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		for round := range rounds {
			c, p := r.poll()
			var group sync.WaitGroup
			group.Go(func() {
				shared := round%2 == 1
				for i := range count {
					m := engineio.Message{Data: []byte(strconv.Itoa(i))}
					err := error(nil)
					if shared {
						err = p.SendPrepared(engineio.Prepare(m), false)
					} else {
						err = p.Send(m)
					}
					if err != nil {
						t.Errorf("Send: %v", err)
						return
					}
					if i%10 == 0 {
						time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond) // spreads them over the upgrade
					}
				}
			})
			upgradeInTheMiddle(c, count, rand.IntN(20))
			for i := range count {
				p.wants(strconv.Itoa(i))
			}
			group.Wait()
		}
	})
}

// upgradeInTheMiddle is a client that sends and receives the numbers below count, and upgrades after some polls, as the
// official client does it: it waits for its requests to end before it sends the upgrade packet.
func upgradeInTheMiddle(c *poller, count, polls int) {
	var received, sent int
	takes := func(packet string) {
		if packet == "6" || packet == "2" {
			return
		}
		if packet != "4"+strconv.Itoa(received) {
			c.t.Errorf("got %q, want %d", packet, received)
		}
		received++
	}
	var probed atomic.Bool
	var requests sync.WaitGroup
	ready := make(chan bool)
	requests.Go(func() { // one poll at a time
		start := sync.OnceFunc(func() { close(ready) })
		defer start()
		for i := 0; !probed.Load() && received < count; i++ { // with all received nothing would come
			if i == polls {
				start()
			}
			for packet := range strings.SplitSeq(c.do("GET", c.query, "").body, "\x1e") {
				takes(packet)
			}
		}
	})
	requests.Go(func() { // one POST at a time
		for !probed.Load() && sent < count {
			body := "4" + strconv.Itoa(sent)
			for sent++; sent%7 != 0 && sent < count; sent++ {
				body += "\x1e4" + strconv.Itoa(sent)
			}
			c.posts(body)
		}
	})
	<-ready
	socket := c.probe()
	socket.says("2probe")
	socket.hears("3probe")
	probed.Store(true)
	requests.Wait()
	c.t.Logf("upgraded after %d received and %d sent", received, sent)
	socket.says("5")
	for ; sent < count; sent++ {
		socket.says("4" + strconv.Itoa(sent))
	}
	for received < count {
		_, packet := socket.frame()
		takes(string(packet))
	}
	socket.conn.Close()
}

// TestUpgrade_late: a client may name its session by the connection itself, when the request has been answered.
func TestUpgrade_late(t *testing.T) {
	inBubble(t, piped, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{MaxConnections: 3}})
		dial := func(sid string) *socket {
			client, err := n.pipe.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			client.NameSession(sid)
			name, value := client.Header()
			if a := r.do("GET", "?EIO=4&transport=pipe&session=late", "", name+": "+value); a.status != 200 {
				t.Fatalf("status %d", a.status)
			}
			return &socket{t: t, conn: client, pipe: client}
		}
		fresh := dial("")
		fresh.opens()
		r.peer()

		c, p := r.poll()
		p.send("moved")
		dial("unknown").ends()
		if stats := r.engine.Stats(); stats.Sessions != 2 || stats.Opened != 2 || stats.Refused[engineio.SessionUnknown] != 1 {
			t.Errorf("stats %+v", stats)
		}
		fresh.says("1")
		fresh.closes("")
		probe := dial(c.SID)
		probe.says("2probe")
		probe.hears("3probe")
		probe.says("5")
		probe.hears("4moved")
		probe.says("4by pipe")
		p.wants("by pipe")
		if stats := r.engine.Stats(); stats.Sessions != 1 || stats.Opened != 2 {
			t.Errorf("stats %+v", stats)
		}
	})
}
