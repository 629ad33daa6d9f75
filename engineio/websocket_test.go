package engineio_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

// TestWebSocket_messages sends messages of sizes around every boundary of the frame format and of the buffers, in one
// frame and in several, with control frames between them.
func TestWebSocket_messages(t *testing.T) {
	sizes := []int{0, 1, 123, 124, 125, 126, 127, 2030, 2047, 2048, 2049, 4096, 8183, 8191, 8192, 8193, 65534, 65535, 65536, 200_000, 999_999}
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{message: func(p *peer, m message) {
			data := []byte(m.data)
			if err := p.Send(engineio.Message{Data: data, Binary: m.binary}); err != nil {
				t.Errorf("Send: %v", err)
			}
			clear(data) // Send has copied it
		}})
		c, _ := r.websocket()
		for _, size := range sizes {
			text := strings.Repeat("0123456789abcdef", size/16+1)[:size]
			payload := "4" + text
			third := len(payload) / 3
			go func() {
				io.WriteString(c.conn, masked(ws.NewTextFrame([]byte(payload)))+
					masked(ws.NewBinaryFrame([]byte(text)))+
					masked(ws.NewFrame(ws.OpText, false, []byte(payload[:third])))+
					masked(ws.NewPingFrame([]byte(text[:min(size, 125)])))+
					masked(ws.NewFrame(ws.OpContinuation, false, nil))+
					masked(ws.NewFrame(ws.OpContinuation, false, []byte(payload[third:2*third])))+
					masked(ws.NewFrame(ws.OpContinuation, true, []byte(payload[2*third:]))))
			}()
			for i, want := range []string{payload, text, text[:min(size, 125)], payload} {
				op := []ws.OpCode{ws.OpText, ws.OpBinary, ws.OpPong, ws.OpText}[i]
				if h, got := c.frame(); h.OpCode != op || string(got) != want || h.Masked || !h.Fin || h.Rsv != 0 {
					t.Fatalf("size %d: got %s of %d bytes", size, describe(h, got), len(got))
				}
			}
		}
	})
}

// TestWebSocket_byteByByte sends frames in the smallest pieces that there are.
func TestWebSocket_byteByByte(t *testing.T) {
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.websocket()
		stream := masked(ws.NewTextFrame([]byte("4one"))) +
			masked(ws.NewTextFrame([]byte("4"+strings.Repeat("x", 300)))) +
			masked(ws.NewFrame(ws.OpText, false, []byte("4t"))) + masked(ws.NewFrame(ws.OpContinuation, true, []byte("wo")))
		for i := range len(stream) {
			c.write(stream[i : i+1])
		}
		p.wants("one", strings.Repeat("x", 300), "two")
	})
}

// TestWebSocket_violations sends what ends the connection, over a session of its own each time. Another session sees
// nothing of it.
func TestWebSocket_violations(t *testing.T) {
	protocolError, tooBig := status(ws.StatusProtocolError), status(ws.StatusMessageTooBig)
	notUTF8, policy := status(ws.StatusInvalidFramePayloadData), status(ws.StatusPolicyViolation)
	text := func(s string) string { return masked(ws.NewTextFrame([]byte(s))) }
	cases := []struct {
		name   string
		frames string
		close  string // payload of the close frame
		reason engineio.Reason
	}{
		{"unknown packet", text("abc"), "", engineio.ParseError},
		{"nothing", text(""), "", engineio.ParseError},
		{"bad base64", text("b*"), "", engineio.ParseError},
		{"ping", text("2"), "", engineio.TransportError},
		{"probe", text("2probe"), "", engineio.TransportError},
		{"close packet", text("1"), "", engineio.TransportClose},

		{"bytes that are no frames", "test", protocolError, engineio.TransportError},
		{"unmasked", string(ws.MustCompileFrame(ws.NewTextFrame([]byte("4x")))), protocolError, engineio.TransportError},
		{"reserved bit", "\xc1\x80\x00\x00\x00\x00", protocolError, engineio.TransportError},
		{"reserved opcode", "\x83\x80\x00\x00\x00\x00", protocolError, engineio.TransportError},
		{"reserved control", "\x8b\x80\x00\x00\x00\x00", protocolError, engineio.TransportError},
		{"long ping", "\x89\xfe\x00\x7e\x00\x00\x00\x00", protocolError, engineio.TransportError},
		{"fragmented ping", "\x09\x80\x00\x00\x00\x00", protocolError, engineio.TransportError},
		{"continuation of nothing", "\x80\x80\x00\x00\x00\x00", protocolError, engineio.TransportError},
		{"message inside a message", "\x01\x81\x00\x00\x00\x004" + text("4x"), protocolError, engineio.TransportError},
		{"length with the highest bit", "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", protocolError, engineio.TransportError},
		{"bad UTF-8", text("4\xff"), notUTF8, engineio.TransportError},
		{"UTF-8 cut off", text("4\xe2\x82"), notUTF8, engineio.TransportError},
		{"bad UTF-8 in fragments", masked(ws.NewFrame(ws.OpText, false, []byte("4\xe2\x82"))) +
			masked(ws.NewFrame(ws.OpContinuation, true, []byte("4"))), notUTF8, engineio.TransportError},

		{"too large", text("4" + strings.Repeat("x", 1000)), tooBig, engineio.TransportError},
		{"claims 256 MB", "\x82\xff\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00", tooBig, engineio.TransportError},
		{"claims all there is", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", tooBig, engineio.TransportError},
		{"too large in fragments", masked(ws.NewFrame(ws.OpBinary, false, make([]byte, 999))) +
			masked(ws.NewFrame(ws.OpContinuation, false, make([]byte, 2))), tooBig, engineio.TransportError},
		{"fragments whose lengths overflow", masked(ws.NewFrame(ws.OpBinary, false, make([]byte, 1))) +
			"\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", tooBig, engineio.TransportError},
		{"many tiny fragments", masked(ws.NewFrame(ws.OpBinary, false, []byte{1})) +
			strings.Repeat(masked(ws.NewFrame(ws.OpContinuation, false, []byte{1})), 10), policy, engineio.TransportError},
		{"many empty fragments", masked(ws.NewFrame(ws.OpBinary, false, nil)) +
			strings.Repeat(masked(ws.NewFrame(ws.OpContinuation, false, nil)), 10), policy, engineio.TransportError},
		{"too many pings", strings.Repeat(masked(ws.NewPongFrame(nil)), 51), policy, engineio.TransportError},
		{"too many pongs", strings.Repeat(text("3"), 51), policy, engineio.TransportError},
		{"too many packets without effect", strings.Repeat(text("6")+text("5")+text("0"), 17), policy, engineio.TransportError},

		{"close", masked(ws.NewCloseFrame(nil)), "", engineio.TransportClose},
		{"close with a code", masked(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "bye"))), status(1000), engineio.TransportClose},
		{"close with a code of its own", masked(ws.NewCloseFrame(ws.NewCloseFrameBody(4999, ""))), status(4999), engineio.TransportClose},
		{"close with half a code", masked(ws.NewCloseFrame([]byte{3})), protocolError, engineio.TransportError},
		{"close with a forbidden code", masked(ws.NewCloseFrame([]byte{3, 0xed})), protocolError, engineio.TransportError},
		{"close with an unknown code", masked(ws.NewCloseFrame([]byte{3, 0xe7})), protocolError, engineio.TransportError},
		{"close with a bad reason", masked(ws.NewCloseFrame([]byte{3, 0xe8, 0xff})), notUTF8, engineio.TransportError},
	}
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{MaxPayload: 1000, MaxFragments: 10, MaxControlPackets: 50}})
		other, otherPeer := r.websocket()
		for _, test := range cases {
			c, p := r.websocket()
			p.send("before") // leaves before the close frame
			go io.WriteString(c.conn, test.frames)
			c.hears("4before")
			if h, got := c.frame(); h.OpCode != ws.OpClose || string(got) != test.close {
				t.Errorf("%s: got %s, want a close frame with %q", test.name, describe(h, got), test.close)
			}
			c.conn.Close()
			if got := receive(t, n.patience, test.name, p.closed); got.reason != test.reason {
				t.Errorf("%s: ended by %q, want %q", test.name, got.reason, test.reason)
			}
		}
		other.says("4other")
		otherPeer.wants("other")
		stats := r.engine.Stats()
		if stats.PayloadTooLarge != 5 || stats.TooManyFragments != 2 || stats.TooManyControls != 3 || stats.Closed[engineio.ParseError] != 3 {
			t.Errorf("counted %+v", stats)
		}
	})
}

// TestWebSocket_closed: after the server's close frame the client's answer ends the connection, and without an answer
// CloseTimeout does, whatever else the client sends.
func TestWebSocket_closed(t *testing.T) {
	cases := map[string]func(*socket){
		"answered": func(c *socket) { c.sends(ws.NewCloseFrame(nil)) },
		"closed":   func(c *socket) { c.conn.Close() },
		"answered after messages": func(c *socket) {
			c.says("4x", "4"+strings.Repeat("x", 100_000), "nonsense")
			c.sends(ws.NewPingFrame(nil), ws.NewCloseFrame(nil))
		},
	}
	for name, answer := range cases {
		t.Run(name, func(t *testing.T) {
			eachFramed(t, func(t *testing.T, n *network) {
				r := start(t, n, setup{})
				c, p := r.websocket()
				p.send("last")
				p.Session.Close()
				c.hears("4last")
				if h, got := c.frame(); h.OpCode != ws.OpClose || len(got) != 0 {
					t.Errorf("got %s", describe(h, got))
				}
				p.ends(engineio.ForcedClose)
				answer(c)
				if name != "closed" {
					c.ends()
				}
				if len(p.messages) != 0 {
					t.Errorf("handled %+v after Close", <-p.messages)
				}
			})
		})
	}
}

// TestWebSocket_slowMessage: a message must be complete ReadTimeout after its first byte, however it is cut. Between
// messages there is all the time in the world.
func TestWebSocket_slowMessage(t *testing.T) {
	fragment := masked(ws.NewFrame(ws.OpBinary, false, []byte("x")))
	next := masked(ws.NewFrame(ws.OpContinuation, false, []byte("x")))
	ping := masked(ws.NewPingFrame(nil))
	for name, pieces := range map[string][]string{
		"half a header":          {"\x81"},
		"a header":               {"\x81\xfe\x01\x00\x00\x00\x00\x00"},
		"byte by byte":           strings.Split(masked(ws.NewTextFrame([]byte("4"+strings.Repeat("x", 100)))), ""),
		"an endless message":     {fragment, next, next, next, next, next, next, next},
		"fragments and pings":    {fragment, ping, next, ping, next, ping, next, ping},
		"half a ping":            {ping[:3]},
		"half a large message":   {masked(ws.NewTextFrame([]byte("4" + strings.Repeat("x", 100_000))))[:50_000]},
		"half of a second frame": {masked(ws.NewTextFrame([]byte("4whole"))) + "\x81"},
	} {
		t.Run(name, func(t *testing.T) {
			inFrames(t, func(t *testing.T, n *network) {
				c, p := start(t, n, setup{options: engineio.Options{PingInterval: time.Hour}}).websocket()
				time.Sleep(20 * time.Minute)
				began := time.Now()
				var sending sync.WaitGroup
				sending.Go(func() {
					for _, piece := range pieces {
						if _, err := io.WriteString(c.conn, piece); err != nil {
							return
						}
						time.Sleep(1500 * time.Millisecond)
					}
				})
				defer sending.Wait()
				for {
					h, _ := c.frame()
					if h.OpCode == ws.OpClose {
						break
					}
				}
				elapsed(t, began, 10*time.Second)
				p.ends(engineio.TransportError)
				c.conn.Close()
			})
		})
	}
}

// TestWebSocket_reset: the connection is torn down.
func TestWebSocket_reset(t *testing.T) {
	r := start(t, tcp(t), setup{})
	c, p := r.websocket()
	c.conn.(*net.TCPConn).SetLinger(0)
	c.conn.Close()
	p.ends(engineio.TransportClose)
}

// TestWebSocket_foreignBytes: no message ever carries bytes of another, though they share pooled buffers.
func TestWebSocket_foreignBytes(t *testing.T) {
	const sessions, rounds = 8, 200
	r := start(t, tcp(t), setup{message: func(p *peer, m message) {
		if err := p.Send(engineio.Message{Data: []byte(m.data), Binary: true}); err != nil {
			t.Errorf("Send: %v", err)
		}
	}})
	done := make(chan bool, sessions)
	for i := range sessions {
		c, _ := r.websocket()
		go func() {
			defer func() { done <- true }()
			for round := range rounds {
				data := bytes.Repeat([]byte{byte(i + 1)}, round*round%9000)
				io.WriteString(c.conn, masked(ws.NewBinaryFrame(data))+masked(ws.NewPingFrame(data[:min(len(data), 125)])))
				for range 2 {
					_, got, err := c.tryFrame()
					if err != nil || len(bytes.Trim(got, string(byte(i+1)))) != 0 {
						t.Errorf("session %d: %q, %v", i, got, err)
						return
					}
				}
			}
		}()
	}
	for range sessions {
		<-done
	}
}
