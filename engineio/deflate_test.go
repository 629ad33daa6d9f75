package engineio_test

import (
	"bytes"
	"compress/flate"
	"crypto/rand"
	"encoding/hex"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

const offersDeflate = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"

// compressing are options with compression of websocket messages from the size given.
func compressing(threshold int) setup {
	return setup{options: engineio.Options{PerMessageDeflate: &engineio.Deflate{Threshold: threshold}}}
}

// deflating opens a session on a websocket that compresses, and returns both sides.
func (r *rig) deflating() (*socket, *peer) {
	r.t.Helper()
	c := r.upgrade("?EIO=4&transport=websocket", offersDeflate)
	c.opens()
	return c, r.peer()
}

// deflate compresses a message as a client does.
func deflate(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(data)
	w.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte("\x00\x00\xff\xff"))
}

// compressed marks a frame as the first of a compressed message.
func compressed(f ws.Frame) ws.Frame {
	f.Header.Rsv = ws.Rsv(true, false, false)
	return f
}

// inflated reads a message, which must be compressed or not as told.
func (c *socket) inflated(compressed bool) string {
	c.t.Helper()
	h, payload := c.frame()
	if h.Rsv1() != compressed || h.Rsv2() || h.Rsv3() {
		c.t.Fatalf("%d bytes with RSV %03b, compressed should be %v", h.Length, h.Rsv, compressed)
	}
	if !compressed {
		return string(payload)
	}
	data, err := io.ReadAll(flate.NewReader(strings.NewReader(string(payload) + "\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(data)
}

// lines returns the lines of a file of vectors.
func lines(t testing.TB, file string) (lines []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

// TestDeflate_negotiation compares the answers to offers with the vectors in testdata.
func TestDeflate_negotiation(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		on := start(t, n, compressing(0))
		off := start(t, memory(t), setup{})
		var offers []string
		for _, line := range append(lines(t, "testdata/extensions.txt"), strings.Repeat(";", 64<<10), "-> -",
			"permessage-deflate"+strings.Repeat(";", 64<<10), "-> -", strings.Repeat(",", 64<<10), "-> -") {
			want, answer := strings.CutPrefix(line, "-> ")
			if !answer {
				offers = append(offers, "Sec-WebSocket-Extensions: "+line)
				continue
			}
			for r, want := range map[*rig]string{on: strings.TrimPrefix(want, "-"), off: ""} {
				c := r.raw()
				c.write(websocketRequest("?EIO=4&transport=websocket", offers...))
				response := c.response()
				if got := response.Header.Get("Sec-WebSocket-Extensions"); response.StatusCode != 101 || got != want {
					t.Errorf("%.100q: %d %q, want %q", offers, response.StatusCode, got, want)
				}
				c.opens()
				r.peer()
			}
			offers = nil
		}
	})
}

// TestDeflate sends messages both ways, over descriptors and without.
func TestDeflate(t *testing.T) {
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, compressing(100))
		c, p := r.deflating()
		for _, size := range []int{0, 98, 99, 1000, 5000, 70_000, 999_999} {
			text := strings.Repeat("ab", (size+1)/2)[:size]
			c.sends(compressed(ws.NewTextFrame(deflate(t, []byte("4"+text)))))
			p.wants(text)
			p.send(text)
			if got := c.inflated(1+size >= 100); got != "4"+text {
				t.Fatalf("%d bytes came back as %d", size, len(got))
			}
		}
		c.sends(compressed(ws.NewBinaryFrame(deflate(t, make([]byte, 3000)))), ws.NewTextFrame([]byte("4plain")))
		if got := receive(t, p.patience, "a message", p.messages); !got.binary || got.data != string(make([]byte, 3000)) {
			t.Fatalf("received %d bytes, binary %v", len(got.data), got.binary)
		}
		p.wants("plain")
		p.Send(engineio.Message{Data: make([]byte, 3000), Binary: true})
		if got := c.inflated(true); got != string(make([]byte, 3000)) {
			t.Fatalf("%d bytes came back", len(got))
		}
	})
}

// TestDeflate_vectors sends messages that other implementations have compressed.
func TestDeflate_vectors(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		c, p := start(t, n, compressing(0)).deflating()
		for _, line := range lines(t, "testdata/deflate.txt") {
			digits, want, _ := strings.Cut(line, " ")
			data, err := hex.DecodeString(digits)
			if err != nil {
				t.Fatal(err)
			}
			c.sends(compressed(ws.NewBinaryFrame(data)))
			if got := receive(t, p.patience, "a message", p.messages); got != (message{want, true}) {
				t.Errorf("%s: %+v, want %q", digits, got, want)
			}
		}
	})
}

// TestDeflate_choice sends messages of which only some are to be compressed.
func TestDeflate_choice(t *testing.T) {
	large, small := strings.Repeat("x", 1023), strings.Repeat("x", 1022) // with the packet's type: 1,024 and 1,023
	random := make([]byte, 4000)
	rand.Read(random)
	inFrames(t, func(t *testing.T, n *network) {
		r := start(t, n, compressing(0))
		c, p := r.deflating()
		plain, second := r.websocket()
		base64 := r.upgrade("?EIO=4&transport=websocket&b64=1", offersDeflate)
		base64.opens()
		messages := []engineio.Message{
			{Data: []byte(large)},
			{Data: []byte(small)},
			{Data: []byte(large), NoCompress: true},
			{Data: random, Binary: true}, // would not get smaller
			{Data: make([]byte, 1024), Binary: true},
		}
		want := []bool{true, false, false, false, true}
		check := func(what string) {
			t.Helper()
			for i, m := range messages {
				data := string(m.Data)
				if !m.Binary {
					data = "4" + data
				}
				if got := c.inflated(want[i]); got != data {
					t.Errorf("%s: message %d came as %d bytes", what, i, len(got))
				}
			}
		}
		for _, m := range messages {
			p.Send(m)
		}
		check("alone")
		p.Send(messages...)
		check("together")

		group := engineio.Prepare(messages...)
		others := []*peer{second, r.peer()}
		for range 2 {
			for _, p := range append([]*peer{p}, others...) {
				if err := p.SendPrepared(group, false); err != nil {
					t.Fatal(err)
				}
			}
			check("prepared")
			for range messages {
				plain.inflated(false)
				base64.inflated(false)
			}
		}
		if err := p.SendPrepared(engineio.Prepare(messages[0]), true); err != nil {
			t.Fatal(err)
		}
		c.inflated(true)
	})
}

// TestDeflate_negative_threshold compresses whatever gets smaller.
func TestDeflate_negative_threshold(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		c, p := start(t, n, compressing(-1)).deflating()
		p.send("aaaaaaaaaaaaaaaaaaaa", "a")
		c.inflated(true)
		c.inflated(false)
	})
}

// TestDeflate_fragments cuts a compressed message, with control frames between the parts.
func TestDeflate_fragments(t *testing.T) {
	eachFramed(t, func(t *testing.T, n *network) {
		c, p := start(t, n, compressing(0)).deflating()
		text := strings.Repeat("abc", 5000)
		for _, parts := range []int{2, 3, 7} {
			data := deflate(t, []byte("4"+text))
			for i := range parts {
				part := data[len(data)*i/parts : len(data)*(i+1)/parts]
				f := ws.NewFrame(ws.OpContinuation, i == parts-1, part)
				if i == 0 {
					f.Header.OpCode = ws.OpText
					f = compressed(f)
				}
				c.sends(f, ws.NewPingFrame([]byte{byte(i)}))
			}
			p.wants(text)
			for i := range parts {
				if h, payload := c.frame(); h.OpCode != ws.OpPong || h.Rsv != 0 || string(payload) != string([]byte{byte(i)}) {
					t.Fatalf("got %s", describe(h, payload))
				}
			}
		}
		// A message in fragments that is not compressed, between compressed ones.
		c.sends(ws.NewFrame(ws.OpText, false, []byte("4a")), ws.NewFrame(ws.OpContinuation, true, []byte("b")),
			compressed(ws.NewTextFrame(deflate(t, []byte("4c")))))
		p.wants("ab", "c")
	})
}

// TestDeflate_violations sends what must close the connection, with the code that says why.
func TestDeflate_violations(t *testing.T) {
	hello := deflate(t, []byte("4hello"))
	cases := []struct {
		name   string
		frames []ws.Frame
		code   ws.StatusCode
	}{
		{"a compressed ping", []ws.Frame{compressed(ws.NewPingFrame(nil))}, 1002},
		{"a compressed close", []ws.Frame{compressed(ws.NewCloseFrame(nil))}, 1002},
		{"a compressed continuation", []ws.Frame{
			compressed(ws.NewFrame(ws.OpText, false, hello)), compressed(ws.NewFrame(ws.OpContinuation, true, nil)),
		}, 1002},
		{"another reserved bit", []ws.Frame{{Header: ws.Header{Fin: true, Rsv: 2, OpCode: ws.OpText}}}, 1002},
		{"not deflate", []ws.Frame{compressed(ws.NewTextFrame([]byte("\xff\xff\xff\xff")))}, 1007},
		{"nothing", []ws.Frame{compressed(ws.NewTextFrame(nil))}, 1007},
		{"cut off", []ws.Frame{compressed(ws.NewTextFrame([]byte("\x00\x10\x00\xef\xffhello")))}, 1007},
		{"not UTF-8", []ws.Frame{compressed(ws.NewTextFrame(deflate(t, []byte("4\xff"))))}, 1007},
		{"too large", []ws.Frame{compressed(ws.NewTextFrame(deflate(t, []byte("4"+strings.Repeat("a", 1000)))))}, 1009},
		{"too large when compressed", []ws.Frame{compressed(ws.NewTextFrame(make([]byte, 1001)))}, 1009},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			inFrames(t, func(t *testing.T, n *network) {
				s := compressing(0)
				s.options.MaxPayload = 1000
				r := start(t, n, s)
				c, p := r.deflating()
				largest := strings.Repeat("a", 999)
				c.sends(compressed(ws.NewTextFrame(deflate(t, []byte("4"+largest)))))
				p.wants(largest)
				c.sends(test.frames...)
				c.closes(status(test.code))
				p.ends(engineio.TransportError)
				if got := r.engine.Stats().PayloadTooLarge; (got == 1) != (test.code == 1009) {
					t.Errorf("%d payloads were too large", got)
				}
			})
		})
	}
	t.Run("not negotiated", func(t *testing.T) {
		inFrames(t, func(t *testing.T, n *network) {
			c, p := start(t, n, compressing(0)).websocket()
			c.sends(compressed(ws.NewTextFrame(hello)))
			c.closes(status(1002))
			p.ends(engineio.TransportError)
		})
	})
	t.Run("an empty packet", func(t *testing.T) {
		inFrames(t, func(t *testing.T, n *network) {
			c, p := start(t, n, compressing(0)).deflating()
			c.sends(compressed(ws.NewTextFrame([]byte{0})))
			c.closes("")
			p.ends(engineio.ParseError)
		})
	})
}

// TestDeflate_bomb sends a message that would grow five hundred times beyond the limit, deflated once and twice. It must
// cost the server a few times the limit and no more.
func TestDeflate_bomb(t *testing.T) {
	megabyte := append(deflate(t, make([]byte, 1<<20)), "\x00\x00\xff\xff"...) // ends a byte, so that it can be repeated
	bomb := bytes.Repeat(megabyte, 500)
	for name, data := range map[string][]byte{"once": bomb, "twice": deflate(t, bomb)} {
		t.Run(name, func(t *testing.T) {
			t.Logf("%d bytes", len(data))
			s := compressing(0)
			s.message = func(p *peer, m message) {
				if len(m.data) > 1_000_000 {
					t.Errorf("received %d bytes", len(m.data))
				}
			}
			r := start(t, tcp(t), s)
			c, p := r.deflating()
			frame := masked(compressed(ws.NewBinaryFrame(data)))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			c.write(frame)
			if name == "once" {
				c.closes(status(1009))
				p.ends(engineio.TransportError)
			} else { // it is a message of half a megabyte, and nobody inflates it again
				c.sends(ws.NewPingFrame(nil))
				c.frame()
			}
			runtime.ReadMemStats(&after)
			if took, used := time.Since(began), after.TotalAlloc-before.TotalAlloc; took > 5*time.Second || used > 8<<20 {
				t.Errorf("took %v and %d bytes", took, used)
			}
		})
	}
}

// TestDeflate_upgrade moves a session whose queue holds a large message to a websocket that compresses.
func TestDeflate_upgrade(t *testing.T) {
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, compressing(0))
		c, p := r.poll()
		probe := c.upgrade("?EIO=4&transport=websocket&sid="+c.SID, offersDeflate)
		probe.says("2probe")
		probe.hears("3probe")
		large := strings.Repeat("x", 2000)
		p.send(large)
		probe.says("5")
		if got := probe.inflated(true); got != "4"+large {
			t.Fatalf("got %d bytes", len(got))
		}
		probe.sends(compressed(ws.NewTextFrame(deflate(t, []byte("4hello")))))
		p.wants("hello")
	})
}

// TestDeflate_order sends from several goroutines what is compressed and what is not. Each goroutine's messages must
// come in its order, although compressing takes longer.
func TestDeflate_order(t *testing.T) {
	const senders, count = 4, 200
	eachFramed(t, func(t *testing.T, n *network) {
		c, p := start(t, n, compressing(100)).deflating()
		for sender := range senders {
			go func() {
				for i := range count {
					data := bytes.Repeat([]byte{byte(sender)}, 2+i%2*1000)
					data[1] = byte(i)
					p.Send(engineio.Message{Data: data, Binary: true})
				}
			}()
		}
		var next [senders]int
		for range senders * count {
			h, payload := c.frame()
			if h.Rsv1() {
				data, err := io.ReadAll(flate.NewReader(bytes.NewReader(append(payload, "\x00\x00\xff\xff\x01\x00\x00\xff\xff"...))))
				if err != nil {
					t.Fatal(err)
				}
				payload = data
			}
			if i := next[payload[0]]; byte(i) != payload[1] || len(payload) != 2+i%2*1000 {
				t.Fatalf("sender %d: message %d of %d bytes, want %d", payload[0], payload[1], len(payload), i)
			}
			next[payload[0]]++
		}
	})
}

// FuzzFrameReader_deflate sends raw bytes into a session's websocket that compresses. The session must end without a
// fault, and never hand over more than the limit.
func FuzzFrameReader_deflate(f *testing.F) {
	hello := deflate(f, []byte("4hello"))
	f.Add([]byte(masked(compressed(ws.NewTextFrame(hello)))))
	f.Add([]byte(masked(compressed(ws.NewBinaryFrame(deflate(f, make([]byte, 6000)))))))
	f.Add([]byte(masked(compressed(ws.NewFrame(ws.OpText, false, hello[:3]))) + masked(ws.NewPingFrame(nil)) +
		masked(ws.NewFrame(ws.OpContinuation, true, hello[3:])) + masked(ws.NewTextFrame([]byte("4a")))))
	f.Add([]byte(masked(compressed(ws.NewPingFrame(nil)))))
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) {
			const limit = 5000
			s := compressing(-1)
			s.options.MaxPayload = limit
			s.message = func(p *peer, m message) {
				if len(m.data) > limit {
					t.Errorf("received %d bytes", len(m.data))
				}
				p.Send(engineio.Message{Data: []byte(m.data), Binary: m.binary})
			}
			r := start(t, memory(t), s)
			c, p := r.deflating()
			c.conn.Write(data) // fails when the session has ended
			synctest.Wait()
			c.conn.(interface{ CloseWrite() error }).CloseWrite()
			io.Copy(io.Discard, c.in)
			receive(t, p.patience, "the end", p.closed)
		})
	})
}
