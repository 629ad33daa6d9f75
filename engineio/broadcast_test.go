package engineio_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parleyio/parley/engineio"
)

// TestPrepared_SendTo: each session gets the messages once, in order; failures are told by the place of their session.
func TestPrepared_SendTo(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		const count = 40 // more than are fetched at a time
		clients, sessions := make([]*socket, count), make([]*engineio.Session, count)
		for i := range clients {
			c, p := r.websocket()
			clients[i], sessions[i] = c, p.Session
		}
		polling, p := r.poll()
		sessions = append(sessions, p.Session)
		sessions[3].Abort(engineio.ForcedClose, nil)
		sessions[count-1].Abort(engineio.ForcedClose, nil)

		var failed []string
		for i := range 3 {
			p := engineio.Prepare(engineio.Message{Data: fmt.Append(nil, i)}, engineio.Message{Data: []byte("tail")})
			p.SendTo(sessions, false, func(at int, err error) {
				failed = append(failed, fmt.Sprint(i, " ", at, " ", err == engineio.ErrClosed))
			})
		}
		engineio.Prepare(engineio.Message{}).SendTo(sessions[:4], false, nil)
		engineio.Prepare(engineio.Message{}).SendTo(sessions[:0], false, nil)
		if want := []string{"0 3 true", "0 39 true", "1 3 true", "1 39 true", "2 3 true", "2 39 true"}; !slices.Equal(failed, want) {
			t.Errorf("failed %q, want %q", failed, want)
		}
		for i, c := range clients {
			if i != 3 && i != count-1 {
				c.hears("40", "4tail", "41", "4tail", "42", "4tail")
			}
		}
		polling.gets("40\x1e4tail\x1e41\x1e4tail\x1e42\x1e4tail")
	})
	t.Run("volatile", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			r := start(t, n, setup{})
			_, p := r.poll()
			var got error
			engineio.Prepare(engineio.Message{}).SendTo([]*engineio.Session{p.Session}, true, func(_ int, err error) { got = err })
			if got != engineio.ErrDropped {
				t.Errorf("got %v", got)
			}
		})
	})
}
