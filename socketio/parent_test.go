package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

var rooms = regexp.MustCompile(`^/room-\d+$`)

func names(namespaces []*socketio.Namespace) string {
	var all []string
	for _, n := range namespaces {
		all = append(all, n.Name())
	}
	return strings.Join(all, " ")
}

func TestServer_OfFunc(t *testing.T) {
	tests := map[string]struct {
		name, auth string
		match      bool
		err        error
		want       string // the refusal; empty: joined
	}{
		"takes the name":          {"/x", ``, true, nil, ""},
		"takes the name, by auth": {"/x", `{"token":"t"}`, true, nil, ""},
		"does not take the name":  {"/x", ``, false, nil, `44/x,{"message":"Invalid namespace"}`},
		"an event error":          {"/x", ``, true, &event.Error{Message: "no", Data: 7}, `44/x,{"message":"no","data":7}`},
		"another error":           {"/x", ``, false, errors.New("database is down"), `44/x,{"message":"internal"}`},
		"a panic is an error":     {"/x", ``, true, errPanic, `44/x,{"message":"internal"}`},
		"a query is part of it":   {"/x?a=1", ``, true, nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := serve(t, nil)
				told := newJournal()
				n.OfFunc(func(_ context.Context, name string, auth json.RawMessage) (bool, error) {
					told.add("first %s %s", name, auth)
					if tt.err == errPanic {
						panic("in a match function")
					}
					return tt.match, tt.err
				})
				n.OfFunc(func(context.Context, string, json.RawMessage) (bool, error) { told.add("second"); return false, nil })
				c := n.dial(t)
				want := []string{fmt.Sprintf("first %s %s", tt.name, tt.auth)}
				if tt.err == nil && !tt.match {
					want = append(want, "second")
				}
				c.send("40" + tt.name + "," + tt.auth)
				got := c.next()
				if tt.want != "" {
					if got != tt.want {
						t.Errorf("got %q", got)
					}
					c.send("40" + tt.name + ",") // the connection goes on
					c.expect(tt.want)
				} else if !strings.HasPrefix(got, "40"+tt.name+`,{"sid":"`) {
					t.Errorf("got %q", got)
				}
				synctest.Wait()
				if lines := told.take(); !slices.Equal(lines[:len(want)], want) {
					t.Errorf("got %q, want %q", lines, want)
				}
			})
		})
	}
	t.Run("is asked once for a child and never for what exists", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := serve(t, nil)
			told := newJournal()
			n.OfFunc(func(_ context.Context, name string, _ json.RawMessage) (bool, error) {
				told.add("%s", name)
				return true, nil
			})
			static := n.Of("/static")
			n.join(t, "/", "/static", "/x")
			c := n.join(t, "/x")
			told.expect(t, "/x")
			if n.socket(t, c, "/x").Namespace() == static || n.Of("/x") != n.socket(t, c, "/x").Namespace() {
				t.Error("not the child that Of returns")
			}
		})
	})
	t.Run("may block", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := serve(t, nil)
			release, told := make(chan struct{}), newJournal()
			n.OfFunc(func(ctx context.Context, _ string, _ json.RawMessage) (bool, error) {
				select {
				case <-release:
				case <-ctx.Done():
					told.add("%v", context.Cause(ctx))
				}
				return true, nil
			})
			gone := n.join(t)
			gone.send("40/gone,")
			synctest.Wait()
			gone.conn.Close()
			told.expect(t, "socketio: disconnected: transport close: EOF")

			second := n.join(t)
			second.send("40/x,")
			synctest.Wait()
			second.send("40/x,")
			second.closed()
			told.expect(t, "socketio: disconnected: forced close: socketio: packet out of place: a second connect to a namespace")

			c := n.join(t)
			c.send("40/x,")
			n.Of("/y")
			c.join("/y") // meanwhile
			close(release)
			if got := c.next(); !strings.HasPrefix(got, `40/x,{"sid":`) {
				t.Errorf("got %q", got)
			}
			if got := names(n.Namespaces()); got != "/ /x /y" {
				t.Errorf("got %q: no child is made for a client that has gone", got)
			}
		})
	})
	t.Run("many at once make one child", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := serve(t, nil)
			made := newJournal()
			n.OnNamespace(func(child *socketio.Namespace) { made.add("%s", child.Name()) })
			parent := n.OfPattern(rooms)
			clients := make([]*client, 20)
			for i := range clients {
				clients[i] = n.dial(t)
			}
			for _, c := range clients {
				c.send("40/room-1,")
			}
			for _, c := range clients {
				c.next()
			}
			made.expect(t, "/room-1")
			if err := parent.Emit("hi"); err != nil {
				t.Fatal(err)
			}
			for _, c := range clients {
				c.expect(`42/room-1,["hi"]`)
			}
		})
	})
}

func TestServer_OfPattern(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		first := n.OfPattern(rooms)
		second := n.OfPattern(regexp.MustCompile(`^/`))
		c := n.join(t, "/room-1", "/room-x")
		n.Of("room-2")
		if got := names(first.Children()); got != "/room-1 /room-2" {
			t.Errorf("children of the first %q", got)
		}
		if got := names(second.Children()); got != "/room-x" {
			t.Errorf("children of the second %q", got)
		}
		if got := names(n.Namespaces()); got != "/ /room-1 /room-2 /room-x" {
			t.Errorf("all %q", got)
		}
		c.send("40/room-1,")
		c.closed() // a second connect
	})
}

// What is registered on a parent holds for all children, whenever they are made, and comes before their own.
func TestParentNamespace_registrations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		told := newJournal()
		parent := n.OfPattern(rooms)
		register := func(who string, on interface {
			event.Registrar[*socketio.Socket]
			Use(func(context.Context, *socketio.Socket) error) (off func())
			UseEvent(func(context.Context, *socketio.Socket, *event.Message) error) (off func())
			OnConnection(func(context.Context, *socketio.Socket) error) (off func())
			OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason)) (off func())
			OnAny(func(context.Context, *socketio.Socket, *event.Message) error) func()
			OnAnyOutgoing(func(*socketio.Socket, *event.Message)) func()
		}) {
			on.Use(func(context.Context, *socketio.Socket) error { told.add("%s use", who); return nil })
			on.OnConnection(func(context.Context, *socketio.Socket) error { told.add("%s connection", who); return nil })
			on.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { told.add("%s disconnect", who) })
			on.On("e", func(context.Context, *socketio.Socket, *event.Message) error { told.add("%s e", who); return nil })
			on.UseEvent(func(context.Context, *socketio.Socket, *event.Message) error { told.add("%s filter", who); return nil })
			on.OnAny(func(context.Context, *socketio.Socket, *event.Message) error { told.add("%s any", who); return nil })
			on.OnAnyOutgoing(func(_ *socketio.Socket, m *event.Message) { told.add("%s outgoing", who) })
		}
		early := n.join(t, "/room-1")
		register("parent", parent)
		n.OnNamespace(func(child *socketio.Namespace) { register("child", child) })
		late := n.join(t, "/room-2")
		told.expect(t, "parent use", "child use", "parent connection", "child connection")
		late.send(`42/room-2,["e"]`)
		told.expect(t, "parent any", "child any", "parent filter", "child filter", "parent e", "child e")
		if err := n.socket(t, late, "/room-2").Emit("x"); err != nil {
			t.Fatal(err)
		}
		told.expect(t, "parent outgoing", "child outgoing")
		late.send("41/room-2,")
		told.expect(t, "parent disconnect", "child disconnect")

		early.send(`42/room-1,["e"]`)
		told.expect(t, "parent any", "parent filter", "parent e")
		early.conn.Close()
		told.expect(t, "parent disconnect")
	})
}

func TestParentNamespace_Emit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		parent := n.OfPattern(rooms)
		parent.OnConnection(func(_ context.Context, s *socketio.Socket) error {
			return s.Join("all", "only "+s.Namespace().Name())
		})
		if err := parent.Emit("nobody"); err != nil {
			t.Error(err)
		}
		a, b, other := n.join(t, "/room-1"), n.join(t, "/room-2"), n.join(t)
		synctest.Wait() // until they have joined their rooms
		for name, tt := range map[string]struct {
			to   event.Emitter
			a, b bool
		}{
			"everyone":     {parent, true, true},
			"a room":       {parent.To("all"), true, true},
			"one room":     {parent.In("only /room-2"), false, true},
			"two rooms":    {parent.To("only /room-2").In("only /room-1"), true, true},
			"all but one":  {parent.Except("only /room-1"), false, true},
			"but a socket": {parent.To("all").Except(b.sid), true, false},
			"local":        {parent.Local(), true, true},
			"volatile":     {parent.Volatile().Local(), true, true},
			"volatile too": {parent.Local().Volatile(), true, true},
		} {
			if err := tt.to.Emit(name, []byte{1}); err != nil {
				t.Fatal(err)
			}
			for c, namespace := range map[*client]string{a: "/room-1", b: "/room-2"} {
				if c == a && tt.a || c == b && tt.b {
					c.expect(`451-`+namespace+`,["`+name+`",{"_placeholder":true,"num":0}]`, "<01>")
				}
				c.quiet()
			}
		}
		other.quiet()
		if err := parent.Emit("x", func() {}); err == nil {
			t.Error("no error of encoding")
		}
		n.RemoveNamespace("/room-1")
		if err := parent.Emit("x"); err != nil {
			t.Error(err)
		}
		b.expect(`42/room-2,["x"]`)
		a.expect("41/room-1,")
		a.quiet()
		if err := n.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := parent.Emit("x"); !errors.Is(err, socketio.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestServer_OfPattern_adapter_fails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, &socketio.Options{Adapter: adapters(newJournal())})
		n.OfPattern(rooms)
		c := n.dial(t)
		c.send("40/room-13,")
		c.expect(`44/room-13,{"message":"internal"}`)
		c.join("/room-12")
		defer func() {
			if err, ok := recover().(error); !ok || err.Error() != `socketio: adapter of namespace "/room-13": no such luck` {
				t.Errorf("got %v", err)
			}
		}()
		n.Of("/room-13")
	})
}

// A child that is made while the server shuts down lets nobody in, and its adapter is closed.
func TestServer_OfFunc_shutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := newJournal()
		n := serve(t, &socketio.Options{Adapter: adapters(told)})
		asked := make(chan struct{})
		n.OfFunc(func(ctx context.Context, _ string, _ json.RawMessage) (bool, error) {
			close(asked)
			<-ctx.Done()
			return true, nil
		})
		c := n.dial(t)
		c.send("40/room-1,")
		<-asked
		if err := n.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		n.Of("/late")
		told.expect(t, "open /", "close /") // that of the late namespace is closed from the beginning
		if err := n.Of("/late").Emit("x"); !errors.Is(err, socketio.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestParentNamespace_nil_functions(t *testing.T) {
	n := serve(t, nil)
	parent := n.OfPattern(rooms)
	for name, f := range map[string]func(){
		"OfFunc":        func() { n.OfFunc(nil) },
		"OfPattern":     func() { n.OfPattern(nil) },
		"OnNamespace":   func() { n.OnNamespace(nil) },
		"UseEvent":      func() { parent.UseEvent(nil) },
		"OnAny":         func() { parent.OnAny(nil) },
		"OnAnyOutgoing": func() { parent.OnAnyOutgoing(nil) },
		"Once":          func() { event.Once(parent).On("x", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}
