//go:build !race

package engineio_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/coding"
)

// TestAllocs_deflate: a connection that could compress pays for it only when it does.
func TestAllocs_deflate(t *testing.T) {
	echoed := make(chan bool, 1)
	s := compressing(0)
	s.handler = func(p *peer) engineio.Handler { return echo{p.Session, echoed} }
	r := start(t, tcp(t), s)
	c := r.upgrade("?EIO=4&transport=websocket", offersDeflate)
	c.opens()
	p := r.peer()
	frame := []byte(masked(ws.NewTextFrame([]byte("4hello"))))
	small := []byte(masked(compressed(ws.NewTextFrame(deflate(t, []byte("4hello"))))))
	answer := make([]byte, 8)
	measure := func(name string, most float64, f func()) {
		t.Run(name, func(t *testing.T) {
			if got := testing.AllocsPerRun(500, f); got > most {
				t.Errorf("%v allocations", got)
			}
		})
	}
	measure("echo of a plain message", 0, func() {
		c.conn.Write(frame)
		<-echoed
		io.ReadFull(c.conn, answer)
	})
	measure("echo of a compressed message", 0, func() {
		c.conn.Write(small)
		<-echoed
		io.ReadFull(c.conn, answer)
	})
	prepared := engineio.Prepare(engineio.Message{Data: []byte("hello")})
	measure("delivery below the threshold", 0, func() {
		p.SendPrepared(prepared, false)
		io.ReadFull(c.conn, answer)
	})
	prepared = engineio.Prepare(engineio.Message{Data: []byte(strings.Repeat("hello", 1000))})
	p.SendPrepared(prepared, false)
	h, _ := c.frame()
	large := make([]byte, 2+h.Length)
	measure("delivery of a compressed broadcast", 0, func() {
		p.SendPrepared(prepared, false)
		io.ReadFull(c.conn, large)
	})
	request := &http.Request{Header: http.Header{"Accept-Encoding": {"gzip;q=0.5, deflate;q=0.8, br"}}}
	measure("negotiation", 0, func() { coding.Accepted(request, "gzip", "deflate") })
}

// TestIdle_deflate: a websocket that says nothing holds no state of compression.
func TestIdle_deflate(t *testing.T) {
	r := start(t, tcp(t), compressing(0))
	c, p := r.deflating()
	text := strings.Repeat("hello", 1000)
	c.sends(compressed(ws.NewTextFrame(deflate(t, []byte("4"+text)))))
	p.wants(text)
	p.send(text)
	c.inflated(true)
	eventually(t, r.net.patience, "the buffers to be given back", func() bool { return !engineio.HoldsBuffer(p.Session) })
}

// BenchmarkDeflate measures a large message there and back, as it is and compressed.
func BenchmarkDeflate(b *testing.B) {
	text := strings.Repeat(`{"id":123456,"text":"hello there, how are you?"},`, 80)
	for name, s := range map[string]setup{"off": {}, "on": compressing(0)} {
		b.Run(name, func(b *testing.B) {
			s.handler = func(p *peer) engineio.Handler { return echo{p.Session, nil} }
			r := start(b, tcp(b), s)
			c := r.upgrade("?EIO=4&transport=websocket", offersDeflate)
			c.opens()
			frame := ws.NewTextFrame([]byte("4" + text))
			if name == "on" {
				frame = compressed(ws.NewTextFrame(deflate(b, frame.Payload)))
			}
			sent := []byte(masked(frame))
			c.conn.Write(sent)
			h, _ := c.frame()
			answer := make([]byte, h.Length+4) // its header is the longer one in both cases
			if h.Length < 126 {
				answer = answer[:h.Length+2]
			}
			b.ReportAllocs()
			for b.Loop() {
				c.conn.Write(sent)
				io.ReadFull(c.conn, answer)
			}
			b.ReportMetric(float64(len(answer)), "wire-bytes")
		})
	}
}
