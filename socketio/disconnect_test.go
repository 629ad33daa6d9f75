package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

func TestNamespace_OnDisconnect_reasons(t *testing.T) {
	flood := strings.Repeat("x", 1000)
	causes := map[socketio.Reason]func(n *node, c *client, s *socketio.Socket){
		"transport close":             func(_ *node, c *client, _ *socketio.Socket) { c.conn.Close() },
		"transport error":             func(_ *node, c *client, _ *socketio.Socket) { c.send("2") }, // only servers ping
		"ping timeout":                func(_ *node, c *client, _ *socketio.Socket) { time.Sleep(time.Minute) },
		"parse error":                 func(_ *node, c *client, _ *socketio.Socket) { c.send("42") },
		"forced close":                func(_ *node, c *client, _ *socketio.Socket) { c.send("40") },
		"client namespace disconnect": func(_ *node, c *client, _ *socketio.Socket) { c.send("41") },
		"server namespace disconnect": func(_ *node, _ *client, s *socketio.Socket) { s.Disconnect(false) },
		"server shutting down": func(n *node, _ *client, _ *socketio.Socket) {
			_ = n.Shutdown(context.Background()) // the test's end looks at its error
		},
		"slow consumer": func(_ *node, _ *client, s *socketio.Socket) {
			for s.Emit("x", flood) == nil {
			}
		},
	}
	for want, cause := range causes {
		bubble(t, string(want), func(t *testing.T) {
			n := serve(t, &socketio.Options{SendQueueBytes: 10_000})
			told := newJournal()
			value := context.Background()
			n.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
				value = ctx
				s.OnDisconnect(func(ctx context.Context, _ *socketio.Socket, reason socketio.Reason) {
					told.add("own %s %v %v", reason, ctx.Err(), s.Connected())
				})
				return nil
			})
			n.OnDisconnect(func(ctx context.Context, s *socketio.Socket, reason socketio.Reason) {
				told.add("shared %s %v %v", reason, ctx.Err(), s.Connected())
			})
			c := n.open(t)
			c.send("40")
			c.readMessage()
			synctest.Wait()
			cause(n, c, n.Sockets()[0])
			told.expect(t, fmt.Sprintf("shared %s <nil> false", want), fmt.Sprintf("own %s <nil> false", want))
			var why *socketio.DisconnectError
			if err := context.Cause(value); !errors.As(err, &why) || why.Reason != want || value.Err() == nil {
				t.Errorf("the handler's context ended with %v, %v", value.Err(), err)
			}
			if got := n.Sockets(); len(got) > 0 {
				t.Errorf("%d sockets", len(got))
			}
			for reason, count := range n.Stats().Disconnects {
				if expected := reason == want; expected != (count == 1) || count > 1 {
					t.Errorf("%d disconnects for %q", count, reason)
				}
				if causes[reason] == nil {
					t.Errorf("no case for %q", reason)
				}
			}
		})
	}
	bubble(t, "a close frame is a transport close", func(t *testing.T) {
		n := serve(t, nil)
		told := newJournal()
		n.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { told.add("%s", reason) })
		c := n.join(t)
		if err := c.write(ws.OpClose, ws.NewCloseFrameBody(ws.StatusGoingAway, "")); err != nil {
			t.Fatal(err)
		}
		told.expect(t, "transport close")
	})
}

// The life of a socket has one order, whatever its client does meanwhile.
func TestSocket_life(t *testing.T) {
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, &socketio.Options{BaseContext: context.WithValue(context.Background(), key{}, "base")})
		told, release := newJournal(), make(chan struct{})
		step := func(ctx context.Context, name string) { told.add("%s %v", name, ctx.Value(key{})) }
		n.Use(func(ctx context.Context, s *socketio.Socket) error { step(ctx, "middleware"); return s.Join("room") })
		n.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
			step(ctx, "connection")
			<-release
			return nil
		})
		n.On("e", func(ctx context.Context, s *socketio.Socket, m *event.Message) error {
			step(ctx, fmt.Sprintf("event %s %v", m.Raw(0).JSON, ctx.Err()))
			if err := s.Emit("x"); !errors.Is(err, socketio.ErrClosed) {
				t.Errorf("Emit: %v", err)
			}
			if _, err := s.EmitWithAck(ctx, "x"); !errors.Is(err, socketio.ErrClosed) {
				t.Errorf("EmitWithAck: %v", err)
			}
			return nil
		})
		n.OnDisconnect(func(ctx context.Context, s *socketio.Socket, _ socketio.Reason) {
			step(ctx, "disconnect")
			s.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { t.Error("told twice") })
			s.Disconnect(true)
		})
		c := n.join(t)
		c.send(`42["e",1]`, `420["e",2]`)
		told.expect(t, "middleware base", "connection base")
		c.conn.Close()
		told.expect(t)
		close(release)
		told.expect(t, "event 1 context canceled base", "event 2 context canceled base", "disconnect base")
	})
}

func TestSocket_Disconnect(t *testing.T) {
	setup := func(t *testing.T) (*node, *client, journal) {
		n, told := serve(t, nil), newJournal()
		for _, name := range []string{"/", "/a", "/b"} {
			register(n.Of(name), told)
		}
		return n, n.join(t, "/a", "/b", "/"), told
	}
	bubble(t, "leaves the others and the connection", func(t *testing.T) {
		n, c, told := setup(t)
		s := n.socket(t, c, "/")
		s.Disconnect(false)
		s.Disconnect(false) // does nothing
		c.expect("41")
		c.send(`42/a,1["q"]`)
		c.expect(`43/a,1[]`)
		told.expect(t, string(socketio.ServerDisconnect))
		c.quiet()
	})
	bubble(t, "what comes for the namespace afterwards is ignored", func(t *testing.T) {
		n, c, told := setup(t)
		n.socket(t, c, "/").Disconnect(false)
		c.expect("41")
		c.send(`420["q"]`, "430[]", "41", `451-["q",{"_placeholder":true,"num":0}]`, "<01>")
		c.quiet()
		if got := n.Stats().LatePackets; got != 4 {
			t.Errorf("%d late packets counted", got)
		}
		c.join("/")
		c.send(`420["q"]`)
		c.expect("430[]")
		c.send("41")
		told.expect(t, string(socketio.ServerDisconnect), string(socketio.ClientDisconnect))
		c.send(`420["q"]`) // now it is the client's own fault
		c.closed()
		told.expect(t, "forced close", "forced close")
	})
	bubble(t, "with the connection", func(t *testing.T) {
		n, c, told := setup(t)
		s := n.socket(t, c, "/")
		if err := s.Emit("last"); err != nil {
			t.Fatal(err)
		}
		s.Disconnect(true)
		c.closed(`42["last"]`, "41/a,", "41/b,", "41")
		told.expect(t, slices.Repeat([]string{string(socketio.ServerDisconnect)}, 3)...)
		if len(n.Sockets())+len(n.Of("/a").Sockets())+len(n.Of("/b").Sockets()) > 0 {
			t.Error("sockets are left")
		}
	})
	bubble(t, "with the connection, by a handler", func(t *testing.T) {
		n, c, told := setup(t)
		n.On("bye", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
			if err := m.Ack(); err != nil {
				return err
			}
			s.Disconnect(true)
			return nil
		})
		c.send(`427["bye"]`)
		_ = c.trySend(`428["q"]`) // it may be too late
		c.closed("437[]", "41/a,", "41/b,", "41")
		told.expect(t, slices.Repeat([]string{string(socketio.ServerDisconnect)}, 3)...)
	})
	bubble(t, "of a socket that has gone, with the connection", func(t *testing.T) {
		n, c, _ := setup(t)
		s := n.socket(t, c, "/")
		s.Disconnect(false)
		s.Disconnect(true)
		c.closed("41", "41/a,", "41/b,")
	})
}

// TestSocket_Err: the reason is for programs, what is behind it says where to look.
func TestSocket_Err(t *testing.T) {
	for name, tt := range map[string]struct {
		end     func(c *client, s *socketio.Socket)
		reason  socketio.Reason
		details string
	}{
		"a bad packet":           {func(c *client, _ *socketio.Socket) { c.send(`42{}`) }, "parse error", "payload"},
		"a packet out of place":  {func(c *client, _ *socketio.Socket) { c.send(`42/x,["e"]`) }, "forced close", "not joined"},
		"a ping of the client":   {func(c *client, _ *socketio.Socket) { c.send("2") }, "transport error", "heartbeat"},
		"the client leaves":      {func(c *client, _ *socketio.Socket) { c.send("41") }, "client namespace disconnect", ""},
		"the server disconnects": {func(_ *client, s *socketio.Socket) { s.Disconnect(false) }, "server namespace disconnect", ""},
		"the connection is lost": {func(c *client, _ *socketio.Socket) { c.conn.Close() }, "transport close", "EOF"},
	} {
		bubble(t, name, func(t *testing.T) {
			n := serve(t, nil)
			told := make(chan error, 1)
			n.OnDisconnect(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) { told <- s.Err() })
			c := n.join(t)
			s := n.socket(t, c, "/")
			if err := s.Err(); err != nil {
				t.Errorf("connected: %v", err)
			}
			tt.end(c, s)
			err := <-told
			var why *socketio.DisconnectError
			if !errors.As(err, &why) || why.Reason != tt.reason || errors.Unwrap(why) != why.Err {
				t.Fatalf("got %v, want the reason %q", err, tt.reason)
			}
			if (why.Err != nil) != (tt.details != "") || !strings.Contains(err.Error(), tt.details) {
				t.Errorf("got %v, want details with %q", err, tt.details)
			}
			if s.Err() != err {
				t.Errorf("later %v", s.Err())
			}
		})
	}
}
