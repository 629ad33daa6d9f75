package socketio_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

func TestServer_OnNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		told, release := newJournal(), make(chan struct{})
		n.Of("/before")
		n.OfPattern(rooms)
		n.OnNamespace(func(made *socketio.Namespace) {
			told.add("%s %d", made.Name(), len(n.Namespaces()))
			if made.Name() == "/room-1" {
				n.Of("/from the hook")
				if n.Of("/room-1") != made {
					t.Error("another one")
				}
				<-release
			}
			made.OnConnection(func(context.Context, *socketio.Socket) error { told.add("connected"); return nil })
		})
		n.OnNamespace(func(made *socketio.Namespace) {
			if made.Name() == "/room-2" {
				panic("in a hook")
			}
		})
		n.Of("/after")
		n.Of("/after")
		told.expect(t, "/after 3")

		// Nobody is in before the hook has ended.
		a, b, gone := n.dial(t), n.dial(t), n.dial(t)
		a.send("40/room-1,")
		told.expect(t, "/room-1 4", "/from the hook 5")
		b.send("40/room-1,")
		gone.send("40/room-1,")
		b.quiet()
		gone.conn.Close()
		synctest.Wait()
		close(release)
		told.expect(t, "connected", "connected")
		a.next()
		b.next()
		if got := len(n.Of("/room-1").Sockets()); got != 2 {
			t.Errorf("%d sockets", got)
		}
		n.join(t, "/room-2") // the panic is logged
		told.expect(t, "/room-2 6", "connected")
		if got := n.Stats().HandlerPanics; got != 1 {
			t.Errorf("%d panics", got)
		}
	})
}

func TestServer_RemoveNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := newJournal()
		n := serve(t, &socketio.Options{Adapter: adapters(told)})
		release := make(chan struct{})
		old := n.Of("/x")
		old.Use(func(_ context.Context, s *socketio.Socket) error {
			var auth struct{ Slow bool }
			if err := s.Handshake().ScanAuth(&auth); err != nil || !auth.Slow {
				return err
			}
			<-release
			return nil
		})
		old.OnDisconnect(func(_ context.Context, s *socketio.Socket, reason socketio.Reason) {
			told.add("%s, %v", reason, s.Namespace().Emit("bye"))
		})
		old.On("remove", func(context.Context, *socketio.Socket, *event.Message) error {
			told.add("%v", n.RemoveNamespace("x"))
			return nil
		})
		c := n.join(t, "/", "/x")
		joining := n.dial(t)
		joining.send(`40/x,{"slow":true}`)
		told.expect(t, "open /", "open /x")

		c.send(`42/x,["remove"]`, `42/x,["ignored"]`)
		c.expect("41/x,")
		joining.expect(`44/x,{"message":"server namespace disconnect"}`)
		told.expect(t, "close /x", "true", "server namespace disconnect, "+socketio.ErrClosed.Error())
		close(release)
		c.send(`42/x,["late"]`, "40/x,")
		c.expect(`44/x,{"message":"Invalid namespace"}`)
		if err := old.Emit("x"); !errors.Is(err, socketio.ErrClosed) {
			t.Errorf("got %v", err)
		}
		if n.RemoveNamespace("/x") || n.RemoveNamespace("/") || n.RemoveNamespace("") {
			t.Error("removed what is not there, or must stay")
		}
		if got := names(n.Namespaces()); got != "/" {
			t.Errorf("left %q", got)
		}
		if n.Of("/x") == old {
			t.Error("the removed namespace is back")
		}
		c.join("/x")
		told.expect(t, "open /x")
	})
}

// Whatever the interleaving of joins and removals, a client that has joined is in a namespace that exists.
func TestServer_RemoveNamespace_meanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, &socketio.Options{MaxNamespaces: -1})
		n.OfPattern(rooms)
		var stop atomic.Bool
		var busy sync.WaitGroup
		busy.Go(func() {
			for !stop.Load() {
				n.RemoveNamespace("/room-1")
				runtime.Gosched()
			}
		})
		clients := []*client{n.dial(t), n.dial(t), n.dial(t)}
		joined := make(map[*client]bool)
		for range 200 {
			for _, c := range clients {
				if !joined[c] {
					c.send("40/room-1,")
				}
				joined[c] = strings.HasPrefix(c.next(), "40")
			}
		}
		stop.Store(true)
		busy.Wait()
		there := 0
		for _, c := range clients {
			for _, m := range c.came() {
				joined[c] = strings.HasPrefix(m, "40")
			}
			if joined[c] {
				there++
			}
		}
		if got := len(n.Of("/room-1").Sockets()); got != there {
			t.Errorf("%d clients believe that they are there, and %d are", there, got)
		}
	})
}
