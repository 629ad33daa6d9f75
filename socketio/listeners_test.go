package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// notes returns a handler that puts down its name and what it sees.
func notes(told journal, name string, err error) event.Handler[*socketio.Socket] {
	return func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		told.add("%s %s%s", name, m.Name(), texts(m))
		return err
	}
}

// texts returns the arguments of a message.
func texts(m *event.Message) string {
	var b strings.Builder
	for i := range m.Len() {
		fmt.Fprintf(&b, " %s", m.Raw(i).JSON)
	}
	return b.String()
}

func TestSocket_Use(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := newJournal()
		n := serve(t, &socketio.Options{OnError: func(_ context.Context, _ *socketio.Socket, name string, err error) {
			told.add("OnError %s %v", name, err)
		}})
		no := &event.Error{Code: event.Forbidden, Message: "no"}
		stop := func(level string) event.Handler[*socketio.Socket] {
			return func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
				told.add("%s %s", level, m.Name())
				switch m.Name() {
				case level:
					return no
				case level + " panic":
					panic("in a middleware")
				case level + " ack":
					return errors.Join(m.Ack("from "+level), no)
				}
				return nil
			}
		}
		n.UseEvent(stop("shared"))
		n.OnConnection(func(_ context.Context, s *socketio.Socket) error {
			s.Use(stop("own"))
			s.OnAny(func(_ context.Context, _ *socketio.Socket, m *event.Message) error { told.add("any"); return nil })
			return nil
		})
		for _, name := range []string{"shared", "own", "fine"} {
			n.On(name, func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
				told.add("handler")
				return m.Ack()
			})
		}
		c := n.join(t)
		const forbidden = `430[{"error":{"code":"forbidden","message":"no"}}]`
		const internal = `430[{"error":{"code":"internal","message":"internal"}}]`
		for _, tt := range []struct {
			send, ack string
			want      []string
		}{
			{`420["fine"]`, `430[]`, []string{"any", "shared fine", "own fine", "handler"}},
			{`42["fine"]`, ``, []string{"any", "shared fine", "own fine", "handler"}},
			{`420["shared"]`, forbidden, []string{"any", "shared shared"}},
			{`42["shared"]`, ``, []string{"any", "shared shared", "OnError shared forbidden: no"}},
			{`420["own"]`, forbidden, []string{"any", "shared own", "own own"}},
			{`420["shared panic"]`, internal, []string{"any", "shared shared panic"}},
			{`420["own ack"]`, `430["from own"]`, []string{"any", "shared own ack", "own own ack"}},
			{`42["unknown"]`, ``, []string{"any", "shared unknown", "own unknown"}},
			{`431[]`, ``, nil},
		} {
			c.send(tt.send)
			if tt.ack != "" {
				c.expect(tt.ack)
			}
			told.expect(t, tt.want...)
		}
		c.quiet()
	})
}

func TestNamespace_OnAny(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		told := newJournal()
		n.On("e", notes(told, "handler", nil))
		off := n.OnAny(notes(told, "first", errors.New("keeps the event from nobody")))
		n.OnAny(notes(told, "second", nil))
		n.OnAny(func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
			if m.Name() == "ask" {
				return m.Ack(m.Raws()...)
			}
			return nil
		})
		a, b := n.join(t), n.join(t)
		offOwn := n.socket(t, a, "/").OnAny(notes(told, "own", nil))

		a.send(`42["e",1,"x"]`)
		told.expect(t, `first e 1 "x"`, `second e 1 "x"`, `own e 1 "x"`, `handler e 1 "x"`)
		b.send(`42["e"]`)
		told.expect(t, "first e", "second e", "handler e")
		off()
		off()
		offOwn()
		a.send(`42["unknown"]`, `451-["bin",{"_placeholder":true,"num":0}]`, "<01>", "41")
		told.expect(t, "second unknown", `second bin {"_placeholder":true,"num":0}`)
		b.send(`427["ask",1]`)
		b.expect(`437[1]`)
		if got := n.Stats().UnhandledEvents; got != 0 {
			t.Errorf("%d unhandled events, and all have been listened to", got)
		}
	})
}

func TestNamespace_OnAnyOutgoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		told := newJournal()
		who := map[*socketio.Socket]string{}
		a, b := n.join(t), n.join(t)
		who[n.socket(t, a, "/")], who[n.socket(t, b, "/")] = "a", "b"
		sa := n.socket(t, a, "/")
		if err := sa.Join("room"); err != nil {
			t.Fatal(err)
		}
		n.On("answer", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack("told to nobody") })
		listen := func(level string) func(*socketio.Socket, *event.Message) {
			return func(s *socketio.Socket, m *event.Message) {
				told.add("%s %s %s%s %v", level, who[s], m.Name(), texts(m), m.WantsAck())
			}
		}
		emit := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		emit(n.Emit("nobody listens"))
		off := n.OnAnyOutgoing(listen("shared"))
		emit(sa.Emit("e", 1, []byte{2}))
		told.expect(t, `shared a e 1 {"_placeholder":true,"num":0} false`)
		emit(sa.Volatile().Emit("v"))
		told.expect(t, "shared a v false")
		emit(n.To("room").Volatile().Emit("r", "x"))
		told.expect(t, `shared a r "x" false`)
		emit(sa.Broadcast().Emit("others"))
		told.expect(t, "shared b others false")
		emit(n.To("nobody").Emit("x"))
		a.send(`420["answer"]`)
		told.expect(t)
		asked := make(chan error)
		go func() {
			_, err := sa.EmitWithAck(t.Context(), "ask")
			asked <- err
		}()
		told.expect(t, "shared a ask false")
		a.send(`430[]`)
		emit(<-asked)
		go func() {
			_, err := n.To("room").EmitWithAcks(t.Context(), "ask all")
			asked <- err
		}()
		told.expect(t, "shared a ask all false")
		a.send(`431[]`)
		emit(<-asked)

		off()
		offOwn := sa.OnAnyOutgoing(listen("own"))
		emit(n.Emit("all"))
		emit(n.socket(t, b, "/").Emit("b"))
		told.expect(t, "own a all false")
		offOwn()
		offOwn()
		emit(n.Emit("all"))
		told.expect(t)

		// Nobody is told of what fails, and a listener that panics stops nothing.
		sa.OnAnyOutgoing(func(*socketio.Socket, *event.Message) { panic("in a listener") })
		sa.OnAnyOutgoing(listen("own"))
		if sa.Emit("x", func() {}) == nil {
			t.Error("no error of encoding")
		}
		emit(n.Emit("last"))
		told.expect(t, "own a last false")
		a.conn.Close()
		synctest.Wait()
		if err := sa.Emit("x"); !errors.Is(err, socketio.ErrClosed) {
			t.Errorf("got %v", err)
		}
		sa.OnAnyOutgoing(listen("late"))()
		emit(n.Emit("all"))
		told.expect(t)
		if got := b.came(); strings.Join(got, "") != `42["nobody listens"]42["others"]42["all"]42["b"]42["all"]42["last"]42["all"]` {
			t.Errorf("b got %q", got)
		}
	})
}

// Listeners see the arguments as they were emitted, without the offset of connection state recovery, and no lock that
// keeps the packets in order is held meanwhile.
func TestNamespace_OnAnyOutgoing_recovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, &socketio.Options{Recovery: &socketio.Recovery{}})
		told := newJournal()
		n.OfPattern(rooms).OnAnyOutgoing(func(s *socketio.Socket, m *event.Message) {
			told.add("%s%s", m.Name(), texts(m))
			if m.Name() == "first" {
				if err := s.Namespace().Emit("second"); err != nil {
					t.Error(err)
				}
			}
		})
		c := n.dial(t)
		c.send("40/room-1,")
		c.next()
		child := n.Of("/room-1")
		if err := child.Emit("first", 1); err != nil {
			t.Fatal(err)
		}
		told.expect(t, "first 1", "second")
		if err := child.Sockets()[0].Emit("third"); err != nil {
			t.Fatal(err)
		}
		told.expect(t, "third")
		if got := len(c.came()); got != 3 {
			t.Errorf("%d packets", got)
		}
	})
}

// The receivers of a broadcast share one message.
func TestNamespace_OnAnyOutgoing_shares_the_message(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		seen := map[*event.Message]int{}
		n.OnAnyOutgoing(func(s *socketio.Socket, m *event.Message) {
			seen[m]++
			if m.Name() == "e" {
				if err := n.Emit("echo"); err != nil { // a listener may emit
					t.Error(err)
				}
			}
		})
		n.join(t)
		c := n.join(t)
		if err := n.To(c.sid).Emit("e"); err != nil {
			t.Fatal(err)
		}
		c.expect(`42["echo"]`, `42["e"]`)
		if len(seen) != 2 {
			t.Errorf("%d messages", len(seen))
		}
	})
}

func TestSocket_listeners_concurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		n.OnConnection(func(_ context.Context, s *socketio.Socket) error {
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for range 50 {
						off := s.OnAnyOutgoing(func(*socketio.Socket, *event.Message) {})
						offAny := s.OnAny(func(context.Context, *socketio.Socket, *event.Message) error { return nil })
						if err := n.Emit("x"); err != nil {
							t.Error(err)
						}
						off()
						offAny()
					}
				})
			}
			wg.Wait()
			return nil
		})
		for range 3 {
			c := n.join(t)
			c.send(`42["x"]`)
			synctest.Wait() // the next one is not to hear of it before it has joined
		}
	})
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		told := newJournal()
		event.Once(n.Of("/")).On("e", notes(told, "shared", nil))
		event.Once(event.Concurrent(n.Of("/"))).On("e", notes(told, "concurrent", nil))
		a, b := n.join(t), n.join(t)
		off := event.Once(n.socket(t, b, "/")).On("e", notes(told, "never", nil))
		event.Once(n.socket(t, b, "/")).On("e", notes(told, "own", nil))
		off()
		a.send(`42["e"]`)
		synctest.Wait()
		if got := told.take(); len(got) != 2 {
			t.Errorf("got %q", got)
		}
		b.send(`42["e"]`, `42["e"]`)
		told.expect(t, "own e")
		if got := n.Stats().UnhandledEvents; got != 1 {
			t.Errorf("%d events without a handler", got)
		}
	})
}
