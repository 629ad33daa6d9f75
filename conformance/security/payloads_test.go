package security_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/socketio"
)

// limit is the default of Options.MaxPayload.
const limit = 1_000_000

var filler = bytes.Repeat([]byte("x"), 64<<10)

// pour writes n bytes from one small buffer, or as many as the server reads.
func (w *wire) pour(n int) {
	for n > 0 {
		wrote, err := w.Write(filler[:min(n, len(filler))])
		if err != nil {
			return
		}
		n -= wrote
	}
}

// CVE-2020-36048: the size of a body is limited, whatever its headers say, and the server does not read beyond the limit.
func TestS3_large_bodies(t *testing.T) {
	const huge = 100 << 20
	gzipped := func(n int) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.Copy(z, io.LimitReader(zeros{}, int64(n)))
		z.Close()
		return b.String()
	}(8 << 20)
	for name, tt := range map[string]struct {
		jsonp  string
		header []string
		send   func(w *wire)
	}{
		"announced":        {"", []string{fmt.Sprint("Content-Length: ", huge)}, func(w *wire) { w.pour(huge) }},
		"a byte more":      {"", []string{fmt.Sprint("Content-Length: ", limit+1)}, func(w *wire) { w.pour(limit + 1) }},
		"announced, JSONP": {"&j=0", []string{fmt.Sprint("Content-Length: ", huge), "Content-Type: application/x-www-form-urlencoded"}, func(w *wire) { w.pour(huge) }},
		"chunked": {"", []string{"Transfer-Encoding: chunked"}, func(w *wire) {
			for range huge / limit {
				w.send("F4240\r\n") // 1,000,000
				w.pour(limit)
				w.send("\r\n")
			}
		}},
		"one chunk":                {"", []string{"Transfer-Encoding: chunked"}, func(w *wire) { w.send("7fffffffffffff\r\n"); w.pour(huge) }},
		"chunked, JSONP":           {"&j=0", []string{"Transfer-Encoding: chunked"}, func(w *wire) { w.send("7fffffffffffff\r\nd="); w.pour(huge) }},
		"compressed and too large": {"", []string{fmt.Sprint("Content-Length: ", huge), "Content-Encoding: gzip"}, func(w *wire) { w.pour(huge) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{options: socketio.Options{AllowJSONP: true}})
			c := r.connect(engineio.Polling)
			before := r.io.Stats().Engine.PayloadTooLarge
			allocates(t, 8<<20, func() {
				w := r.dial()
				sent := make(chan struct{})
				go func() { // at the same time, because the server does not read the rest of the body
					defer close(sent)
					w.send(head("POST", polling+tt.jsonp+"&sid="+c.sid, tt.header...))
					tt.send(w)
				}()
				a, err := w.answer()
				if err != nil {
					t.Fatal(err)
				}
				a.is(t, "413 ")
				if !a.closes {
					t.Error("the connection is kept")
				}
				w.ends()
				<-sent
			})
			if got := r.io.Stats().Engine.PayloadTooLarge - before; got != 1 {
				t.Errorf("%d counted", got)
			}
			c.send(`20["echo",1]`) // the session is still open
			c.expects(`30[1]`)
		})
	}
	t.Run("compressed", func(t *testing.T) { // the server does not decompress a body, so it is not a packet
		r := start(t, setup{})
		c := r.connect(engineio.Polling)
		allocates(t, 8<<20, func() {
			r.closes(engineio.ParseError, func() {
				r.request("POST", polling+"&sid="+c.sid, gzipped, "Content-Encoding: gzip")
				c.expectClosed(0)
			})
		})
	})
	t.Run("at the limit", func(t *testing.T) {
		r := start(t, setup{before: reflect})
		c := r.connect(engineio.Polling)
		text := `"` + strings.Repeat("x", limit-len(`420["reflect",""]`)) + `"`
		c.send(`20["reflect",` + text + `]`)
		c.expects(`30[` + text + `]`)
	})
}

// zeros is an endless reader of zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// frameHeader returns the header of a masked frame with any length.
func frameHeader(op ws.OpCode, fin bool, length int64) string {
	var b bytes.Buffer
	ws.WriteHeader(&b, ws.Header{Fin: fin, OpCode: op, Masked: true, Length: length})
	return b.String()
}

// CVE-2016-10542: a frame that is too large is refused by its header; the server allocates nothing for it.
func TestS13_large_frames(t *testing.T) {
	for name, length := range map[string]int64{"a byte more": limit + 1, "256 MB": 256 << 20, "2^62": 1 << 62} {
		t.Run(name, func(t *testing.T) {
			for _, op := range []ws.OpCode{ws.OpText, ws.OpBinary} {
				r := start(t, setup{})
				c := r.connect(engineio.WebSocket)
				before := r.io.Stats().Engine.PayloadTooLarge
				allocates(t, 1<<20, func() {
					r.closes(engineio.TransportError, func() {
						c.wire.send(frameHeader(op, true, length))
						c.expectClosed(1009)
					})
				})
				if got := r.io.Stats().Engine.PayloadTooLarge - before; got != 1 {
					t.Errorf("%d counted", got)
				}
			}
		})
	}
	t.Run("a header alone", func(t *testing.T) { // with an allowed length
		r := start(t, setup{})
		allocates(t, 20*limit/2, func() {
			for range 20 {
				r.connect(engineio.WebSocket).wire.send(frameHeader(ws.OpText, true, limit))
			}
			r.checkCanaries()
		})
	})
	t.Run("at the limit", func(t *testing.T) {
		r := start(t, setup{before: reflect})
		c := r.connect(engineio.WebSocket)
		text := `"` + strings.Repeat("x", limit-len(`420["reflect",""]`)) + `"`
		c.send(`20["reflect",` + text + `]`)
		c.expects(`30[` + text + `]`)
	})
}

// golang/go#5082: the server checks the size of a frame before it has read all of it, also on a probe.
func TestS30_frames_of_a_probe(t *testing.T) {
	r := start(t, setup{})
	sid := r.handshake()
	allocates(t, 1<<20, func() {
		w := r.upgrades(websocket + "&sid=" + sid)
		w.send(frameHeader(ws.OpText, true, 1<<40))
		if got := w.code(); got != 1009 {
			t.Errorf("closed with %d", got)
		}
	})
	r.request("POST", polling+"&sid="+sid, "40").is(t, "200 ok") // the failed probe does not affect the session
}

// CVE-2026-48779, CVE-2026-42786, CVE-2026-47073: the number of fragments, their bytes and their time are limited.
func TestS17_fragments(t *testing.T) {
	continuation := func(payload string) string {
		return masked(ws.NewFrame(ws.OpContinuation, false, []byte(payload)))
	}
	begin := masked(ws.NewFrame(ws.OpText, false, []byte("4")))
	for name, tt := range map[string]struct {
		frames string
		code   int
	}{
		"of a byte each":           {begin + strings.Repeat(continuation("x"), 2_000), 1008},
		"empty":                    {begin + strings.Repeat(continuation(""), 2_000), 1008},
		"large together":           {begin + strings.Repeat(continuation(strings.Repeat("x", 10_000)), 110), 1009},
		"continuing nothing":       {continuation("x"), 1002},
		"a message in between":     {begin + masked(ws.NewTextFrame([]byte("4x"))), 1002},
		"a fragmented ping":        {begin + masked(ws.NewFrame(ws.OpPing, false, nil)), 1002},
		"a split character is bad": {masked(ws.NewFrame(ws.OpText, false, []byte("4\xc3"))) + masked(ws.NewFrame(ws.OpContinuation, true, []byte("x"))), 1007},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{})
			c := r.connect(engineio.WebSocket)
			r.closes(engineio.TransportError, func() {
				c.wire.send(tt.frames)
				c.expectClosed(tt.code)
			})
		})
	}
	t.Run("as many as there may be", func(t *testing.T) {
		r := start(t, setup{before: reflect})
		c := r.connect(engineio.WebSocket)
		message := `420["reflect","` + strings.Repeat("é", 500) + `"]`
		for i, b := range []byte(message) {
			op := ws.OpContinuation
			if i == 0 {
				op = ws.OpText
			}
			c.wire.sendFrame(ws.NewFrame(op, i == len(message)-1, []byte{b}))
			if i == 500 {
				c.wire.sendFrame(ws.NewPingFrame([]byte("between")))
			}
		}
		h, payload, err := c.wire.frame()
		if err != nil || h.OpCode != ws.OpPong || string(payload) != "between" {
			t.Errorf("got %+v %q %v", h, payload, err)
		}
		c.expects(`30["` + strings.Repeat("é", 500) + `"]`)
	})
	t.Run("memory is that of the bytes", func(t *testing.T) {
		r := start(t, setup{})
		allocates(t, 4<<20, func() {
			for range 50 { // 50 x 1,000 fragments of a byte
				c := r.connect(engineio.WebSocket)
				c.wire.send(begin + strings.Repeat(continuation("x"), 1_000))
			}
			r.checkCanaries()
		})
	})
}

// deflated returns a compressed message of n bytes.
func deflated(n int) []byte {
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, flate.BestSpeed)
	io.Copy(z, io.LimitReader(zeros{}, int64(n)))
	z.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})
}

// compressedFrame returns a frame with the bit for compression.
func compressedFrame(payload []byte) ws.Frame {
	f := ws.NewTextFrame(payload)
	f.Header.Rsv = ws.Rsv(true, false, false)
	return f
}

// deflate is the header that offers compression.
const deflate = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"

// centrifuge #584, #612: the limit applies to the size after decompression, and decompression stops there.
func TestS31_decompression(t *testing.T) {
	for name, payload := range map[string][]byte{
		"100 MB":      deflated(100 * limit),
		"a byte more": deflated(limit + 1),
	} {
		if len(payload) > limit {
			t.Fatalf("the bomb has %d bytes", len(payload))
		}
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{options: socketio.Options{PerMessageDeflate: &engineio.Deflate{}}})
			w := r.upgrades(websocket, deflate)
			w.frame()
			allocates(t, 8<<20, func() {
				r.closes(engineio.TransportError, func() {
					w.sendFrame(compressedFrame(payload))
					if got := w.code(); got != 1009 {
						t.Errorf("closed with %d", got)
					}
				})
			})
			if got := r.io.Stats().Engine.PayloadTooLarge; got != 1 {
				t.Errorf("%d counted", got)
			}
		})
	}
	t.Run("too large as it is sent", func(t *testing.T) {
		r := start(t, setup{options: socketio.Options{PerMessageDeflate: &engineio.Deflate{}}})
		w := r.upgrades(websocket, deflate)
		w.frame()
		r.closes(engineio.TransportError, func() {
			w.sendFrame(compressedFrame(bytes.Repeat([]byte{1}, limit+1)))
			if got := w.code(); got != 1009 {
				t.Errorf("closed with %d", got)
			}
		})
	})
}

// Compression is off by default and keeps no state between messages. Compressed bodies are not decompressed.
func TestA5_decompression_bomb(t *testing.T) {
	bomb := deflated(100 * limit)
	t.Run("off", func(t *testing.T) {
		r := start(t, setup{})
		w := r.dial()
		w.send(upgrade(websocket, deflate))
		if a, err := w.answer(); err != nil || a.header.Get("Sec-WebSocket-Extensions") != "" {
			t.Fatalf("%v %v", a, err)
		}
		w.frame()
		r.closes(engineio.TransportError, func() {
			w.sendFrame(compressedFrame(bomb))
			if got := w.code(); got != 1002 {
				t.Errorf("closed with %d", got)
			}
		})
	})
	t.Run("no context", func(t *testing.T) {
		r := start(t, setup{options: socketio.Options{PerMessageDeflate: &engineio.Deflate{}}})
		w := r.dial()
		w.send(upgrade(websocket, deflate))
		a, err := w.answer()
		got := a.header.Get("Sec-WebSocket-Extensions")
		if err != nil || !strings.Contains(got, "server_no_context_takeover") || !strings.Contains(got, "client_no_context_takeover") {
			t.Errorf("extensions %q, %v", got, err)
		}
	})
	t.Run("in fragments, many at a time", func(t *testing.T) {
		r := start(t, setup{options: socketio.Options{PerMessageDeflate: &engineio.Deflate{}}})
		allocates(t, 64<<20, func() { // decompressed they would be 800 MB
			wires := make([]*wire, 8)
			for i := range wires {
				wires[i] = r.upgrades(websocket, deflate)
				wires[i].frame()
				first := compressedFrame(bomb[:len(bomb)/2])
				first.Header.Fin = false
				wires[i].sendFrame(first)
				wires[i].sendFrame(ws.NewFrame(ws.OpContinuation, true, bomb[len(bomb)/2:]))
			}
			for _, w := range wires {
				if got := w.code(); got != 1009 {
					t.Errorf("closed with %d", got)
				}
			}
		})
	})
	t.Run("a body", func(t *testing.T) {
		r := start(t, setup{options: socketio.Options{PerMessageDeflate: &engineio.Deflate{}}})
		for _, encoding := range []string{"gzip", "deflate", "br", "gzip, gzip"} {
			c := r.connect(engineio.Polling)
			allocates(t, 4<<20, func() {
				r.closes(engineio.ParseError, func() {
					r.request("POST", polling+"&sid="+c.sid, string(bomb), "Content-Encoding: "+encoding)
					c.expectClosed(0)
				})
			})
		}
	})
}
