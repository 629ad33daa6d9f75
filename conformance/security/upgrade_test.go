package security_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/socketio"
)

// A session has one upgrade at a time, which takes along what polling has not delivered; nobody else gets in.
func TestA24_upgrade_race(t *testing.T) {
	text := func(s string) ws.Frame { return ws.NewTextFrame([]byte(s)) }
	r := start(t, setup{options: socketio.Options{CloseTimeout: soon}})
	t.Run("a second probe", func(t *testing.T) {
		c := r.connect(engineio.Polling)
		target := websocket + "&sid=" + c.sid
		first := r.upgrades(target)
		first.sends(text("2probe"))
		if _, payload, err := first.frame(); err != nil || string(payload) != "3probe" {
			t.Fatalf("got %q %v", payload, err)
		}
		for range 5 { // a thief of the id is not faster
			second := r.upgrades(target)
			second.sends(text("2probe"))
			second.sends(text("5"))
			if got := second.code(); got != 1005 && got != 0 {
				t.Errorf("the second probe was closed with %d", got)
			}
		}
		if err := r.io.To(c.id).Emit("before"); err != nil {
			t.Fatal(err)
		}
		first.sends(text("5"))
		if _, payload, err := first.frame(); err != nil || string(payload) != `42["before"]` {
			t.Fatalf("got %q %v", payload, err)
		}
		late := r.upgrades(target) // the transport is a websocket now
		late.sends(text("2probe"))
		late.sends(text("5"))
		late.ends()
		for _, method := range []string{"GET", "POST"} {
			r.request(method, polling+"&sid="+c.sid, "").is(t, `400 {"code":3,"message":"Bad request"}`)
		}
		first.sends(text(`420["echo",1]`))
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
			go func() { w.says(upgrade(target) + masked(text("2probe")) + masked(text("5"))) }()
		}
		won := make(chan *wire, len(wires))
		for _, w := range wires {
			go func() {
				if a, err := w.answer(); err == nil && a.status == 101 {
					if _, payload, err := w.frame(); err == nil && string(payload) == "3probe" {
						w.sends(text(`420["echo",1]`))
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
			w.sends(text(said))
			if said == "5" { // without a probe it is an upgrade too, as in the reference
				w.sends(text(`420["echo",1]`))
				if _, payload, err := w.frame(); err != nil || string(payload) != `430[1]` {
					t.Errorf("got %q %v", payload, err)
				}
				continue
			}
			if got := w.code(); got != 1005 {
				t.Errorf("%.10q: closed with %d", said, got)
			}
			c.says(`20["echo",1]`) // the session goes on where it was
			c.expects(`30[1]`)
		}
	})
	t.Run("while a body is on its way", func(t *testing.T) {
		c := r.connect(engineio.Polling)
		body := `420["echo",1]`
		post := r.dial()
		post.says(head("POST", polling+"&sid="+c.sid, fmt.Sprint("Content-Length: ", len(body))) + body[:5])
		w := r.upgrades(websocket + "&sid=" + c.sid)
		w.sends(text("2probe"))
		w.frame()
		w.sends(text("5"))
		w.sends(text(`421["echo",2]`))
		post.says(body[5:])
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
