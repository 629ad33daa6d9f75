package engineio_test

import (
	"bytes"
	"io"
	"testing"
	"testing/synctest"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

// FuzzFrameReader sends raw bytes into a session's websocket, cut in two at any place. The session must end without a
// fault, and hand over only what the same bytes mean to gobwas/ws.
func FuzzFrameReader(f *testing.F) {
	seeds := []string{
		masked(ws.NewTextFrame([]byte("4hello"))),
		masked(ws.NewBinaryFrame([]byte{1, 2, 3})) + masked(ws.NewTextFrame([]byte("bAQ=="))),
		masked(ws.NewFrame(ws.OpText, false, []byte("4a"))) + masked(ws.NewPingFrame([]byte("p"))) + masked(ws.NewFrame(ws.OpContinuation, true, []byte("b"))),
		masked(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "bye"))),
		masked(ws.NewTextFrame([]byte("2"))), masked(ws.NewTextFrame([]byte("5"))), masked(ws.NewTextFrame([]byte("1"))),
		"test", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", "\x01\x80\x00\x00\x00\x00\x80\x80\x00\x00\x00\x00",
		masked(ws.NewTextFrame(bytes.Repeat([]byte("4"), 3000))),
	}
	for _, seed := range seeds {
		f.Add([]byte(seed), uint16(len(seed)/2))
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		synctest.Test(t, func(t *testing.T) {
			const limit = 5000
			received := 0
			r := start(t, memory(t), setup{
				options: engineio.Options{MaxPayload: limit},
				message: func(p *peer, m message) {
					if received += len(m.data); len(m.data) > limit || received > len(data) {
						t.Errorf("received %d bytes, %d in all, of %d", len(m.data), received, len(data))
					}
					p.SendPrepared(engineio.Prepare(engineio.Message{Data: []byte(m.data), Binary: true}), false)
				},
			})
			c, p := r.websocket()
			middle := min(int(cut), len(data))
			for _, part := range [][]byte{data[:middle], data[middle:]} {
				c.conn.Write(part) // fails when the session has ended
				synctest.Wait()
			}
			c.conn.(interface{ CloseWrite() error }).CloseWrite()
			io.Copy(io.Discard, c.in)
			receive(t, p.patience, "the end", p.closed)
		})
	})
}

// FuzzPolling posts raw bodies to a session.
func FuzzPolling(f *testing.F) {
	for _, seed := range []string{"4hello", "4a\x1ebAQIDBA==\x1e4b", "1", "2", "", "3\x1e3", "4\xff", "b*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, memory(t), setup{options: engineio.Options{MaxPayload: 5000}})
			c, p := r.poll()
			a := c.do("POST", c.query, body)
			if (a.status != 200 || a.body != "ok") && (a.status != 413 || len(body) <= 5000) {
				t.Errorf("%d %q", a.status, a.body)
			}
			p.Abort(engineio.ForcedClose, nil)
			receive(t, p.patience, "the end", p.closed)
		})
	})
}
