package socketio_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

// crowd is four clients, a to d: a and b are in "one", b and c in "two", and d has left a room again.
func crowd(t *testing.T, n *node) (clients map[string]*client, sockets map[string]*socketio.Socket) {
	t.Helper()
	clients, sockets = map[string]*client{}, map[string]*socketio.Socket{}
	for name, rooms := range map[string][]string{"a": {"one"}, "b": {"one", "two"}, "c": {"two"}, "d": {"one"}} {
		clients[name] = n.join(t)
		sockets[name] = n.socket(t, clients[name], "/")
		if err := sockets[name].Join(rooms...); err != nil {
			t.Fatal(err)
		}
	}
	sockets["d"].Leave("one")
	return clients, sockets
}

// received returns the clients that have got exactly one message, this one; who has got another is named with it.
func received(clients map[string]*client, want string) string {
	var names []string
	for name, c := range clients {
		switch got := c.came(); {
		case len(got) == 1 && got[0] == want:
			names = append(names, name)
		case len(got) > 0:
			names = append(names, fmt.Sprint(name, " got ", got))
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestBroadcast(t *testing.T) {
	bubble(t, "targets", func(t *testing.T) {
		n := serve(t, nil)
		clients, s := crowd(t, n)
		n.Of("/other")
		stranger := n.join(t, "/other")
		kept := n.To("one")
		for _, tt := range []struct {
			name string
			to   socketio.Broadcast
			want string
		}{
			{"everybody", n.Local(), "a b c d"},
			{"a room", n.To("one"), "a b"},
			{"in is to", n.In("two"), "b c"},
			{"a room that nobody is in", n.To("none"), ""},
			{"the union, each once", n.To("one", "two"), "a b c"},
			{"the union in two steps", n.To("one").In("two"), "a b c"},
			{"the same room twice", n.To("one", "one"), "a b"},
			{"everybody, said with a room: the room", n.Local().To("one"), "a b"},
			{"no rooms: nobody", n.To(), ""},
			{"a room, then no rooms", n.To("one").To(), "a b"},
			{"no rooms, then a room", n.To().To("one"), "a b"},
			{"no rooms, except nobody", n.To().Except(), ""},
			{"except no rooms: everybody", n.Except(), "a b c d"},
			{"except a room, then no rooms", n.Except("one").Except(), "c d"},
			{"except a room", n.Except("one"), "c d"},
			{"except rooms", n.Except("one").Except("two"), "d"},
			{"a room except another", n.To("one").Except("two"), "a"},
			{"a room except itself", n.To("one").Except("one"), ""},
			{"an id is a room", n.To(s["d"].ID()), "d"},
			{"an id and a room of its owner", n.To(s["a"].ID(), "one"), "a b"},
			{"except an id", n.Except(s["d"].ID()), "a b c"},
			{"local", n.To("one").Local(), "a b"},
			{"volatile", n.To("one").Volatile(), "a b"},
			{"a kept one is not changed by use", kept, "a b"},
			{"from a socket: the others", s["a"].Broadcast(), "b c d"},
			{"from a socket to a room of its own", s["a"].To("one"), "b"},
			{"from a socket to another room", s["a"].In("two"), "b c"},
			{"from a socket to its own id", s["a"].To(s["a"].ID()), ""},
			{"from a socket except", s["a"].Except("two"), "d"},
			{"from a socket except no rooms", s["a"].Except(), "b c d"},
			{"from a socket to no rooms", s["a"].To(), ""},
			{"from a socket locally", s["a"].Local().To("one", "two"), "b c"},
		} {
			if err := tt.to.Emit("e", tt.name); err != nil {
				t.Fatal(err)
			}
			if got := received(clients, fmt.Sprintf(`42["e",%q]`, tt.name)); got != tt.want {
				t.Errorf("%s: received by %q, want %q", tt.name, got, tt.want)
			}
			var chosen []string
			for _, socket := range tt.to.Sockets() {
				for name := range s {
					if s[name] == socket {
						chosen = append(chosen, name)
					}
				}
			}
			if slices.Sort(chosen); strings.Join(chosen, " ") != tt.want {
				t.Errorf("%s: Sockets are %q, want %q", tt.name, chosen, tt.want)
			}
			_ = kept.To("two").Except("one").Volatile() // changes a copy
		}
		stranger.quiet()
	})
	bubble(t, "from the server", func(t *testing.T) {
		n := serve(t, nil)
		clients, _ := crowd(t, n)
		for name, emit := range map[string]func(string, ...any) error{"Emit": n.Emit, "Volatile": n.Volatile().Emit} {
			if err := emit("e"); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := received(clients, `42["e"]`); got != "a b c d" {
				t.Errorf("%s: received by %q", name, got)
			}
		}
	})
	bubble(t, "errors", func(t *testing.T) {
		n := serve(t, nil)
		clients, s := crowd(t, n)
		for name, err := range map[string]error{
			"a reserved name":      n.Emit("disconnect"),
			"a value without JSON": n.To("one").Emit("x", func() {}),
			"to nobody":            n.To("none").Emit("x", make(chan int)),
			"from a socket":        s["a"].Emit("connect_error"),
			"volatile":             s["a"].Volatile().Emit("connect"),
		} {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		if got := received(clients, ""); got != "" {
			t.Error(got)
		}
	})
	bubble(t, "who has left gets nothing", func(t *testing.T) {
		n := serve(t, nil)
		clients, s := crowd(t, n)
		clients["a"].send("41")
		synctest.Wait()
		if err := n.To("one", s["a"].ID()).Emit("e"); err != nil {
			t.Fatal(err)
		}
		if got := received(clients, `42["e"]`); got != "b" {
			t.Errorf("received by %q", got)
		}
		for _, err := range []error{s["a"].Emit("e"), s["a"].Volatile().Emit("e"), s["a"].Join("x")} {
			if !errors.Is(err, socketio.ErrClosed) {
				t.Errorf("got %v", err)
			}
		}
		if err := s["a"].To("two").Emit("e"); err != nil { // OnDisconnect tells the others so
			t.Error(err)
		}
		if got := received(clients, `42["e"]`); got != "b c" {
			t.Errorf("received by %q", got)
		}
	})
}

// An application may not forge a reference to an attachment: it would reach every receiver.
func TestBroadcast_forged_placeholder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		clients := map[string]*client{"a": n.join(t), "b": n.join(t)}
		forged := map[string]any{"_placeholder": true, "num": 0}
		s := n.socket(t, clients["a"], "/")
		for name, err := range map[string]error{
			"with binary":    n.Emit("e", forged, []byte{1}),
			"number too big": n.Emit("e", map[string]any{"_placeholder": true, "num": 1}, []byte{1}),
			"from a socket":  s.Emit("e", []byte{1}, forged),
		} {
			if !errors.Is(err, parser.ErrForgedPlaceholder) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if got := received(clients, ""); got != "" {
			t.Error(got)
		}
		if err := n.Emit("e", forged); err != nil { // without binary it is an object like any other
			t.Fatal(err)
		}
		if got := received(clients, `42["e",{"_placeholder":true,"num":0}]`); got != "a b" {
			t.Error(got)
		}
	})
}

// Text that is not UTF-8 would make every browser that receives it close its connection.
func TestSocket_invalid_UTF8(t *testing.T) {
	for name, sent := range map[string]string{
		"in an argument": "42[\"relay\",\"a\xff\"]",
		"in the name":    "42[\"relay\xc3\"]",
		"in an auth":     "40/x,{\"a\":\"\xed\xa0\x80\"}",
		"in a namespace": "40/\xfe,",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := serve(t, nil)
				relay(n)
				bad, others := n.join(t), map[string]*client{"a": n.join(t), "b": n.join(t)}
				bad.send(sent)
				bad.expect("close 1007", "end")
				if got := received(others, ""); got != "" {
					t.Error(got)
				}
				others["a"].send(`42["relay","ok"]`)
				if got := received(others, `42["relay","ok"]`); got != "a b" {
					t.Error(got)
				}
			})
		})
	}
	t.Run("from the application", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := serve(t, nil)
			clients := map[string]*client{"a": n.join(t), "b": n.join(t)}
			if err := n.Emit("e", "a\xffb"); err != nil {
				t.Fatal(err)
			}
			if got := received(clients, "42[\"e\",\"a\ufffdb\"]"); got != "a b" {
				t.Error(got)
			}
			if err := n.Emit("e", parser.Raw{JSON: []byte("\"\xff\"")}); err == nil {
				t.Error("raw JSON that is not UTF-8 was sent")
			}
			if got := received(clients, ""); got != "" {
				t.Error(got)
			}
		})
	})
}
