package engineio_test

import (
	"errors"
	"io"
	"syscall"
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

		c = r.raw()
		c.write(websocketRequest("?EIO=4&transport=websocket&panic=1"))
		if said, err := io.ReadAll(c.in); err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.ErrUnexpectedEOF) { // perhaps the answer and more
			t.Errorf("said %q, then %v", said, err)
		}
		r.do("GET", "?EIO=4&transport=polling&panic=1", "")
		eventually(t, n.patience, "the sessions to end", func() bool { return r.engine.SessionCount() == 1 })

		other.says("4fine")
		otherPeer.wants("fine")
	})
}
