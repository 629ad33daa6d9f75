package socketio_test

import (
	"context"
	"regexp"
	"slices"
	"testing"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// TestBroadcast_no_rooms: a list of rooms that happens to be empty, such as the Rooms of a socket that has joined none,
// reaches nobody, whatever is done with it and wherever it began.
func TestBroadcast_no_rooms(t *testing.T) {
	bubble(t, "namespaces and sockets", func(t *testing.T) {
		n := serve(t, nil)
		clients, sockets := crowd(t, n)
		alone := sockets["d"].Rooms()
		if len(alone) > 0 {
			t.Fatalf("d is in %q", alone)
		}
		for name, b := range map[string]socketio.Broadcast{
			"server To":                n.To(alone...),
			"server In":                n.In(alone...),
			"server Local To":          n.Local().To(alone...),
			"server Volatile In":       n.Volatile().In(alone...),
			"server Compress To":       n.Compress(false).To(alone...),
			"server Except To":         n.Except("one").To(alone...),
			"server To, Except":        n.To(alone...).Except(alone...),
			"server To To":             n.To(alone...).To(alone...),
			"namespace To":             n.Of("/").To(alone...),
			"namespace In":             n.Of("/").In(alone...),
			"socket To":                sockets["a"].To(alone...),
			"socket In":                sockets["a"].In(alone...),
			"socket Broadcast To":      sockets["a"].Broadcast().To(alone...),
			"socket Local Volatile To": sockets["a"].Local().Volatile().To(alone...),
		} {
			must(t, b.Emit("e"))
			must(t, event.Emit(b, event.Name[int]("typed"), 1))
			if got := b.Sockets(); len(got) > 0 {
				t.Errorf("%s: %d sockets", name, len(got))
			}
			if got, err := b.FetchSockets(t.Context()); len(got) > 0 || err != nil {
				t.Errorf("%s: fetched %d, %v", name, len(got), err)
			}
			if got, err := b.EmitWithAcks(t.Context(), "q"); len(got) > 0 || err != nil {
				t.Errorf("%s: %d answers, %v", name, len(got), err)
			}
			if got, err := event.EmitAll(t.Context(), b, event.WithAck[int, int]("q"), 1); len(got) > 0 || err != nil {
				t.Errorf("%s: %d typed answers, %v", name, len(got), err)
			}
			must(t, b.SocketsJoin("trap"))
			must(t, b.SocketsLeave("one", "two"))
			must(t, b.DisconnectSockets(true))
			if got := received(clients, ""); got != "" {
				t.Errorf("%s: received by %s", name, got)
			}
		}
		for name, want := range map[string][]string{"a": {"one"}, "b": {"one", "two"}, "c": {"two"}, "d": nil} {
			if got := sockets[name].Rooms(); !sockets[name].Connected() || !slices.Equal(got, want) {
				t.Errorf("%s: connected %t, in %q", name, sockets[name].Connected(), got)
			}
		}
	})
	bubble(t, "joining and leaving no rooms", func(t *testing.T) {
		n := serve(t, nil)
		_, sockets := crowd(t, n)
		must(t, sockets["b"].Join())
		sockets["b"].Leave()
		must(t, n.SocketsJoin())
		must(t, n.SocketsLeave())
		must(t, n.To("one").SocketsLeave())
		if got := sockets["b"].Rooms(); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("b is in %q", got)
		}
	})
	bubble(t, "parent namespaces", func(t *testing.T) {
		n := serve(t, nil)
		parent := n.OfPattern(regexp.MustCompile("^/p$"))
		c := n.join(t, "/p")
		var none []string
		for _, b := range []socketio.ParentBroadcast{
			parent.To(none...), parent.In(none...), parent.Local().To(none...), parent.Except("x").To(none...),
			parent.To(none...).Volatile().Compress(false).Except(none...),
		} {
			must(t, b.Emit("e"))
		}
		c.quiet()
		must(t, parent.Except(none...).Emit("e"))
		c.expect(`42/p,["e"]`)
	})
	bubble(t, "with recovery: what was sent to nobody is missed by nobody", func(t *testing.T) {
		n, c, k := recovering(t, &socketio.Recovery{})
		c.cut()
		var none []string
		must(t, n.To(none...).Emit("e"), n.To("x").Emit("e"), n.Emit("yes"))
		if _, _, got := n.back(t, k); !slices.Equal(masked(got), []string{`42["yes","*"]`}) {
			t.Errorf("got %q", got)
		}
	})
	bubble(t, "other nodes", func(t *testing.T) {
		a, b := servePair(t, socketio.Options{})
		c := b.join(t)
		var none []string
		must(t, a.To(none...).Emit("e"))
		must(t, a.In(none...).DisconnectSockets(true))
		if got, err := a.To(none...).FetchSockets(context.Background()); len(got) > 0 || err != nil {
			t.Errorf("%v, %v", got, err)
		}
		c.quiet()
		must(t, a.Except(none...).Emit("e"))
		c.expect(`42["e"]`)
	})
}
