package engineio_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/engineio"
)

// TestEIO3_heartbeat: the client pings.
func TestEIO3_heartbeat(t *testing.T) {
	t.Run("websocket", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			c, p := start3(t, n, setup{}).websocket3("")
			for _, ping := range []string{"2", "2probe", "2"} {
				time.Sleep(interval + timeout - time.Second)
				c.says(ping)
				c.hears("3") // without the data
			}
			began := time.Now()
			time.Sleep(interval)
			c.says("4a message is no ping")
			c.closes("")
			elapsed(t, began, interval+timeout)
			p.ends(engineio.PingTimeout)
		})
	})
	t.Run("polling", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			c, p := start3(t, n, setup{}).poll3("")
			for range 3 {
				held := c.hold()
				time.Sleep(interval)
				c.posts("1:2")
				c.answered(held, "1:3")
			}
			c.posts("6:2probe")
			c.gets("1:3")
			began := time.Now()
			c.gets("1:1") // a held poll is told
			elapsed(t, began, interval+timeout)
			p.ends(engineio.PingTimeout)
			c.gone()
		})
	})
	t.Run("after an upgrade", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			c, p := start3(t, n, setup{}).poll3("")
			began := time.Now()
			probe := c.probe3("")
			probe.says("2probe")
			probe.hears("3probe")
			probe.says("5")
			time.Sleep(interval)
			probe.closes("") // a probe is no ping
			elapsed(t, began, interval+timeout)
			p.ends(engineio.PingTimeout)
		})
	})
	t.Run("wrong direction", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			r := start3(t, n, setup{})
			socket, p := r.websocket3("")
			socket.says("3")
			socket.closes("")
			p.ends(engineio.TransportError)
			poller, p := r.poll3("")
			poller.posts("1:3")
			p.ends(engineio.TransportError)
			poller.gone()
		})
	})
	t.Run("not read", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			r := start3(t, n, setup{options: engineio.Options{SendQueuePackets: 10}})
			c, p := r.poll3("")
			c.posts(strings.Repeat("1:2", 10))
			c.gets(strings.Repeat("1:3", 10))
			c.posts(strings.Repeat("1:2", 11))
			p.ends(engineio.SlowConsumer)
		})
	})
	t.Run("stalled", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			r := start3(t, n, setup{message: func(p *peer, m message) {
				p.Stalled(true)
				time.Sleep(3 * interval)
				p.Stalled(false)
				p.messages <- m
			}})
			c, p := r.websocket3("")
			c.says("4slow", "2")
			p.wants("slow")
			c.hears("3")
			began := time.Now()
			c.closes("")
			elapsed(t, began, interval+timeout)
			p.ends(engineio.PingTimeout)
		})
	})
}

// TestEIO3_close: how polls are answered at the end of a session.
func TestEIO3_close(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start3(t, n, setup{})
		c, p := r.poll3("")
		held := c.hold()
		c.posts("1:1")
		c.answered(held, "1:6")
		p.ends(engineio.TransportClose)
		c.gone()

		c, p = r.poll3("")
		held = c.hold()
		p.Session.Close()
		c.answered(held, "1:1")
		p.ends(engineio.ForcedClose)

		c, p = r.poll3("")
		p.send("bye")
		p.Session.Close()
		c.gets("4:4bye")
		c.gets("1:61:1")
		p.ends(engineio.ForcedClose)

		c, p = r.poll3("")
		held = c.hold()
		if a := r.do("GET", c.query, ""); a.status != 400 || a.body != "" {
			t.Errorf("second poll: %d %q", a.status, a.body)
		}
		c.answered(held, "1:1")
		p.ends(engineio.TransportError)

		socket, p := r.websocket3("")
		socket.says("1")
		socket.closes("")
		p.ends(engineio.TransportClose)
	})
}

func TestEIO3_upgrade(t *testing.T) {
	binary := engineio.Message{Data: []byte(attachedBytes), Binary: true}
	eachFramed(t, func(t *testing.T, n *network) {
		r := start3(t, n, setup{})
		c, p := r.poll3("&b64=1")
		held := c.hold()
		probe := c.probe3("")
		probe.says("2probe")
		probe.hears("3probe")
		c.answered(held, "1:6")
		if err := p.Send(binary); err != nil {
			t.Fatal(err)
		}
		c.gets("6:b4AQID")
		held = c.hold()
		probe.says("5")
		if a := receive(t, n.patience, "the held poll", held); a.body != "1:1" && a.body != "1:6" {
			t.Errorf("held poll: %q", a.body)
		}
		eventually(t, n.patience, "the upgrade", func() bool { return string(p.Transport()) == r.net.transport() })
		c.refused(400, `{"code":3,"message":"Bad request"}`)
		if err := p.Send(binary); err != nil { // b64 was the other transport's
			t.Fatal(err)
		}
		probe.binary("\x04" + attachedBytes)

		// What nobody has polled moves over, in the websocket's form.
		c, p = r.poll3("")
		p.send("moved")
		if err := p.Send(binary); err != nil {
			t.Fatal(err)
		}
		probe = c.probe3("&b64=1")
		probe.says("5")
		probe.hears("4moved", "b4AQID")
		probe.says("4alive")
		p.wants("alive")
	})
}

// TestEIO3_quiet: nothing but the handshake is sent to who says nothing.
func TestEIO3_quiet(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		r := start3(t, n, setup{})
		c, _ := r.poll3("")
		held := c.hold()
		time.Sleep(interval + timeout - time.Second)
		synctest.Wait()
		if len(held) != 0 {
			t.Errorf("got %q", (<-held).body)
		}
		c.posts("1:1")
		c.answered(held, "1:6")
	})
}

// TestEIO3_initialPacket: the first body has two packets, each with its length.
func TestEIO3_initialPacket(t *testing.T) {
	for _, test := range []struct {
		packet engineio.Message
		end    string
		framed string
	}{
		{engineio.Message{Data: []byte("hé")}, "3:4hé", "4hé"},
		{engineio.Message{Data: []byte(attachedBytes), Binary: true}, "\x01\x04\xff\x04" + attachedBytes, "\x04" + attachedBytes},
	} {
		inFrames(t, func(t *testing.T, n *network) {
			r := start3(t, n, setup{options: engineio.Options{InitialPacket: &test.packet}})
			a := r.do("GET", "?EIO=3&transport=polling", "")
			if !strings.HasSuffix(a.body, "}"+test.end) || (a.header.Get("Content-Type") == octetStream) != test.packet.Binary {
				t.Errorf("handshake %q %v", a.body, a.header)
			}
			r.peer()
			c, _ := r.websocket3("")
			if _, got := c.frame(); string(got) != test.framed {
				t.Errorf("first message %q", got)
			}
		})
	}
}

// TestEIO3_deflate compresses one group for both revisions.
func TestEIO3_deflate(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		s := compressing(0)
		r := start3(t, n, s)
		four, p4 := r.deflating()
		three := r.upgrade("?EIO=3&transport=websocket", offersDeflate)
		three.opens()
		p3 := r.peer()
		text, large := strings.Repeat("x", 2000), strings.Repeat("\x00\x01", 2000)
		group := engineio.Prepare(engineio.Message{Data: []byte(text)}, engineio.Message{Data: []byte(large), Binary: true})
		for range 2 {
			for _, p := range []*peer{p4, p3} {
				if err := p.SendPrepared(group, false); err != nil {
					t.Fatal(err)
				}
			}
			for c, prefix := range map[*socket]string{four: "", three: "\x04"} {
				if got := c.inflated(true); got != "4"+text {
					t.Errorf("text of %d bytes", len(got))
				}
				if got := c.inflated(true); got != prefix+large {
					t.Errorf("binary message of %d bytes", len(got))
				}
			}
		}
	})
}
