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

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// collected is the outcome of an EmitWithAcks.
type collected struct {
	answers []string // the arguments of each, in order of arrival
	err     error
	after   time.Duration
}

// askAll asks from a goroutine.
func askAll(ctx context.Context, b event.AllEmitter, args ...any) <-chan collected {
	outcome := make(chan collected, 1)
	go func() {
		began := time.Now()
		messages, err := b.EmitWithAcks(ctx, "q", args...)
		c := collected{err: err}
		for _, m := range messages {
			var all []any
			for i := range m.Len() {
				var v any
				if err := m.Scan(append(make([]any, i), &v)...); err != nil {
					c.err = errors.Join(c.err, err)
				}
				all = append(all, v)
			}
			c.answers = append(c.answers, fmt.Sprint(all))
		}
		c.after = time.Since(began)
		outcome <- c
	}()
	synctest.Wait()
	return outcome
}

// expect compares an outcome; missing is the number of those who have not answered, because of an error.
func (c collected) expect(t testing.TB, missing int, because error, answers ...string) {
	t.Helper()
	if !slices.Equal(c.answers, answers) {
		t.Errorf("answers %q, want %q", c.answers, answers)
	}
	var incomplete *socketio.IncompleteError
	switch {
	case missing == 0 && c.err == nil:
	case !errors.As(c.err, &incomplete) || len(incomplete.Sockets) != missing || !errors.Is(incomplete.Err, because):
		t.Errorf("got %v, want %d missing, %v", c.err, missing, because)
	}
}

func TestBroadcast_EmitWithAcks(t *testing.T) {
	asking := func(name string, opts *socketio.Options, f func(t *testing.T, n *node, a, b, c *client)) {
		bubble(t, name, func(t *testing.T) {
			n, clients := trio(t, opts)
			f(t, n, clients["a"], clients["b"], clients["c"])
			synctest.Wait()
			// Whatever has happened, nothing is left that counts as awaited.
			for _, s := range n.Sockets() {
				for range 2 {
					ctx, cancel := context.WithCancel(t.Context())
					cancel()
					if _, err := s.EmitWithAck(ctx, "left"); errors.Is(err, socketio.ErrTooManyAcks) {
						t.Error("acknowledgements are left")
					}
				}
			}
		})
	}
	two := &socketio.Options{MaxAcks: 2}
	asking("all, in their order", two, func(t *testing.T, n *node, a, b, c *client) {
		outcome := askAll(t.Context(), n, "x")
		for _, client := range []*client{a, b, c} {
			client.expect(`420["q","x"]`)
		}
		for i, client := range []*client{c, a, b} {
			client.send(fmt.Sprintf(`430[%d,"more"]`, i))
			synctest.Wait()
		}
		(<-outcome).expect(t, 0, nil, "[0 more]", "[1 more]", "[2 more]")
	})
	asking("of rooms", two, func(t *testing.T, n *node, a, b, c *client) {
		outcome := askAll(t.Context(), n.To("red", "blue").Except(c.sid).Local())
		a.expect(`420["q"]`)
		b.expect(`420["q"]`) // once, though it is in both
		a.send("430[]")
		synctest.Wait()
		b.send("430[]", "430[]")
		(<-outcome).expect(t, 0, nil, "[]", "[]")
		c.quiet()
		if got := n.Stats().UnknownAcks; got != 1 {
			t.Errorf("%d unknown", got)
		}
	})
	asking("of the others, by a handler", two, func(t *testing.T, n *node, a, b, c *client) {
		n.On("ask", func(ctx context.Context, s *socketio.Socket, m *event.Message) error {
			answers, err := s.Broadcast().EmitWithAcks(ctx, "q")
			return errors.Join(err, m.Ack(len(answers)))
		})
		a.send(`427["ask"]`)
		for _, client := range []*client{b, c} {
			client.expect(`420["q"]`)
			client.send("430[]")
		}
		a.expect("437[2]")
	})
	asking("binary", two, func(t *testing.T, n *node, a, b, c *client) {
		outcome := askAll(t.Context(), n.To("red"), []byte{7})
		a.expect(`451-0["q",{"_placeholder":true,"num":0}]`, "<07>")
		b.expect(`451-0["q",{"_placeholder":true,"num":0}]`, "<07>")
		a.send(`461-0[{"_placeholder":true,"num":0}]`, "<0102>")
		synctest.Wait()
		b.send(`462-0[[{"_placeholder":true,"num":0}],{"_placeholder":true,"num":1}]`, "<03>", "<04>")
		(<-outcome).expect(t, 0, nil, "[[1 2]]", "[[[3]] [4]]")
	})
	asking("nobody there", two, func(t *testing.T, n *node, a, b, c *client) {
		outcome := <-askAll(t.Context(), n.To("green"))
		outcome.expect(t, 0, nil)
		if outcome.after != 0 {
			t.Errorf("waited %v", outcome.after)
		}
	})
	asking("one answers for itself only", two, func(t *testing.T, n *node, a, b, c *client) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		outcome := askAll(ctx, n)
		a.send(`430[1]`, `430[2]`, `430[3]`)
		(<-outcome).expect(t, 2, context.DeadlineExceeded, "[1]")
		b.send("430[4]") // too late
		synctest.Wait()
		if got := n.Stats().UnknownAcks; got != 3 {
			t.Errorf("%d unknown", got)
		}
	})
	asking("until AckTimeout", two, func(t *testing.T, n *node, a, b, c *client) {
		outcome := <-askAll(t.Context(), n)
		outcome.expect(t, 3, context.DeadlineExceeded)
		if outcome.after != 30*time.Second {
			t.Errorf("waited %v", outcome.after)
		}
	})
	asking("until the context is cancelled", two, func(t *testing.T, n *node, a, b, c *client) {
		ctx, cancel := context.WithCancel(t.Context())
		outcome := askAll(ctx, n)
		cancel()
		(<-outcome).expect(t, 3, context.Canceled)
	})
	asking("some disconnect", two, func(t *testing.T, n *node, a, b, c *client) {
		outcome := askAll(t.Context(), n)
		a.cut()
		b.send("430[1]")
		synctest.Wait()
		c.send("41")
		(<-outcome).expect(t, 2, nil, "[1]")
	})
	asking("some disconnect, others are late", two, func(t *testing.T, n *node, a, b, c *client) {
		outcome := askAll(t.Context(), n)
		a.cut()
		b.send("430[1]")
		got := <-outcome
		got.expect(t, 2, context.DeadlineExceeded, "[1]")
	})
	asking("who owes too many is not asked", &socketio.Options{MaxAcks: 1}, func(t *testing.T, n *node, a, b, c *client) {
		ctx, cancel := context.WithCancel(t.Context())
		owed := ask(ctx, n.socket(t, a, "/"))
		a.expect(`420["q"]`)
		outcome := askAll(t.Context(), n.To("red"))
		b.send("431[1]")
		(<-outcome).expect(t, 1, nil, "[1]")
		a.quiet()
		if got := n.Stats().TooManyAcks; got != 1 {
			t.Errorf("%d counted", got)
		}
		cancel()
		<-owed
	})
	asking("volatile, to a client that cannot take it", two, func(t *testing.T, n *node, a, b, c *client) {
		p := n.poll(t) // between two polls it can take nothing
		id := p.join()
		outcome := <-askAll(t.Context(), n.In(id).Volatile())
		outcome.expect(t, 1, nil)
		p.post("41")
	})
	asking("an error of encoding", two, func(t *testing.T, n *node, a, b, c *client) {
		for _, args := range [][]any{{func() {}}, {map[string]any{"_placeholder": true, "num": 0}, []byte{1}}} {
			outcome := <-askAll(t.Context(), n, args...)
			var incomplete *socketio.IncompleteError
			if outcome.err == nil || errors.As(outcome.err, &incomplete) {
				t.Errorf("got %v", outcome.err)
			}
		}
		if _, err := n.EmitWithAcks(t.Context(), "disconnect"); err == nil {
			t.Error("a reserved name")
		}
		a.quiet()
	})
	asking("while the server is shut down", two, func(t *testing.T, n *node, a, b, c *client) {
		outcome := askAll(t.Context(), n)
		must(t, n.Shutdown(t.Context()))
		(<-outcome).expect(t, 3, nil)
		if got := <-askAll(t.Context(), n); !errors.Is(got.err, socketio.ErrClosed) {
			t.Errorf("afterwards: %v", got.err)
		}
	})
}

func TestBroadcast_EmitWithAcks_typed(t *testing.T) {
	const q = event.WithAck[int, string]("q")
	synctest.Test(t, func(t *testing.T) {
		n, clients := trio(t, nil)
		type result struct {
			answers []string
			err     error
		}
		outcome := make(chan result)
		all := func(e event.AllEmitter) {
			answers, err := event.EmitAll(t.Context(), e, q, 7)
			slices.Sort(answers)
			outcome <- result{answers, err}
		}
		go all(n)
		for name, c := range clients {
			c.expect(`420["q",7]`)
			c.send(`430["` + name + `","ignored"]`)
		}
		if r := <-outcome; r.err != nil || !slices.Equal(r.answers, []string{"a", "b", "c"}) {
			t.Errorf("%q, %v", r.answers, r.err)
		}
		go all(n.Of("/").Except("none"))
		synctest.Wait()
		clients["a"].send(`431["a"]`)
		clients["b"].send(`431[{"error":{"code":"forbidden","message":"no"}}]`)
		r := <-outcome
		var incomplete *socketio.IncompleteError
		var failure *event.Error
		if !slices.Equal(r.answers, []string{"a"}) || !errors.As(r.err, &incomplete) || !slices.Equal(incomplete.Sockets, []string{clients["c"].sid}) ||
			!errors.As(r.err, &failure) || failure.Code != event.Forbidden || !errors.Is(r.err, context.DeadlineExceeded) {
			t.Errorf("%q, %v", r.answers, r.err)
		}
	})
}

// Broadcasts that ask many at once lose no answer and count none twice.
func TestBroadcast_EmitWithAcks_many(t *testing.T) {
	const clients, questions = 20, 30
	n := serve(t, nil)
	for range clients {
		c := n.join(t)
		go func() {
			for m := range c.in {
				// 42<id>["q",<number>]
				if id, number, ok := strings.Cut(strings.TrimPrefix(m, "42"), `["q",`); ok {
					_ = c.trySend("43" + id + "[" + number)
				}
			}
		}()
	}
	outcomes := make(chan error, questions)
	for i := range questions {
		go func() {
			answers, err := event.EmitAll(t.Context(), n, event.WithAck[int, int]("q"), i)
			if err == nil && (len(answers) != clients || slices.ContainsFunc(answers, func(v int) bool { return v != i })) {
				err = fmt.Errorf("question %d: %v", i, answers)
			}
			outcomes <- err
		}()
	}
	for range questions {
		if err := <-outcomes; err != nil {
			t.Error(err)
		}
	}
}
