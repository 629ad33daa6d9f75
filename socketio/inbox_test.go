package socketio_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// numbered makes the handlers of "e" on a namespace: the one of event 0 waits, and all tell their number.
func numbered(n *socketio.Namespace, told journal, wait func(ctx context.Context, s *socketio.Socket)) {
	n.On("e", func(ctx context.Context, s *socketio.Socket, m *event.Message) error {
		var i int
		if err := m.Scan(&i); err != nil {
			return err
		}
		if i == 0 {
			wait(ctx, s)
		}
		told.add("%s %d", s.Namespace().Name(), i)
		return nil
	})
}

// flood sends numbered events from a goroutine, because the server may stop reading.
func (c *client) flood(namespace string, from, to int, padding string) {
	go func() {
		for i := from; i < to; i++ {
			if c.trySend(fmt.Sprintf(`%s["e",%d%s]`, packet("42", namespace), i, padding)) != nil {
				return
			}
		}
	}()
}

func numbers(namespace string, from, to int) (all []string) {
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf("%s %d", namespace, i))
	}
	return all
}

// takenOver lets so much time pass that a handler which waits holds up the reading no more.
func takenOver() {
	time.Sleep(10 * time.Millisecond)
	synctest.Wait()
}

// friend is the socket of the same client in another namespace.
var friend = socketio.NewLocalData[*socketio.Socket]("friend")

func TestInbox(t *testing.T) {
	quick := func() *socketio.Options {
		return &socketio.Options{PingInterval: time.Second, PingTimeout: time.Second, InboxPackets: 4, MaxPayload: 10_000, InboxBytes: 20_000}
	}
	bubble(t, "a handler slower than twice the ping timeout", func(t *testing.T) {
		n, told := serve(t, quick()), newJournal()
		numbered(n.Of("/"), told, func(context.Context, *socketio.Socket) { time.Sleep(5 * time.Second) })
		c := n.join(t)
		c.flood("/", 0, 50, "")
		time.Sleep(10 * time.Second)
		told.expect(t, numbers("/", 0, 50)...)
		c.quiet()
		time.Sleep(time.Minute) // the heartbeat goes on
		c.quiet()
	})
	bubble(t, "a full one stops the reading", func(t *testing.T) {
		n, told := serve(t, quick()), newJournal()
		release, sent := make(chan struct{}), make(chan struct{})
		numbered(n.Of("/"), told, func(context.Context, *socketio.Socket) { <-release })
		c := n.join(t)
		go func() {
			defer close(sent)
			padding := `,"` + strings.Repeat("x", 9_000) + `"`
			for i := range 100 {
				if err := c.trySend(fmt.Sprintf(`42["e",%d%s]`, i, padding)); err != nil {
					t.Error(err)
				}
			}
		}()
		synctest.Wait()
		select {
		case <-sent:
			t.Error("the client was never slowed down")
		default:
		}
		close(release)
		<-sent
		told.expect(t, numbers("/", 0, 100)...)
	})
	bubble(t, "two namespaces, one blocked", func(t *testing.T) {
		n, told := serve(t, quick()), newJournal()
		release := make(chan struct{})
		numbered(n.Of("/blocked"), told, func(context.Context, *socketio.Socket) { <-release })
		numbered(n.Of("/free"), told, func(context.Context, *socketio.Socket) {})
		c := n.join(t, "/blocked", "/free")
		c.flood("/blocked", 0, 3, "")
		takenOver()
		c.flood("/free", 0, 50, "") // not held up as long as the inbox of the other has room
		told.expect(t, numbers("/free", 0, 50)...)
		c.flood("/blocked", 3, 50, "")
		synctest.Wait()
		c.flood("/free", 50, 60, "")
		told.expect(t) // behind what the other waits for
		time.Sleep(10 * time.Second)
		close(release)
		synctest.Wait()
		got := strings.Join(told.take(), ",")
		for _, name := range []string{"/blocked 0,", "/blocked 49", "/free 50,", "/free 59"} {
			if !strings.Contains(got, name) {
				t.Errorf("%s is missing in %s", name, got)
			}
		}
	})
	for name, ask := range map[string]func(context.Context, *socketio.Socket) (*event.Message, error){
		"directly": func(ctx context.Context, s *socketio.Socket) (*event.Message, error) { return s.EmitWithAck(ctx, "q") },
		"through a goroutine": func(ctx context.Context, s *socketio.Socket) (m *event.Message, err error) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				time.Sleep(3 * time.Second) // the reading has stopped long before
				m, err = s.EmitWithAck(ctx, "q")
			}()
			<-done
			return m, err
		},
		"in another namespace": func(ctx context.Context, s *socketio.Socket) (*event.Message, error) {
			time.Sleep(time.Second)
			friend, _ := friend.Value(s)
			return friend.EmitWithAck(ctx, "q")
		},
	} {
		bubble(t, "an acknowledgement is awaited while the client floods, "+name, func(t *testing.T) {
			n, told := serve(t, quick()), newJournal()
			n.Of("/other")
			numbered(n.Of("/"), told, func(ctx context.Context, s *socketio.Socket) {
				m, err := ask(ctx, s)
				if err != nil {
					t.Error(err)
					return
				}
				told.add("answer %s", m.Raw(0).JSON)
			})
			c := n.join(t, "/other", "/")
			friend.Set(n.socket(t, c, "/"), n.Of("/other").Sockets()[0])
			go func() {
				for i := range 30 { // more than the inbox holds, less than the bytes that are read beyond
					if err := c.trySend(fmt.Sprintf(`42["e",%d]`, i)); err != nil {
						t.Error(err)
					}
				}
			}()
			switch got := c.next(); got {
			case `420["q"]`:
				c.send("430[7]")
			case `42/other,0["q"]`:
				c.send("43/other,0[7]")
			default:
				t.Errorf("got %q", got)
			}
			told.expect(t, append([]string{"answer 7"}, numbers("/", 0, 30)...)...)
		})
	}
	bubble(t, "an acknowledgement is awaited in OnConnection while the client floods", func(t *testing.T) {
		n, told := serve(t, quick()), newJournal()
		numbered(n.Of("/"), told, func(context.Context, *socketio.Socket) {})
		n.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
			time.Sleep(time.Second)
			_, err := s.EmitWithAck(ctx, "q")
			told.add("%v", err)
			return err
		})
		c := n.join(t)
		c.flood("/", 0, 30, "")
		c.expect(`420["q"]`)
		c.send("430[]")
		told.expect(t, append([]string{"<nil>"}, numbers("/", 0, 30)...)...)
	})
	bubble(t, "a client that floods instead of answering is closed", func(t *testing.T) {
		n, told := serve(t, quick()), newJournal()
		n.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { told.add("%s", reason) })
		numbered(n.Of("/"), told, func(ctx context.Context, s *socketio.Socket) {
			_, err := s.EmitWithAck(ctx, "q")
			told.add("%v", err)
		})
		c := n.join(t)
		c.flood("/", 0, 100, `,"`+strings.Repeat("x", 5_000)+`"`)
		c.closed(`420["q"]`)
		// Event 0 is being handled; 20,000 bytes and as many once more hold seven others.
		told.expect(t, append(append([]string{socketio.ErrClosed.Error()}, numbers("/", 0, 8)...), "forced close")...)
		if got := n.Stats().InboxOverflows; got != 1 {
			t.Errorf("%d overflows counted", got)
		}
	})
	bubble(t, "an event of any size fits an empty one", func(t *testing.T) {
		opts := quick()
		opts.InboxBytes = opts.MaxPayload
		n, told := serve(t, opts), newJournal()
		numbered(n.Of("/"), told, func(context.Context, *socketio.Socket) {})
		c := n.join(t)
		c.flood("/", 0, 3, `,"`+strings.Repeat("x", 9_900)+`"`)
		told.expect(t, numbers("/", 0, 3)...)
	})
	bubble(t, "a handler that waits holds up the reading for two milliseconds", func(t *testing.T) {
		n, told := serve(t, quick()), newJournal()
		numbered(n.Of("/"), told, func(ctx context.Context, _ *socketio.Socket) {
			began := time.Now()
			<-ctx.Done()
			if waited := time.Since(began); waited > 2*time.Millisecond {
				t.Errorf("it took %v until the end was noticed", waited)
			}
		})
		for range 3 {
			c := n.join(t)
			c.flood("/", 0, 1, "")
			synctest.Wait()
			c.conn.Close()
			takenOver()
			told.expect(t, "/ 0")
		}
	})
	bubble(t, "the end of the base context ends nobody's watch", func(t *testing.T) {
		base, cancel := context.WithCancel(t.Context())
		opts := quick()
		opts.BaseContext = base
		n, told := serve(t, opts), newJournal()
		release := make(chan struct{})
		numbered(n.Of("/blocked"), told, func(context.Context, *socketio.Socket) { <-release })
		numbered(n.Of("/free"), told, func(context.Context, *socketio.Socket) {})
		c := n.join(t, "/blocked", "/free")
		cancel()
		c.flood("/blocked", 0, 1, "")
		takenOver()
		c.flood("/free", 1, 2, "")
		told.expect(t, "/free 1")
		close(release)
		told.expect(t, "/blocked 0")
	})
	bubble(t, "the end of the socket lets the reader go", func(t *testing.T) {
		n, told := serve(t, quick()), newJournal()
		release := make(chan struct{})
		numbered(n.Of("/"), told, func(context.Context, *socketio.Socket) { <-release })
		n.On("q", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack() })
		c := n.join(t)
		s := n.socket(t, c, "/")
		c.flood("/", 0, 10, "")
		takenOver()
		s.Disconnect(false)
		c.expect("41")
		c.join("/") // read although the handler of the socket before still waits
		c.send(`420["q"]`)
		c.expect("430[]")
		close(release)
		told.expect(t, numbers("/", 0, 5)...) // one in the handler, four in the inbox; the others came too late
	})
	bubble(t, "the server's end lets the reader go", func(t *testing.T) {
		n, told := serve(t, quick()), newJournal()
		numbered(n.Of("/"), told, func(ctx context.Context, _ *socketio.Socket) { <-ctx.Done() })
		c := n.join(t)
		c.flood("/", 0, 10, "")
		takenOver()
		if err := n.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		told.expect(t, numbers("/", 0, 5)...)
	})
}
