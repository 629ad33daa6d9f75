package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// values are a message's arguments as texts.
func values(m *event.Message) []string {
	all := []string{}
	for i := range m.Len() {
		all = append(all, string(m.Raw(i).JSON))
	}
	return all
}

// outcome tells a journal how an EmitWithAckFunc has ended.
func outcome(told journal) func(*event.Message, error) {
	return func(m *event.Message, err error) {
		switch {
		case err == nil:
			told.add("answer %s", values(m))
		case errors.Is(err, context.DeadlineExceeded):
			told.add("deadline")
		default:
			told.add("%v", err)
		}
	}
}

func TestSocket_EmitWithAckFunc(t *testing.T) {
	asking := func(name string, opts *socketio.Options, f func(t *testing.T, n *node, c *client, s *socketio.Socket, told journal)) {
		bubble(t, name, func(t *testing.T) {
			n := serve(t, opts)
			c := n.join(t)
			f(t, n, c, n.socket(t, c, "/"), newJournal())
		})
	}
	asking("a handler that asks does not hold up the events that follow", nil,
		func(t *testing.T, n *node, c *client, _ *socketio.Socket, told journal) {
			n.On("e", func(ctx context.Context, s *socketio.Socket, m *event.Message) error {
				told.add("event %s", values(m))
				return s.EmitWithAckFunc(ctx, "q", outcome(told), 1)
			})
			c.send(`42["e",1]`)
			c.expect(`420["q",1]`)
			c.send(`42["e",2]`)
			c.expect(`421["q",1]`)
			told.expect(t, "event [1]", "event [2]")
			c.send(`431["second"]`, `430[[1,2]]`)
			told.expect(t, `answer ["second"]`, "answer [[1,2]]")
			c.send(`430["again"]`)
			told.expect(t)
			if got := n.Stats().UnknownAcks; got != 1 {
				t.Errorf("%d unknown acknowledgements counted", got)
			}
		})
	asking("the function runs in order with the client's events, one at a time", nil,
		func(t *testing.T, n *node, c *client, s *socketio.Socket, told journal) {
			n.On("e", func(context.Context, *socketio.Socket, *event.Message) error {
				time.Sleep(time.Second)
				told.add("event")
				return nil
			})
			answered := func(*event.Message, error) {
				time.Sleep(time.Second)
				told.add("answer")
			}
			if err := s.EmitWithAckFunc(t.Context(), "q", answered); err != nil {
				t.Fatal(err)
			}
			c.expect(`420["q"]`)
			c.send(`42["e"]`, "430[]", `42["e"]`)
			time.Sleep(4 * time.Second)
			told.expect(t, "event", "answer", "event")
		})
	asking("ends with its context, and late answers are ignored", nil,
		func(t *testing.T, n *node, c *client, s *socketio.Socket, told journal) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := s.EmitWithAckFunc(ctx, "q", outcome(told)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(999 * time.Millisecond)
			told.expect(t)
			time.Sleep(time.Millisecond)
			told.expect(t, "deadline")
			c.send("430[]")
			told.expect(t)
			if err := s.EmitWithAckFunc(ctx, "q", outcome(told)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("with a context that has ended: %v", err)
			}
			told.expect(t)
			if got := n.Stats().AckTimeouts; got != 1 {
				t.Errorf("%d timeouts counted", got)
			}
		})
	asking("without a deadline ends after AckTimeout", &socketio.Options{AckTimeout: time.Second},
		func(t *testing.T, _ *node, _ *client, s *socketio.Socket, told journal) {
			if err := s.EmitWithAckFunc(t.Context(), "q", outcome(told)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			told.expect(t, "deadline")
		})
	asking("ends with the disconnect, before OnDisconnect", nil,
		func(t *testing.T, n *node, c *client, s *socketio.Socket, told journal) {
			n.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { told.add("disconnect") })
			for range 2 {
				if err := s.EmitWithAckFunc(t.Context(), "q", outcome(told)); err != nil {
					t.Fatal(err)
				}
			}
			c.send("41")
			told.expect(t, socketio.ErrClosed.Error(), socketio.ErrClosed.Error(), "disconnect")
			if err := s.EmitWithAckFunc(t.Context(), "q", outcome(told)); !errors.Is(err, socketio.ErrClosed) {
				t.Errorf("afterwards: %v", err)
			}
			told.expect(t)
		})
	asking("is limited for a connection, and may ask again", &socketio.Options{MaxAcks: 1},
		func(t *testing.T, _ *node, c *client, s *socketio.Socket, told journal) {
			again := func(m *event.Message, err error) {
				outcome(told)(m, err)
				if err := s.EmitWithAckFunc(context.Background(), "again", outcome(told)); err != nil {
					t.Error(err)
				}
			}
			if err := s.EmitWithAckFunc(t.Context(), "q", again); err != nil {
				t.Fatal(err)
			}
			if err := s.EmitWithAckFunc(t.Context(), "q", again); !errors.Is(err, socketio.ErrTooManyAcks) {
				t.Errorf("got %v", err)
			}
			c.expect(`420["q"]`)
			c.send("430[]")
			c.expect(`422["again"]`)
			c.send("432[1]")
			told.expect(t, "answer []", "answer [1]")
		})
	asking("answers that nobody takes wait in a bounded inbox, and none is lost",
		&socketio.Options{InboxPackets: 4, MaxAcks: 100},
		func(t *testing.T, n *node, c *client, s *socketio.Socket, told journal) {
			release := make(chan struct{})
			numbered(n.Of("/"), told, func(context.Context, *socketio.Socket) { <-release })
			for range 20 {
				if err := s.EmitWithAckFunc(context.Background(), "q", outcome(told)); err != nil {
					t.Fatal(err)
				}
			}
			c.came()
			c.send(`42["e",0]`)
			takenOver()
			go func() {
				for i := range 20 {
					if c.trySend(fmt.Sprintf("43%d[%d]", i, i)) != nil {
						return
					}
				}
			}()
			synctest.Wait()
			if got := n.Stats().InboxStalls; got == 0 {
				t.Error("the reading did not stop")
			}
			close(release)
			want := []string{"/ 0"}
			for i := range 20 {
				want = append(want, fmt.Sprintf("answer [%d]", i))
			}
			told.expect(t, want...)
		})
	asking("an answer that waits for space is lost with the socket, and reported once", &socketio.Options{InboxPackets: 1},
		func(t *testing.T, n *node, c *client, s *socketio.Socket, told journal) {
			release := make(chan struct{})
			numbered(n.Of("/"), told, func(context.Context, *socketio.Socket) { <-release })
			if err := s.EmitWithAckFunc(t.Context(), "q", outcome(told)); err != nil {
				t.Fatal(err)
			}
			c.came()
			c.flood("/", 0, 2, "")
			takenOver()
			c.send("430[]")
			synctest.Wait()
			s.Disconnect(true)
			close(release)
			told.expect(t, "/ 0", "/ 1", socketio.ErrClosed.Error())
		})
	asking("an answer that waits for space when its time ends is reported once", &socketio.Options{InboxPackets: 1},
		func(t *testing.T, n *node, c *client, s *socketio.Socket, told journal) {
			numbered(n.Of("/"), told, func(context.Context, *socketio.Socket) { time.Sleep(2 * time.Second) })
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := s.EmitWithAckFunc(ctx, "q", outcome(told)); err != nil {
				t.Fatal(err)
			}
			c.came()
			c.flood("/", 0, 2, "")
			takenOver()
			c.send("430[]", `42["e",2]`)
			time.Sleep(3 * time.Second)
			told.expect(t, "/ 0", "/ 1", "deadline", "/ 2")
		})
	asking("a panic ends nothing else", nil, func(t *testing.T, n *node, c *client, s *socketio.Socket, told journal) {
		n.On("e", func(context.Context, *socketio.Socket, *event.Message) error { told.add("event"); return nil })
		if err := s.EmitWithAckFunc(t.Context(), "q", func(*event.Message, error) { panic("boom") }); err != nil {
			t.Fatal(err)
		}
		c.send("430[]", `42["e"]`)
		told.expect(t, "event")
		if got := n.Stats().HandlerPanics; got != 1 {
			t.Errorf("%d panics counted", got)
		}
	})
	asking("beside a handler that waits for an answer of its own", &socketio.Options{InboxPackets: 2},
		func(t *testing.T, n *node, c *client, s *socketio.Socket, told journal) {
			n.On("e", func(ctx context.Context, s *socketio.Socket, _ *event.Message) error {
				m, err := s.EmitWithAck(ctx, "mine")
				outcome(told)(m, err)
				return err
			})
			for range 5 {
				if err := s.EmitWithAckFunc(t.Context(), "q", outcome(told)); err != nil {
					t.Fatal(err)
				}
			}
			c.came()
			c.send(`42["e"]`)
			c.expect(`425["mine"]`)
			c.send("430[]", "431[]", "432[]", "433[]", "434[]", `435["mine"]`)
			told.expect(t, append([]string{`answer ["mine"]`}, strings.Split(strings.Repeat("answer [],", 4)+"answer []", ",")...)...)
		})
	asking("returns what cannot be sent", nil, func(t *testing.T, _ *node, c *client, s *socketio.Socket, told journal) {
		if err := s.EmitWithAckFunc(t.Context(), "q", outcome(told), func() {}); err == nil {
			t.Error("no error")
		}
		c.quiet()
		told.expect(t)
		defer func() {
			if recover() == nil {
				t.Error("no panic for a nil function")
			}
		}()
		_ = s.EmitWithAckFunc(t.Context(), "q", nil)
	})
	asking("with types", nil, func(t *testing.T, _ *node, c *client, s *socketio.Socket, told journal) {
		const sum = event.WithAck[event.Args2[int, int], int]("sum")
		for range 3 {
			err := event.EmitWithAckFunc(t.Context(), s, sum, event.Args2[int, int]{A: 1, B: 2}, func(three int, err error) {
				told.add("%d %v", three, err)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		c.expect(`420["sum",1,2]`)
		c.send("430[3]", `431[{"error":{"code":"busy","message":"later"}}]`, "41")
		told.expect(t, "3 <nil>", "0 busy: later", "0 "+socketio.ErrClosed.Error())
	})
}
