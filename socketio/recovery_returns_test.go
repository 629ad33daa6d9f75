package socketio_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

func TestRecovery_fails(t *testing.T) {
	for name, c := range map[string]struct {
		auth func(k ticket) string
		want error
	}{
		"unknown pid":          {func(k ticket) string { k.PID = strings.Repeat("x", 20); return k.auth() }, socketio.ErrUnknownSession},
		"a socket's id":        {func(k ticket) string { k.PID = k.SID; return k.auth() }, socketio.ErrUnknownSession},
		"unknown offset":       {func(k ticket) string { k.Offset += "0"; return k.auth() }, socketio.ErrUnknownOffset},
		"offset of elsewhere":  {func(k ticket) string { k.Offset = "1795385656273-0"; return k.auth() }, socketio.ErrUnknownOffset},
		"offset that is text":  {func(k ticket) string { k.Offset = "good bye"; return k.auth() }, socketio.ErrUnknownOffset},
		"offset that is none":  {func(k ticket) string { return `{"pid":"` + k.PID + `","offset":{}}` }, socketio.ErrUnknownOffset},
		"pid that is none":     {func(k ticket) string { return `{"pid":["` + k.PID + `"]}` }, nil},
		"pid that is null":     {func(k ticket) string { return `{"pid":null}` }, nil},
		"pid that is empty":    {func(k ticket) string { return `{"pid":""}` }, nil},
		"another field":        {func(k ticket) string { return `{"PID":"` + k.PID + `"}` }, nil},
		"no payload":           {func(k ticket) string { return `` }, nil},
		"an offset of its own": {func(k ticket) string { return `{"offset":"` + k.Offset + `"}` }, nil},
	} {
		bubble(t, name, func(t *testing.T) {
			told := newJournal()
			n, first, k := recovering(t, &socketio.Recovery{OnFailed: func(s *socketio.Socket, err error) {
				told.add("%v %v", err, s.Recovered())
				panic("the application's fault")
			}})
			n.Use(func(_ context.Context, s *socketio.Socket) error { told.add("middleware"); return nil })
			must(t, n.Emit("e"))
			k = k.behind(first.next())
			must(t, n.socket(t, first, "/").Join("room"))
			first.cut()
			must(t, n.Emit("missed"))
			second := n.dial(t)
			again, before := second.enter("/", c.auth(k))
			continues(t, k, again, false)
			s := n.socket(t, second, "/")
			if len(before) > 0 || s.Recovered() || s.InRoom("room") {
				t.Errorf("got %q, %v, %q", before, s.Recovered(), s.Rooms())
			}
			want, failed := []string{"middleware"}, int64(0)
			if c.want != nil {
				want, failed = []string{c.want.Error() + " false", "middleware"}, 1
			}
			told.expect(t, want...)
			if s := n.Stats(); s.FailedRecoveries != failed || s.HandlerPanics != failed || s.Recoveries != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
	bubble(t, "the application's own fields do not matter", func(t *testing.T) {
		n, c, k := recovering(t, &socketio.Recovery{})
		c.cut()
		again, _ := n.dial(t).enter("/", `{"pid":"`+k.PID+`","PID":"mine","Offset":7,"token":"x"}`)
		continues(t, k, again, true)
	})
	bubble(t, "the second time", func(t *testing.T) {
		n, c, k := recovering(t, &socketio.Recovery{})
		c.cut()
		_, again, _ := n.back(t, k)
		continues(t, k, again, true)
		n.socket(t, &client{sid: again.SID}, "/").Disconnect(true) // it is not kept
		_, again, _ = n.back(t, k)
		continues(t, k, again, false)
	})
	bubble(t, "of two at once, one", func(t *testing.T) {
		n, c, k := recovering(t, &socketio.Recovery{})
		c.cut()
		a, b := n.dial(t), n.dial(t)
		release := make(chan struct{})
		n.Use(func(context.Context, *socketio.Socket) error { <-release; return nil })
		a.send("40" + k.auth())
		b.send("40" + k.auth())
		synctest.Wait()
		close(release)
		first, second := ticketOf(t, a.next()), ticketOf(t, b.next())
		if first.SID == second.SID || first.PID == second.PID || (first.SID == k.SID) == (second.SID == k.SID) {
			t.Errorf("%v, %v and %v", k, first, second)
		}
	})
}

func TestRecovery_middlewares(t *testing.T) {
	setup := func(t *testing.T, r *socketio.Recovery, middleware func(s *socketio.Socket) error) (n *node, k ticket, told journal) {
		told = newJournal()
		if r.OnExpired == nil {
			r.OnExpired = func(id string) { told.add("expired %s", id) }
		}
		n, c, k := recovering(t, r)
		must(t, n.socket(t, c, "/").Join("open", "closed"))
		c.cut()
		must(t, n.To("closed").Emit("secret"), n.To("open", "closed").Emit("public"))
		n.Use(func(_ context.Context, s *socketio.Socket) error {
			told.add("%v %v", s.Recovered(), s.Rooms())
			return middleware(s)
		})
		n.OnConnection(func(_ context.Context, s *socketio.Socket) error {
			told.add("connection %v %v", s.Recovered(), s.Rooms())
			return nil
		})
		n.OnDisconnect(func(_ context.Context, s *socketio.Socket, reason socketio.Reason) {
			told.add("%s %v", reason, s.Rooms())
		})
		return n, k, told
	}
	bubble(t, "run again", func(t *testing.T) {
		n, k, told := setup(t, &socketio.Recovery{}, func(s *socketio.Socket) error {
			s.Leave("closed")
			return s.Join("open", "new")
		})
		c, again, before := n.back(t, k)
		continues(t, k, again, true)
		told.expect(t, "true [closed open]", "connection true [new open]")
		if got := masked(before); !slices.Equal(got, []string{`42["public","*"]`}) {
			t.Errorf("got %q", got)
		}
		must(t, n.To("new").Except("closed").Emit("e"))
		if got := c.came(); len(got) != 1 {
			t.Errorf("got %q", got)
		}
	})
	bubble(t, "are skipped if asked", func(t *testing.T) {
		n, k, told := setup(t, &socketio.Recovery{SkipMiddlewares: true}, func(*socketio.Socket) error { return nil })
		_, again, _ := n.back(t, k)
		continues(t, k, again, true)
		told.expect(t, "connection true [closed open]")
		again.PID = "unknown"
		n.back(t, again)
		told.expect(t, "false []", "connection false []")
	})
	bubble(t, "refuse", func(t *testing.T) {
		n, k, told := setup(t, &socketio.Recovery{}, func(*socketio.Socket) error { return &event.Error{Message: "banned"} })
		c := n.dial(t)
		c.send("40" + k.auth())
		c.expect(`44{"message":"banned"}`)
		told.expect(t, "true [closed open]", "expired "+k.SID)
		c.send("40" + k.auth()) // the session is over
		c.expect(`44{"message":"banned"}`)
		told.expect(t, "false []")
		if s := n.Stats(); s.Recoveries != 0 || s.FailedRecoveries != 1 {
			t.Errorf("%+v", s)
		}
	})
	bubble(t, "disconnect", func(t *testing.T) {
		n, k, told := setup(t, &socketio.Recovery{}, func(s *socketio.Socket) error { s.Disconnect(false); return nil })
		c := n.dial(t)
		c.send("40" + k.auth())
		c.expect(`44{"message":"server namespace disconnect"}`)
		told.expect(t, "true [closed open]", "expired "+k.SID)
	})
	bubble(t, "see the client lose its connection once more", func(t *testing.T) {
		for name, result := range map[string]error{"let in": nil, "refused": errors.New("too late")} {
			release := make(chan struct{})
			n, k, told := setup(t, &socketio.Recovery{}, func(*socketio.Socket) error { <-release; return result })
			c := n.dial(t)
			c.send("40" + k.auth())
			synctest.Wait()
			c.cut()
			must(t, n.To("open").Emit("meanwhile"))
			close(release)
			told.expect(t, "true [closed open]")
			if len(n.Sockets()) > 0 {
				t.Errorf("%s: sockets are left", name)
			}
			result = nil
			_, again, before := n.back(t, k)
			continues(t, k, again, true)
			if got := masked(before); !slices.Equal(got, []string{`42["secret","*"]`, `42["public","*"]`, `42["meanwhile","*"]`}) {
				t.Errorf("%s: got %q", name, got)
			}
		}
	})
}

// A client may come back before the server knows that it was gone.
func TestRecovery_supersedes(t *testing.T) {
	bubble(t, "its own earlier connection", func(t *testing.T) {
		n := serve(t, &socketio.Options{Recovery: &socketio.Recovery{}})
		n.Of("/b")
		told := newJournal()
		for _, name := range []string{"/", "/b"} {
			n.Of(name).OnDisconnect(func(_ context.Context, s *socketio.Socket, reason socketio.Reason) { told.add("%s", reason) })
		}
		c, other := n.dial(t), n.join2(t)
		k, _ := c.enter("/", "")
		b, _ := c.enter("/b", "")
		must(t, n.socket(t, &client{sid: k.SID}, "/").Join("room"))
		old := n.Sockets()
		must(t, n.Emit("e", 1))
		k = k.behind(c.next())
		must(t, n.Emit("e", 2)) // comes to the connection that is dead in truth

		second, again, before := n.back(t, k)
		continues(t, k, again, true)
		if got := masked(before); !slices.Equal(got, []string{`42["e",2,"*"]`}) {
			t.Errorf("got %q", got)
		}
		told.expect(t, "transport close", "transport close")
		againB, _ := second.enter("/b", b.auth())
		continues(t, b, againB, true)
		c.came()
		must(t, n.To("room").Emit("e", 3), n.Of("/b").Emit("e", 4))
		if got := masked(second.came()); !slices.Equal(got, []string{`42["e",3,"*"]`, `42/b,["e",4,"*"]`}) {
			t.Errorf("got %q", got)
		}
		c.quiet()
		ids := map[string]bool{}
		for _, s := range n.Sockets() {
			ids[s.ID()] = true
		}
		if len(ids) != 2 || len(n.Sockets()) != 2 || !other.Connected() {
			t.Errorf("%d sockets with %d ids", len(n.Sockets()), len(ids))
		}
		for _, s := range old {
			if s.ID() == k.SID && (s.Connected() || s.Emit("x") == nil) {
				t.Error("the earlier socket is alive")
			}
		}
	})
	bubble(t, "again and again", func(t *testing.T) {
		n, _, k := recovering(t, &socketio.Recovery{})
		for i := range 20 {
			_, again, before := n.back(t, k)
			continues(t, k, again, true)
			if len(n.Sockets()) != 1 || i > 0 && len(before) != 1 {
				t.Errorf("%d sockets, got %q", len(n.Sockets()), before)
			}
			k = again
			must(t, n.Emit("e", i))
		}
	})
}

// join2 lets a client in beside the one that a test is about, and returns its socket.
func (n *node) join2(t testing.TB) *socketio.Socket {
	t.Helper()
	c := n.dial(t)
	c.enter("/", "")
	return n.socket(t, c, "/")
}
