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
	"github.com/parleyio/parley/socketio"
)

func TestMessage_Ack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		n.On("twice", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
			if err := m.Ack("first"); err != nil {
				t.Error(err)
			}
			if err := m.Ack("second"); m.WantsAck() && !errors.Is(err, event.ErrAcknowledged) {
				t.Errorf("got %v", err)
			}
			return nil
		})
		n.On("first handler", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack(1) })
		n.On("first handler", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack(2) })
		n.On("binary", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
			return m.Ack(map[string]any{"a": []byte{1, 2}, "b": []any{[]byte{3}, "<&>"}})
		})
		kept := make(chan *event.Message, 2)
		n.On("later", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { kept <- m; return nil })
		c := n.join(t)
		for _, tt := range []struct {
			sent string
			want []string
		}{
			{`420["twice"]`, []string{`430["first"]`}},
			{`42["twice"]`, nil},
			{`421["first handler"]`, []string{`431[1]`}},
			{`422["binary"]`, []string{
				`462-2[{"a":{"_placeholder":true,"num":0},"b":[{"_placeholder":true,"num":1},"<&>"]}]`, "<0102>", "<03>",
			}},
			{`423["later"]`, nil},
			{`424["nobody"]`, nil},
		} {
			c.send(tt.sent)
			if got := c.came(); !slices.Equal(got, tt.want) {
				t.Errorf("%s: got %q, want %q", tt.sent, got, tt.want)
			}
		}
		// A handler may answer when it has returned, while the socket is there.
		if err := (<-kept).Ack("ok"); err != nil {
			t.Error(err)
		}
		c.expect(`433["ok"]`)
		c.send(`425["later"]`, "41")
		synctest.Wait()
		if err := (<-kept).Ack(); !errors.Is(err, socketio.ErrClosed) {
			t.Errorf("after the disconnect: %v", err)
		}
		c.quiet()
	})
}

// ask asks the client from a goroutine and returns where the outcome goes.
func ask(ctx context.Context, s *socketio.Socket, args ...any) <-chan string {
	outcome := make(chan string, 1)
	go func() {
		m, err := s.EmitWithAck(ctx, "q", args...)
		if err != nil {
			outcome <- err.Error()
			return
		}
		var all []any
		for i := range m.Len() {
			var v any
			if err := m.Scan(append(make([]any, i), &v)...); err != nil {
				outcome <- err.Error()
				return
			}
			all = append(all, v)
		}
		outcome <- fmt.Sprint(all)
	}()
	return outcome
}

func TestSocket_EmitWithAck(t *testing.T) {
	asking := func(name string, opts *socketio.Options, f func(t *testing.T, n *node, c *client, s *socketio.Socket)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := serve(t, opts)
				c := n.join(t)
				f(t, n, c, n.socket(t, c, "/"))
			})
		})
	}
	asking("answers by id, whatever their order", nil, func(t *testing.T, n *node, c *client, s *socketio.Socket) {
		first := ask(t.Context(), s, "a")
		c.expect(`420["q","a"]`) // ids begin with zero
		second := ask(t.Context(), s, []byte{1})
		c.expect(`451-1["q",{"_placeholder":true,"num":0}]`, "<01>")
		c.send(`461-1["x",{"_placeholder":true,"num":0}]`, "<0506>", "430[]")
		if got := <-second; got != "[x [5 6]]" {
			t.Errorf("second: %s", got)
		}
		if got := <-first; got != "[]" {
			t.Errorf("first: %s", got)
		}
	})
	asking("a second answer is ignored and counted", nil, func(t *testing.T, n *node, c *client, s *socketio.Socket) {
		answer := ask(t.Context(), s)
		c.expect(`420["q"]`)
		c.send(`430[1]`, `430[2]`, `4399[3]`, `43["x"]`, `430`)
		if got := <-answer; got != "[1]" {
			t.Error(got)
		}
		c.quiet()
		if got := n.Stats().UnknownAcks; got != 4 {
			t.Errorf("%d unknown acknowledgements counted", got)
		}
	})
	asking("ids are shared by the sockets of a namespace, answers are not", nil,
		func(t *testing.T, n *node, c *client, s *socketio.Socket) {
			other := n.join(t)
			first := ask(t.Context(), s)
			c.expect(`420["q"]`)
			second := ask(t.Context(), n.socket(t, other, "/"))
			other.expect(`421["q"]`)
			other.send(`430["forged"]`, `431["mine"]`)
			if got := <-second; got != "[mine]" {
				t.Error(got)
			}
			synctest.Wait()
			c.send(`430["true"]`)
			if got := <-first; got != "[true]" {
				t.Error(got)
			}
		})
	asking("ends with its context", nil, func(t *testing.T, n *node, c *client, s *socketio.Socket) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := s.EmitWithAck(ctx, "q"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		c.expect(`420["q"]`)
		c.send("430[]") // too late, and harmless
		c.quiet()
	})
	asking("without a deadline ends after AckTimeout", nil, func(t *testing.T, n *node, c *client, s *socketio.Socket) {
		began := time.Now()
		if _, err := s.EmitWithAck(t.Context(), "q"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 30*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
	asking("AckTimeout does not shorten a deadline", &socketio.Options{AckTimeout: time.Second},
		func(t *testing.T, n *node, c *client, s *socketio.Socket) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			answer := ask(ctx, s)
			time.Sleep(4 * time.Second)
			c.send("430[]")
			if got := <-answer; got != "[]" {
				t.Error(got)
			}
		})
	asking("ends when the client leaves", nil, func(t *testing.T, n *node, c *client, s *socketio.Socket) {
		answer := ask(t.Context(), s)
		c.expect(`420["q"]`)
		c.send("41")
		if got := <-answer; got != socketio.ErrClosed.Error() {
			t.Error(got)
		}
		if _, err := s.EmitWithAck(t.Context(), "q"); !errors.Is(err, socketio.ErrClosed) {
			t.Errorf("afterwards: %v", err)
		}
	})
	asking("is told of the disconnect, not of its own cancelled context", nil,
		func(t *testing.T, n *node, c *client, s *socketio.Socket) {
			outcome := make(chan error)
			n.On("ask me", func(ctx context.Context, s *socketio.Socket, _ *event.Message) error {
				_, err := s.EmitWithAck(ctx, "q")
				outcome <- err
				return err
			})
			c.send(`42["ask me"]`)
			c.expect(`420["q"]`)
			c.conn.Close()
			if err := <-outcome; !errors.Is(err, socketio.ErrClosed) {
				t.Error(err)
			}
		})
	asking("is limited for a connection", &socketio.Options{MaxAcks: 2}, func(t *testing.T, n *node, c *client, s *socketio.Socket) {
		n.Of("/b")
		c.join("/b")
		b := n.socket(t, c, "/b")
		ctx, cancel := context.WithCancel(t.Context())
		first, second := ask(ctx, s), ask(t.Context(), b)
		c.came()
		if _, err := b.EmitWithAck(t.Context(), "q"); !errors.Is(err, socketio.ErrTooManyAcks) {
			t.Errorf("got %v", err)
		}
		c.quiet()
		c.send("43/b,0[]")
		<-second
		cancel()
		<-first
		third, fourth := ask(t.Context(), s), ask(t.Context(), b)
		if got := c.came(); len(got) != 2 {
			t.Errorf("got %q", got)
		}
		c.send("41", "41/b,")
		<-third
		<-fourth
		if got := n.Stats().TooManyAcks; got != 1 {
			t.Errorf("%d counted", got)
		}
	})
	asking("returns what cannot be encoded", nil, func(t *testing.T, n *node, c *client, s *socketio.Socket) {
		if _, err := s.EmitWithAck(t.Context(), "q", func() {}); err == nil {
			t.Error("no error")
		}
		if _, err := s.EmitWithAck(t.Context(), "connect"); err == nil {
			t.Error("no error for a reserved name")
		}
		c.quiet()
	})
	asking("works in OnConnection and in a handler", nil, func(t *testing.T, n *node, _ *client, _ *socketio.Socket) {
		n.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
			m, err := s.EmitWithAck(ctx, "who")
			if err != nil {
				return err
			}
			var name string
			if err := m.Scan(&name); err != nil {
				return err
			}
			return s.Emit("hello", name)
		})
		n.On("relay", func(ctx context.Context, s *socketio.Socket, m *event.Message) error {
			answer, err := s.EmitWithAck(ctx, "relayed", m.Raws()...)
			if err != nil {
				return err
			}
			return m.Ack(answer.Raws()...)
		})
		c := n.join(t)
		c.expect(`420["who"]`)
		c.send(`430["bob"]`)
		c.expect(`42["hello","bob"]`)
		c.send(`451-7["relay",{"_placeholder":true,"num":0}]`, "<0a>")
		c.expect(`451-1["relayed",{"_placeholder":true,"num":0}]`, "<0a>")
		c.send(`461-1[{"_placeholder":true,"num":0}]`, "<0b>")
		c.expect(`461-7[{"_placeholder":true,"num":0}]`, "<0b>")
	})
}

// TestSocket_Volatile_ack: nobody waits for the answer to an event that was dropped.
func TestSocket_Volatile_ack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		c := n.join(t)
		s := n.socket(t, c, "/")
		answers := make(chan string)
		go func() {
			answer, err := s.Compress(false).Volatile().EmitWithAck(t.Context(), "q")
			if err != nil {
				answers <- err.Error()
				return
			}
			answers <- fmt.Sprint(answer.Len())
		}()
		c.expect(`420["q"]`)
		c.send("430[1]")
		if got := <-answers; got != "1" {
			t.Errorf("got %s", got)
		}

		p := n.poll(t) // between two polls it can take nothing
		id := p.join()
		slow := n.In(id).Sockets()[0]
		began := time.Now()
		if _, err := slow.Volatile().EmitWithAck(t.Context(), "q"); !errors.Is(err, socketio.ErrDropped) || time.Since(began) > 0 {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		if err := slow.Volatile().Emit("e"); err != nil {
			t.Errorf("without an acknowledgement: %v", err)
		}
		p.post("41")
	})
}
