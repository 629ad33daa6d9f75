package engineio_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

const (
	interval = 25 * time.Second
	timeout  = 20 * time.Second
)

// elapsed checks how much time has passed since began.
func elapsed(t *testing.T, began time.Time, want time.Duration) {
	t.Helper()
	if took := time.Since(began); took != want {
		t.Fatalf("after %v, want %v", took, want)
	}
}

func TestHeartbeat_websocket(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.websocket()
		began := time.Now()
		for i := range 3 {
			c.hears("2")
			elapsed(t, began, time.Duration(i+1)*interval+time.Duration(i)*5*time.Second)
			time.Sleep(5 * time.Second) // the next interval begins with the pong
			c.says("3")
		}
		c.hears("2")
		c.closes("")
		elapsed(t, began, 4*interval+3*5*time.Second+timeout)
		p.ends(engineio.PingTimeout)
	})
}

func TestHeartbeat_polling(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		c, p := start(t, n, setup{}).poll()
		began := time.Now()
		c.gets("2") // releases the poll
		elapsed(t, began, interval)
		c.posts("3")
		c.gets("2")
		elapsed(t, began, 2*interval)
		c.gets("1") // a held poll is told
		elapsed(t, began, 2*interval+timeout)
		p.ends(engineio.PingTimeout)
		c.gone()
	})
	t.Run("nobody polls", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			c, p := start(t, n, setup{}).poll()
			began := time.Now()
			p.ends(engineio.PingTimeout)
			elapsed(t, began, interval+timeout)
			c.gone()
		})
	})
}

// TestHeartbeat_otherPackets: the first packet that comes instead of the pong restarts the wait for it, once.
func TestHeartbeat_otherPackets(t *testing.T) {
	for name, frame := range map[string]func(c *socket){
		"message": func(c *socket) { c.says("4x") },
		"binary":  func(c *socket) { c.says("bAQ==") },
		"noop":    func(c *socket) { c.says("6") },
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, n *network) {
				c, p := start(t, n, setup{}).websocket()
				frame(c) // before the ping it means nothing
				c.hears("2")
				began := time.Now()
				time.Sleep(15 * time.Second)
				frame(c)
				time.Sleep(10 * time.Second)
				frame(c)
				c.closes("")
				elapsed(t, began, 15*time.Second+timeout)
				p.ends(engineio.PingTimeout)
			})
		})
	}
	t.Run("then the pong", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			c, p := start(t, n, setup{}).websocket()
			began := time.Now()
			c.hears("2")
			time.Sleep(19 * time.Second)
			c.says("4x")
			time.Sleep(19 * time.Second)
			c.says("3")
			c.hears("2")
			elapsed(t, began, interval+38*time.Second+interval)
			time.Sleep(19 * time.Second) // once for each ping
			c.says("4y")
			time.Sleep(19 * time.Second)
			c.says("3")
			c.hears("2")
			p.wants("x", "y")
		})
	})
	t.Run("by post", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			c, p := start(t, n, setup{}).poll()
			c.gets("2")
			began := time.Now()
			time.Sleep(15 * time.Second)
			c.posts("4x")
			time.Sleep(15 * time.Second)
			c.posts("4y")
			p.ends(engineio.PingTimeout)
			elapsed(t, began, 15*time.Second+timeout)
		})
	})
}

// TestHeartbeat_unsolicited: pongs without a ping are counted and change nothing.
func TestHeartbeat_unsolicited(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.websocket()
		began := time.Now()
		time.Sleep(10 * time.Second)
		c.says("3", "3")
		c.hears("2")
		elapsed(t, began, interval)
		c.says("3", "3", "4done")
		p.wants("done")
		if got := r.engine.Stats().UnsolicitedPongs; got != 3 {
			t.Errorf("%d unsolicited pongs", got)
		}
		c.hears("2")
		elapsed(t, began, 2*interval)
	})
}

// TestHeartbeat_upgrade: the wait for a pong goes on across an upgrade.
func TestHeartbeat_upgrade(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		c, p := start(t, n, setup{}).poll()
		c.gets("2")
		began := time.Now()
		time.Sleep(15 * time.Second)
		probe := c.probe()
		probe.says("2probe")
		probe.hears("3probe")
		probe.says("5")
		probe.closes("")
		elapsed(t, began, timeout)
		p.ends(engineio.PingTimeout)
	})
	t.Run("answered", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			c, p := start(t, n, setup{}).poll()
			time.Sleep(interval) // the ping is queued
			probe := c.probe()
			probe.says("5")
			probe.hears("2") // and moves to the websocket
			probe.says("3")
			began := time.Now()
			probe.hears("2")
			elapsed(t, began, interval)
			probe.says("3", "4x")
			p.wants("x")
		})
	})
}

// TestHeartbeat_stalled: while the server itself does not read, the client is not blamed for a missing pong.
func TestHeartbeat_stalled(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		const stall = 5 * (interval + timeout)
		r := start(t, n, setup{message: func(p *peer, m message) {
			if m.data == "stall" {
				p.Stalled(true)
				time.Sleep(stall)
				p.Stalled(false)
			}
			p.messages <- m
		}})
		c, p := r.websocket()
		c.says("4stall")
		began := time.Now()
		c.hears("2")
		c.says("3", "4after")
		for time.Since(began) < stall-timeout {
			c.hears("2") // the client counts on pings, whether or not its pongs are read
		}
		p.wants("stall", "after")
		synctest.Wait()
		select {
		case end := <-p.closed:
			t.Fatalf("ended: %+v", end)
		default:
		}
		// From now on it is blamed again.
		resumed := time.Now()
		for h, _ := c.frame(); h.OpCode != ws.OpClose; h, _ = c.frame() {
		}
		if took := time.Since(resumed); took > interval+2*timeout {
			t.Errorf("closed after %v", took)
		}
		p.ends(engineio.PingTimeout)
	})
	t.Run("once more after the stall", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			c, p := start(t, n, setup{}).websocket()
			c.hears("2")
			began := time.Now()
			p.Stalled(true)
			p.Stalled(true)
			time.Sleep(100 * time.Second)
			p.Stalled(false)
			p.Stalled(false)
			for h, _ := c.frame(); h.OpCode != ws.OpClose; h, _ = c.frame() {
			}
			if took := time.Since(began); took < 100*time.Second || took > 100*time.Second+2*timeout {
				t.Errorf("closed after %v", took)
			}
			p.ends(engineio.PingTimeout)
		})
	})
}

// A client that leaves while the server does not read is noticed by what cannot be written to it.
func TestHeartbeat_goneWhileStalled(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		release := make(chan struct{})
		c, p := start(t, n, setup{message: func(p *peer, _ message) {
			p.Stalled(true)
			<-release
			p.Stalled(false)
		}}).websocket()
		c.says("4stall")
		synctest.Wait()
		c.conn.Close()
		end := <-p.closed
		close(release)
		if end.reason != engineio.TransportError {
			t.Errorf("ended with %q, want %q", end.reason, engineio.TransportError)
		}
	})
}
