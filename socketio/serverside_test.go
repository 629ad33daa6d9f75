package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

func TestServer_ServerSideEmit(t *testing.T) {
	bubble(t, "reaches the other node, both ways", func(t *testing.T) {
		type key struct{}
		a, b := servePair(t, socketio.Options{BaseContext: context.WithValue(context.Background(), key{}, "base")})
		told := newJournal()
		for name, n := range map[string]*node{"a": a, "b": b} {
			for _, nsp := range []string{"/", "/x"} {
				n.Of(nsp).OnServerEvent("e", func(ctx context.Context, m *event.Message) error {
					var all []any
					for i := range m.Len() {
						all = append(all, string(m.Raw(i).JSON))
					}
					told.add("%s%s %s %v %v %v", name, nsp, m.Name(), all, m.WantsAck(), ctx.Value(key{}))
					return m.Ack("nobody asked")
				})
			}
		}
		c := a.join(t)
		must(t, a.ServerSideEmit("e", 1, "x", map[string]any{"b": []byte{1, 2}}))
		told.expect(t, `b/ e [1 "x" {"b":"AQI="}] false base`)
		must(t, b.ServerSideEmit("e"))
		told.expect(t, `a/ e [] false base`)
		must(t, b.Of("x").ServerSideEmit("e"))
		told.expect(t, `a/x e [] false base`)
		must(t, a.ServerSideEmit("unknown"))
		told.expect(t)
		c.quiet()
	})
	bubble(t, "several handlers, removed again", func(t *testing.T) {
		a, b := servePair(t, socketio.Options{})
		told := newJournal()
		handler := func(name string) func(context.Context, *event.Message) error {
			return func(context.Context, *event.Message) error { told.add("%s", name); return nil }
		}
		off := b.OnServerEvent("e", handler("first"))
		b.OnServerEvent("e", handler("second"))
		must(t, a.ServerSideEmit("e"))
		told.expect(t, "first", "second")
		off()
		must(t, a.ServerSideEmit("e"))
		told.expect(t, "second")
	})
	bubble(t, "reserved names", func(t *testing.T) {
		a, _ := servePair(t, socketio.Options{})
		for _, name := range []string{"connect", "disconnect", "connection", "new_namespace"} {
			if err := a.ServerSideEmit(name); !errors.Is(err, parser.ErrReservedEvent) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := a.ServerSideEmitWithAck(t.Context(), name); !errors.Is(err, parser.ErrReservedEvent) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := a.ServerSideEmit("e", func() {}); err == nil {
			t.Error("encoded a function")
		}
	})
	bubble(t, "a handler that panics ends its event", func(t *testing.T) {
		a, b := servePair(t, socketio.Options{})
		b.OnServerEvent("e", func(context.Context, *event.Message) error { panic("the application's fault") })
		must(t, a.ServerSideEmit("e"))
		synctest.Wait()
		if got := b.Stats().HandlerPanics; got != 1 {
			t.Errorf("%d panics", got)
		}
	})
	bubble(t, "Shutdown waits for handlers, and no more begin", func(t *testing.T) {
		a, b := servePair(t, socketio.Options{})
		told, release := newJournal(), make(chan struct{})
		b.OnServerEvent("e", func(context.Context, *event.Message) error { <-release; told.add("handled"); return nil })
		must(t, a.ServerSideEmit("e"))
		synctest.Wait()
		done := make(chan error)
		go func() { done <- b.Shutdown(context.Background()) }()
		synctest.Wait()
		must(t, a.ServerSideEmit("e"))
		told.expect(t)
		close(release)
		must(t, <-done)
		told.expect(t, "handled")
		if err := b.ServerSideEmit("e"); !errors.Is(err, socketio.ErrClosed) {
			t.Errorf("afterwards: %v", err)
		}
	})
	t.Run("of a server that is alone", func(t *testing.T) {
		n := serve(t, nil)
		n.OnServerEvent("e", func(context.Context, *event.Message) error { t.Error("its own"); return nil })
		must(t, n.ServerSideEmit("e"))
		if got, err := n.ServerSideEmitWithAck(t.Context(), "e"); len(got) > 0 || err != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestServer_ServerSideEmitWithAck(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(m *event.Message) error
		want   string
	}{
		"a value":          {func(m *event.Message) error { return m.Ack(map[string]int{"x": 1}) }, `[{"x":1}]`},
		"the first of two": {func(m *event.Message) error { return m.Ack("a", "b") }, `["a"]`},
		"none":             {func(m *event.Message) error { return m.Ack() }, `[null]`},
		"binary":           {func(m *event.Message) error { return m.Ack(map[string]any{"b": []byte{1, 2}, "n": 3}) }, `[{"b":"AQI=","n":3}]`},
		"an error":         {func(*event.Message) error { return errors.New("x") }, `[{"error":{"code":"internal","message":"internal"}}]`},
		"a panic":          {func(*event.Message) error { panic("x") }, `[{"error":{"code":"internal","message":"internal"}}]`},
		"once": {func(m *event.Message) error {
			if err := errors.Join(m.Ack(1)); err != nil {
				return err
			}
			if err := m.Ack(2); !errors.Is(err, event.ErrAcknowledged) {
				return fmt.Errorf("answered twice: %w", err)
			}
			return errors.New("too late")
		}, `[1]`},
	} {
		bubble(t, name, func(t *testing.T) {
			a, b := servePair(t, socketio.Options{})
			b.OnServerEvent("q", func(_ context.Context, m *event.Message) error { return c.answer(m) })
			answers, err := a.ServerSideEmitWithAck(t.Context(), "q")
			must(t, err)
			var got []string
			for _, m := range answers {
				got = append(got, string(m.Raw(0).JSON))
			}
			if s := "[" + fmt.Sprint(got)[1:len(fmt.Sprint(got))-1] + "]"; s != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
		})
	}
	bubble(t, "nobody handles it", func(t *testing.T) {
		a, _ := servePair(t, socketio.Options{AckTimeout: time.Second})
		began := time.Now()
		answers, err := a.ServerSideEmitWithAck(t.Context(), "q")
		var incomplete *socketio.IncompleteError
		if !errors.As(err, &incomplete) || !slices.Equal(incomplete.Nodes, []string{"node 1"}) || len(answers) > 0 || time.Since(began) != time.Second {
			t.Errorf("%v, %v after %v", answers, err, time.Since(began))
		}
	})
	bubble(t, "both ask each other", func(t *testing.T) {
		a, b := servePair(t, socketio.Options{})
		for _, n := range []*node{a, b} {
			n.OnServerEvent("q", func(ctx context.Context, m *event.Message) error {
				answers, err := n.ServerSideEmitWithAck(ctx, "name")
				return errors.Join(err, m.Ack(answers[0].Raw(0)))
			})
			n.OnServerEvent("name", func(_ context.Context, m *event.Message) error { return m.Ack(n == a) })
		}
		for n, want := range map[*node]string{a: "true", b: "false"} {
			answers, err := n.ServerSideEmitWithAck(t.Context(), "q")
			if err != nil || len(answers) != 1 || string(answers[0].Raw(0).JSON) != want {
				t.Errorf("%v, %v", answers, err)
			}
		}
	})
}

// What one node asks, both answer.
func TestServer_queries_of_two_nodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := servePair(t, socketio.Options{})
		ca, cb := a.join(t), b.join(t)
		ids := []string{ca.sid, cb.sid}
		slices.Sort(ids)
		all, err := a.FetchSockets(t.Context())
		must(t, err)
		got := []string{all[0].ID(), all[1].ID()}
		if slices.Sort(got); !slices.Equal(got, ids) {
			t.Errorf("got %q, want %q", got, ids)
		}
		local, err := a.Local().FetchSockets(t.Context())
		if err != nil || len(local) != 1 || local[0].ID() != ca.sid {
			t.Errorf("local: %v, %v", local, err)
		}
		if count, err := a.ServerCount(t.Context()); count != 2 || err != nil {
			t.Errorf("%d nodes, %v", count, err)
		}

		far := all[slices.IndexFunc(all, func(r *socketio.RemoteSocket) bool { return r.ID() == cb.sid })]
		must(t, far.Emit("e"), far.Join("room"), a.To("room").Emit("f"), a.Local().Emit("here"))
		cb.expect(`42["e"]`, `42["f"]`)
		ca.expect(`42["here"]`)

		// The ids of acknowledgements are each node's own.
		own := ask(t.Context(), b.socket(t, cb, "/"))
		cb.expect(`420["q"]`)
		foreign := make(chan string)
		go func() {
			m, err := far.EmitWithAck(t.Context(), "q")
			if err != nil {
				foreign <- err.Error()
				return
			}
			foreign <- string(m.Raw(0).JSON)
		}()
		cb.expect(`421["q"]`)
		cb.send(`430["own"]`, `431["foreign"]`)
		if o, f := <-own, <-foreign; o != "[own]" || f != `"foreign"` {
			t.Errorf("%s and %s", o, f)
		}

		must(t, far.Disconnect(true))
		cb.closed("41")
		ca.quiet()
	})
}
