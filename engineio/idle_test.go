//go:build !race

package engineio_test

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

// The race detector allocates, and would rightly object to looking into a reader that runs.

// TestIdle: a websocket that says nothing costs one goroutine, and holds no buffer.
func TestIdle(t *testing.T) {
	const count = 200
	r := start(t, tcp(t), setup{})
	r.websocket()
	before := runtime.NumGoroutine()
	peers := make([]*peer, count)
	for i := range peers {
		c, p := r.websocket()
		peers[i] = p
		c.says("4" + strings.Repeat("x", 20_000)) // has used buffers of every kind
		p.wants(strings.Repeat("x", 20_000))
		p.send(strings.Repeat("y", 20_000))
		c.frame()
	}
	eventually(t, r.net.patience, "one goroutine each", func() bool { return runtime.NumGoroutine() <= before+count })
	for _, p := range peers {
		eventually(t, r.net.patience, "the buffer to be given back", func() bool { return !engineio.HoldsBuffer(p.Session) })
	}
}

// TestAllocs: neither an echo nor a delivery of a broadcast allocates, once the pools are warm.
func TestAllocs(t *testing.T) {
	n := tcp(t)
	echoed := make(chan bool, 1)
	r := start(t, n, setup{handler: func(p *peer) engineio.Handler { return echo{p.Session, echoed} }})
	c := r.upgrade("?EIO=4&transport=websocket")
	c.opens()
	p := r.peer()
	frame := []byte(masked(ws.NewTextFrame([]byte("4hello"))))
	answer := make([]byte, 8)
	t.Run("echo", func(t *testing.T) {
		if got := testing.AllocsPerRun(500, func() {
			c.conn.Write(frame)
			<-echoed
			io.ReadFull(c.conn, answer)
		}); got > 0 {
			t.Errorf("%v allocations", got)
		}
	})
	t.Run("broadcast", func(t *testing.T) {
		prepared := engineio.Prepare(engineio.Message{Data: []byte("hello")})
		if got := testing.AllocsPerRun(500, func() {
			if err := p.SendPrepared(prepared, false); err != nil {
				t.Fatal(err)
			}
			io.ReadFull(c.conn, answer)
		}); got > 0 {
			t.Errorf("%v allocations", got)
		}
	})
	t.Run("group", func(t *testing.T) {
		group := []engineio.Message{{Data: []byte("he")}, {Data: []byte{1, 2}, Binary: true}}
		if got := testing.AllocsPerRun(500, func() {
			if err := p.Send(group...); err != nil {
				t.Fatal(err)
			}
			io.ReadFull(c.conn, answer[:9-1])
		}); got > 0 {
			t.Errorf("%v allocations", got)
		}
	})
}
