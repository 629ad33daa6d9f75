package engineio_test

import (
	"testing"

	"github.com/parleyio/parley/engineio"
)

// TestPanic: a fault ends its session and is counted; another session sees nothing of it.
func TestPanic(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{panics: 4, message: func(p *peer, m message) {
			if m.data == "panic" {
				panic("in Message")
			}
			p.messages <- m
		}, accept: func(p *peer) {
			if p.Request().Query().Get("panic") != "" {
				panic("in accept")
			}
		}})
		other, otherPeer := r.websocket()

		c, p := r.websocket()
		c.says("4panic")
		p.ends(engineio.TransportError)
		c.conn.Close()

		polling, p := r.poll()
		if a := polling.do("POST", polling.query, "4panic"); a.status != 400 {
			t.Errorf("POST: %d", a.status)
		}
		p.ends(engineio.TransportError)
		polling.gone()

		if c, a := r.ask("?EIO=4&transport=websocket&panic=1"); a.status == 101 { // or no answer at all
			c.isLeft()
		}
		r.do("GET", "?EIO=4&transport=polling&panic=1", "")
		eventually(t, n.patience, "the sessions to end", func() bool { return r.engine.SessionCount() == 1 })

		other.says("4fine")
		otherPeer.wants("fine")
	})
}
