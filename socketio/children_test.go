package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// adapters tells of those that are made and closed, by namespace. It fails the making of "/room-13".
func adapters(told journal) cluster.Config {
	log := newRecorder()
	log.follow = func(namespace string) error {
		if namespace == "/room-13" {
			return errors.New("no such luck")
		}
		told.add("open %s", namespace)
		return nil
	}
	log.leave = func(namespace string) { told.add("close %s", namespace) }
	return cluster.Config{Log: log}
}

func TestOptions_CleanupEmptyChildNamespaces(t *testing.T) {
	setup := func(t *testing.T, cleanup bool) (*node, *socketio.ParentNamespace, journal) {
		told := newJournal()
		n := serve(t, &socketio.Options{Adapter: adapters(told), CleanupEmptyChildNamespaces: cleanup})
		parent := n.OfPattern(rooms)
		parent.OnDisconnect(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) {
			told.add("left %s, %v", s.Namespace().Name(), s.Namespace().Emit("bye"))
		})
		n.Of("/static")
		told.expect(t, "open /", "open /static")
		return n, parent, told
	}
	t.Run("keeps those in which there was a socket", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n, parent, told := setup(t, false)
			c := n.join(t, "/room-1")
			c.send("41/room-1,")
			told.expect(t, "open /room-1", "left /room-1, <nil>")
			if names(parent.Children()) != "/room-1" {
				t.Error("it is gone")
			}
			c.join("/room-1")
		})
	})
	t.Run("removes one with its last socket", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n, parent, told := setup(t, true)
			a, b := n.join(t, "/room-1", "/static"), n.join(t, "/room-1")
			child := n.Of("/room-1")
			a.send("41/room-1,", "41/static,")
			told.expect(t, "open /room-1", "left /room-1, <nil>")
			if got := masked([]string{b.next()}); got[0] != `42/room-1,["bye","*"]` { // with the offset of the log
				t.Errorf("got %q", got)
			}
			b.conn.Close()
			told.expect(t, "left /room-1, <nil>", "close /room-1")
			if got := names(n.Namespaces()) + "|" + names(parent.Children()); got != "/ /static|" {
				t.Errorf("left %q", got)
			}
			if err := child.Emit("x"); !errors.Is(err, socketio.ErrClosed) {
				t.Errorf("emitting to a removed namespace: %v", err)
			}
			a.join("/room-1") // another one
			told.expect(t, "open /room-1")
			if n.Of("/room-1") == child {
				t.Error("the removed namespace is back")
			}
		})
	})
	for _, cleanup := range []bool{false, true} {
		t.Run(fmt.Sprintf("removes one whose clients were all refused, %v", cleanup), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, parent, told := setup(t, cleanup)
				parent.Use(func(_ context.Context, s *socketio.Socket) error {
					if s.Namespace().Name() == "/room-3" {
						n.Of("/room-3")
					}
					return &event.Error{Message: "no"}
				})
				c := n.dial(t)
				c.send("40/room-1,")
				c.expect(`44/room-1,{"message":"no"}`)
				told.expect(t, "open /room-1", "close /room-1")
				if names(parent.Children()) != "" {
					t.Error("it is there")
				}
				n.Of("/room-2")
				for _, wanted := range []string{"/room-2", "/room-3"} { // by the application
					c.send("40" + wanted + ",")
					c.expect("44" + wanted + `,{"message":"no"}`)
					want := []string{"open " + wanted}
					if cleanup {
						want = append(want, "close "+wanted)
					}
					told.expect(t, want...)
				}
			})
		})
	}
	t.Run("loses no socket that joins meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := serve(t, &socketio.Options{CleanupEmptyChildNamespaces: true, MaxNamespaces: -1})
			parent := n.OfPattern(rooms)
			made := newJournal()
			n.OnNamespace(func(*socketio.Namespace) { made.add("made") })
			done := make(chan struct{})
			for range 8 {
				c := n.dial(t)
				go func() {
					defer func() { done <- struct{}{} }()
					for i := range 200 {
						if i%10 == 0 {
							n.socketless(t, c)
						}
						c.join("/room-1")
						if err := parent.To(c.sid).Emit("you"); err != nil {
							t.Error(err)
						}
						if got := c.next(); got != `42/room-1,["you"]` {
							t.Errorf("got %q", got)
							return
						}
						c.send("41/room-1,")
					}
				}()
			}
			for range 8 {
				<-done
			}
			synctest.Wait()
			if got := names(n.Namespaces()); got != "/" {
				t.Errorf("left %q", got)
			}
			t.Logf("made %d times", len(made.take()))
		})
	})
}

// socketless waits until the server knows that the client has left.
func (n *node) socketless(t *testing.T, c *client) {
	c.send("40/nowhere,")
	if got := c.next(); got != `44/nowhere,{"message":"Invalid namespace"}` {
		t.Errorf("got %q", got)
	}
}

func TestOptions_MaxChildNamespaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, &socketio.Options{MaxChildNamespaces: 2, CleanupEmptyChildNamespaces: true})
		n.OfPattern(rooms)
		n.OfPattern(regexp.MustCompile(`^/other$`))
		n.Of("/static")
		c := n.join(t, "/static", "/room-1", "/other")
		c.send("40/room-2,")
		c.expect(`44/room-2,{"message":"too many namespaces"}`)
		if got := n.Stats().TooManyNamespaces; got != 1 {
			t.Errorf("counted %d", got)
		}
		n.join(t, "/room-1")    // exists
		n.Of("/room-3")         // the application's own
		c.send("41/other,")     // makes no room: there are three
		n.join(t, "/room-3")    //
		n.RemoveNamespace("/3") // is none
		n.RemoveNamespace("/room-3")
		synctest.Wait()
		c.join("/room-2")
	})
}
