package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

func TestNamespace_Use(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string // the answer to connect
	}{
		"accepts":              {nil, ""},
		"an event error":       {&event.Error{Code: "x", Message: "bad token"}, `44{"message":"bad token","data":{"code":"x"}}`},
		"one with an object":   {&event.Error{Code: "x<", Message: "bad", Data: map[string]int{"a": 1}}, `44{"message":"bad","data":{"code":"x<","a":1}}`},
		"an empty object":      {&event.Error{Code: "x", Message: "bad", Data: struct{}{}}, `44{"message":"bad","data":{"code":"x"}}`},
		"a nil pointer":        {&event.Error{Code: "x", Message: "bad", Data: (*int)(nil)}, `44{"message":"bad","data":{"code":"x"}}`},
		"a code in the data":   {&event.Error{Code: "x", Message: "bad", Data: map[string]any{"code": 7}}, `44{"message":"bad","data":{"code":7}}`},
		"a code in a list":     {&event.Error{Code: "x", Message: "bad", Data: []int{1}}, `44{"message":"bad","data":[1]}`},
		"a code, bad data":     {&event.Error{Code: "x", Message: "bad", Data: func() {}}, `44{"message":"bad","data":{"code":"x"}}`},
		"one with data":        {&event.Error{Message: "bad", Data: []int{1, 2}}, `44{"message":"bad","data":[1,2]}`},
		"a wrapped one":        {fmt.Errorf("auth: %w", &event.Error{Message: "bad"}), `44{"message":"bad"}`},
		"another error":        {errors.New("database is down"), `44{"message":"internal"}`},
		"a nil event error":    {(*event.Error)(nil), `44{"message":"internal"}`},
		"data without JSON":    {&event.Error{Message: "bad", Data: func() {}}, `44{"message":"bad"}`},
		"data that panics":     {&event.Error{Message: "bad", Data: panics{}}, `44{"message":"bad"}`},
		"HTML is not escaped":  {&event.Error{Message: "<&>"}, `44{"message":"<&>"}`},
		"binary data is text":  {&event.Error{Message: "bad", Data: []byte{1}}, `44{"message":"bad","data":"AQ=="}`},
		"a panic is an error":  {errPanic, `44{"message":"internal"}`},
		"a disconnect refuses": {errDisconnect, `44{"message":"server namespace disconnect"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := serve(t, nil)
				told := newJournal()
				n.Use(func(_ context.Context, s *socketio.Socket) error {
					told.add("first %v", s.Connected())
					switch tt.err {
					case errPanic:
						panic("in a middleware")
					case errDisconnect:
						s.Disconnect(false)
						return nil
					}
					return tt.err
				})
				n.Use(func(_ context.Context, s *socketio.Socket) error { told.add("second"); return nil })
				n.OnConnection(func(_ context.Context, s *socketio.Socket) error {
					told.add("connected %v", s.Connected())
					return nil
				})
				n.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { told.add("%s", reason) })

				c := n.dial(t)
				if tt.want == "" {
					c.join("/")
					told.expect(t, "first false", "second", "connected true")
					return
				}
				c.send("40")
				c.expect(tt.want)
				told.expect(t, "first false") // who was not connected does not disconnect
				if got := n.Sockets(); len(got) > 0 {
					t.Errorf("%d sockets", len(got))
				}
				// The connection goes on, and the namespace may be tried again.
				c.send("40")
				c.expect(tt.want)
			})
		})
	}
}

var (
	errPanic      = errors.New("a panic instead")
	errDisconnect = errors.New("a disconnect instead")
)

// panics is a value whose encoding panics.
type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("in MarshalJSON") }

func TestNamespace_Use_while_it_runs(t *testing.T) {
	setup := func(t *testing.T) (n *node, c *client, release chan struct{}, told journal) {
		release, told = make(chan struct{}), newJournal()
		n = serve(t, nil)
		n.Use(func(ctx context.Context, s *socketio.Socket) error {
			if err := s.Emit("hello"); err != nil {
				return err
			}
			select {
			case <-release:
			case <-ctx.Done():
				told.add("%v", context.Cause(ctx))
				<-release
			}
			return nil
		})
		n.OnConnection(func(context.Context, *socketio.Socket) error { told.add("connected"); return nil })
		n.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { told.add("disconnected") })
		c = n.dial(t)
		c.send("40")
		c.expect(`42["hello"]`) // what a middleware sends precedes the reply
		return n, c, release, told
	}
	const notJoined = "for a namespace that is not joined"
	for name, tt := range map[string]struct{ sent, wrong string }{
		"an event":           {`42["x"]`, notJoined},
		"a second connect":   {"40", "a second connect to a namespace"},
		"a disconnect":       {"41", notJoined},
		"an acknowledgement": {"430[]", notJoined},
	} {
		t.Run(name+" closes the connection", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, c, release, told := setup(t)
				c.send(tt.sent)
				c.closed()
				told.expect(t, "socketio: disconnected: forced close: socketio: packet out of place: "+tt.wrong)
				close(release)
				told.expect(t)
			})
		})
	}
	t.Run("the client goes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n, c, release, told := setup(t)
			c.conn.Close()
			told.expect(t, "socketio: disconnected: transport close: EOF")
			close(release)
			told.expect(t)
			if len(n.Sockets()) > 0 {
				t.Error("a socket that nobody has connected")
			}
		})
	})
	t.Run("another namespace is joined meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n, c, release, told := setup(t)
			n.Of("/free")
			c.join("/free")
			close(release)
			if got := c.next(); !strings.HasPrefix(got, `40{"sid":`) {
				t.Errorf("got %q", got)
			}
			told.expect(t, "connected")
		})
	})
	t.Run("asking the client fails at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := serve(t, nil)
			n.Use(func(ctx context.Context, s *socketio.Socket) error {
				if _, err := s.EmitWithAck(ctx, "who"); !errors.Is(err, socketio.ErrClosed) {
					t.Errorf("got %v", err)
				}
				return nil
			})
			n.join(t).quiet()
		})
	})
	t.Run("rooms are joined with the namespace", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := serve(t, &socketio.Options{MaxRooms: 2})
			n.Use(func(_ context.Context, s *socketio.Socket) error {
				if err := s.Join("b", "a", "b", s.ID()); err != nil {
					t.Error(err)
				}
				if err := s.Join("c"); !errors.Is(err, socketio.ErrTooManyRooms) {
					t.Errorf("got %v", err)
				}
				if got := len(n.In("a").Sockets()); got > 0 {
					t.Errorf("%d members before the socket is connected", got)
				}
				s.Leave("b", "x")
				if !s.InRoom("a") || !s.InRoom(s.ID()) || s.InRoom("b") {
					t.Errorf("rooms %q", s.Rooms())
				}
				return s.Join("d")
			})
			c := n.join(t)
			if got := n.socket(t, c, "/").Rooms(); !slices.Equal(got, []string{"a", "d"}) {
				t.Errorf("got %q", got)
			}
			if err := n.To("a", "d").Emit("x"); err != nil {
				t.Fatal(err)
			}
			c.expect(`42["x"]`)
		})
	})
}

func TestServer_Of(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		chat := n.Of("chat")
		if chat.Name() != "/chat" || n.Of("/chat") != chat || n.Of("").Name() != "/" {
			t.Error("the slash in front is not optional")
		}
		told := newJournal()
		for _, name := range []string{"/", "/chat"} {
			n.Of(name).On("who", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
				told.add("%s %s", name, s.Namespace().Name())
				return m.Ack(s.ID())
			})
		}
		c := n.dial(t)
		root, other := c.join("/"), c.join("/chat")
		if root == other {
			t.Error("two sockets with one id")
		}
		c.send(`421["who"]`, `42/chat,2["who"]`)
		got := []string{c.next(), c.next()}
		slices.Sort(got)
		if want := []string{`43/chat,2["` + other + `"]`, `431["` + root + `"]`}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		// A broadcast stays in its namespace, and leaving one does not touch the other.
		c.send("41/chat,")
		synctest.Wait()
		if err := errors.Join(chat.Emit("x"), n.Emit("y")); err != nil {
			t.Fatal(err)
		}
		c.expect(`42["y"]`)
		c.quiet()
	})
}

func TestServer_Of_from_many_goroutines(t *testing.T) {
	server := newServer(t, nil)
	var all [16]*socketio.Namespace
	var makers sync.WaitGroup
	for i := range all {
		makers.Go(func() { all[i] = server.Of("/new") })
	}
	makers.Wait()
	for _, n := range all {
		if n != all[0] {
			t.Fatal("two namespaces of one name")
		}
	}
}

func TestSocket_Handshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		began := time.Now()
		time.Sleep(time.Second) // on the bubble's clock
		shakes := make(chan *socketio.Handshake, 2)
		n.OnConnection(func(_ context.Context, s *socketio.Socket) error { shakes <- s.Handshake(); return nil })
		c := n.dial(t)
		c.send(`40{"token":"t","deep":{"n":1.50}}`)
		h := <-shakes
		if string(h.Auth()) != `{"token":"t","deep":{"n":1.50}}` {
			t.Errorf("auth %s", h.Auth())
		}
		var auth struct{ Token string }
		if err := h.ScanAuth(&auth); err != nil || auth.Token != "t" {
			t.Errorf("auth %+v, %v", auth, err)
		}
		var wrong struct{ Token int }
		var told *event.Error
		if err := h.ScanAuth(&wrong); !errors.As(err, &told) || told.Code != event.Invalid {
			t.Errorf("got %v", err)
		}
		if got := h.Query(); got.Get("EIO") != "4" || got.Get("transport") != "websocket" {
			t.Errorf("query %v", got)
		}
		if u, err := url.Parse(h.URL()); err != nil || u.Path != "/socket.io/" {
			t.Errorf("URL %q, %v", h.URL(), err)
		}
		if h.Header().Get("Sec-WebSocket-Version") != "13" || h.Address() != netip.MustParseAddr("198.51.100.1") || !strings.HasPrefix(h.RemoteAddr(), "198.51.100.1:") {
			t.Errorf("headers %v, address %q, peer %q", h.Header(), h.Address(), h.RemoteAddr())
		}
		if h.Secure() || h.CrossDomain() || h.Time().Sub(began) != time.Second {
			t.Errorf("secure %v, cross domain %v, time %v", h.Secure(), h.CrossDomain(), h.Time())
		}

		plain := n.join(t)
		if h := n.socket(t, plain, "/").Handshake(); h.Auth() != nil || h.ScanAuth(&auth) != nil || auth.Token != "t" {
			t.Errorf("without a payload: %q", h.Auth())
		}
	})
}

func TestNamespace_OnConnection(t *testing.T) {
	for name, f := range map[string]func(context.Context, *socketio.Socket) error{
		"an error":       func(context.Context, *socketio.Socket) error { return errors.New("no") },
		"an event error": func(context.Context, *socketio.Socket) error { return &event.Error{Message: "no"} },
		"a panic":        func(context.Context, *socketio.Socket) error { panic("no") },
	} {
		t.Run(name+" disconnects the socket", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := serve(t, nil)
				told := newJournal()
				n.Of("/other")
				n.OnConnection(f)
				n.OnConnection(func(context.Context, *socketio.Socket) error { told.add("second"); return nil })
				n.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { told.add("%s", reason) })
				c := n.join(t)
				c.expect("41")
				told.expect(t, string(socketio.ServerDisconnect))
				c.join("/other") // the connection lives
			})
		})
	}
	t.Run("comes before the events", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := serve(t, nil)
			told, release := newJournal(), make(chan struct{})
			n.OnConnection(func(_ context.Context, s *socketio.Socket) error {
				<-release
				told.add("connected")
				s.On("e", func(context.Context, *socketio.Socket, *event.Message) error { told.add("own"); return nil })
				return s.Emit("welcome")
			})
			n.On("e", func(context.Context, *socketio.Socket, *event.Message) error { told.add("shared"); return nil })
			c := n.join(t)
			c.send(`42["e"]`)
			told.expect(t)
			close(release)
			c.expect(`42["welcome"]`)
			told.expect(t, "connected", "shared", "own")
		})
	})
}

func TestNamespace_nil_functions(t *testing.T) {
	n := serve(t, nil)
	for name, f := range map[string]func(){
		"Use":                func() { n.Use(nil) },
		"OnConnection":       func() { n.OnConnection(nil) },
		"OnDisconnect":       func() { n.OnDisconnect(nil) },
		"On":                 func() { n.On("x", nil) },
		"On, a reserved one": func() { n.On("connect", nil) },
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
