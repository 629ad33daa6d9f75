package security_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/socketio"
)

// A session has one upgrade at a time. The websocket delivers what polling has not delivered. No other client gets in.
func TestA24_upgrade_race(t *testing.T) {
	text := func(s string) ws.Frame { return ws.NewTextFrame([]byte(s)) }
	r := start(t, setup{options: socketio.Options{CloseTimeout: soon}})
	t.Run("a second probe", func(t *testing.T) {
		c := r.connect(engineio.Polling)
		target := websocket + "&sid=" + c.sid
		first := r.upgrades(target)
		first.sendFrame(text("2probe"))
		if _, payload, err := first.frame(); err != nil || string(payload) != "3probe" {
			t.Fatalf("got %q %v", payload, err)
		}
		for range 5 { // another client that knows the id does not win
			second := r.upgrades(target)
			second.sendFrame(text("2probe"))
			second.sendFrame(text("5"))
			if got := second.code(); got != 1005 && got != 0 {
				t.Errorf("the second probe was closed with %d", got)
			}
		}
		if err := r.io.To(c.id).Emit("before"); err != nil {
			t.Fatal(err)
		}
		first.sendFrame(text("5"))
		if _, payload, err := first.frame(); err != nil || string(payload) != `42["before"]` {
			t.Fatalf("got %q %v", payload, err)
		}
		late := r.upgrades(target) // the transport is already a websocket
		late.sendFrame(text("2probe"))
		late.sendFrame(text("5"))
		late.ends()
		for _, method := range []string{"GET", "POST"} {
			r.request(method, polling+"&sid="+c.sid, "").is(t, `400 {"code":3,"message":"Bad request"}`)
		}
		first.sendFrame(text(`420["echo",1]`))
		if _, payload, err := first.frame(); err != nil || string(payload) != `430[1]` {
			t.Fatalf("got %q %v", payload, err)
		}
	})
	t.Run("all at once", func(t *testing.T) {
		c := r.connect(engineio.Polling)
		target := websocket + "&sid=" + c.sid
		wires := make([]*wire, 10)
		for i := range wires {
			wires[i] = r.dial()
		}
		for _, w := range wires {
			go func() { w.send(upgrade(target) + masked(text("2probe")) + masked(text("5"))) }()
		}
		won := make(chan *wire, len(wires))
		for _, w := range wires {
			go func() {
				if a, err := w.answer(); err == nil && a.status == 101 {
					if _, payload, err := w.frame(); err == nil && string(payload) == "3probe" {
						w.sendFrame(text(`420["echo",1]`))
						if _, payload, err := w.frame(); err == nil && string(payload) == `430[1]` {
							won <- w
							return
						}
					}
				}
				won <- nil
			}()
		}
		winners := 0
		for range wires {
			if <-won != nil {
				winners++
			}
		}
		if winners != 1 {
			t.Errorf("%d upgrades, want one", winners)
		}
	})
	t.Run("not what was agreed", func(t *testing.T) {
		for _, said := range []string{"5", "2", "2prob", "2probes", "3probe", "40", "4x", "1", "", "9", strings.Repeat("2", 10_000)} {
			c := r.connect(engineio.Polling)
			w := r.upgrades(websocket + "&sid=" + c.sid)
			w.sendFrame(text(said))
			if said == "5" { // an upgrade without a probe is accepted, as in the reference
				w.sendFrame(text(`420["echo",1]`))
				if _, payload, err := w.frame(); err != nil || string(payload) != `430[1]` {
					t.Errorf("got %q %v", payload, err)
				}
				continue
			}
			if got := w.code(); got != 1005 {
				t.Errorf("%.10q: closed with %d", said, got)
			}
			c.send(`20["echo",1]`) // the session is still open on its transport
			c.expects(`30[1]`)
		}
	})
	t.Run("while a body is on its way", func(t *testing.T) {
		c := r.connect(engineio.Polling)
		body := `420["echo",1]`
		post := r.dial()
		post.send(head("POST", polling+"&sid="+c.sid, fmt.Sprint("Content-Length: ", len(body))) + body[:5])
		w := r.upgrades(websocket + "&sid=" + c.sid)
		w.sendFrame(text("2probe"))
		w.frame()
		w.sendFrame(text("5"))
		w.sendFrame(text(`421["echo",2]`))
		post.send(body[5:])
		if a, err := post.answer(); err != nil || a.String() != "200 ok" {
			t.Fatalf("%v %v", a, err)
		}
		for _, want := range []string{`430[1]`, `431[2]`} {
			if _, payload, err := w.frame(); err != nil || string(payload) != want {
				t.Fatalf("got %q %v", payload, err)
			}
		}
	})
}
