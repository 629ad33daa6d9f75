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

	"github.com/parleyio/parley/socketio"
)

// outcomes writes down what becomes of sessions.
func outcomes(r *socketio.Recovery) journal {
	told := newJournal()
	r.OnFailed = func(_ *socketio.Socket, err error) { told.add("failed: %v", err) }
	r.OnExpired = func(id string) { told.add("expired %s", id) }
	return told
}

func TestRecovery_expiry(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit time.Duration
		away  time.Duration
		again bool
	}{
		{"in time by default", 0, 2*time.Minute - time.Millisecond, true},
		{"too late by default", 0, 2 * time.Minute, false},
		{"in time", time.Second, time.Second - time.Millisecond, true},
		{"too late", time.Second, time.Second, false},
		{"never", -1, 1000 * time.Hour, true},
	} {
		bubble(t, c.name, func(t *testing.T) {
			r := &socketio.Recovery{MaxDisconnection: c.limit}
			told := outcomes(r)
			n, client, k := recovering(t, r)
			must(t, n.Emit("e"))
			k = k.behind(client.next())
			client.cut()
			time.Sleep(c.away / 2)
			must(t, n.Emit("missed"))
			time.Sleep(c.away - c.away/2)
			synctest.Wait() // for what else happens at this very moment
			_, again, before := n.back(t, k)
			continues(t, k, again, c.again)
			if c.again {
				told.expect(t)
				if len(before) != 1 {
					t.Errorf("got %q", before)
				}
				return
			}
			told.expect(t, "expired "+k.SID, "failed: "+socketio.ErrUnknownSession.Error())
		})
	}
	bubble(t, "is told without anybody asking", func(t *testing.T) {
		told := newJournal()
		n, c, k := recovering(t, &socketio.Recovery{MaxDisconnection: time.Second, OnExpired: func(id string) {
			told.add("%s", id)
			panic("the application's fault")
		}})
		other := n.join2(t)
		c.cut()
		told.expect(t)
		time.Sleep(time.Second)
		told.expect(t, k.SID)
		other.Disconnect(true) // for good: there is nothing that could expire
		time.Sleep(time.Hour)
		told.expect(t)
	})
	bubble(t, "is not told of those who are back", func(t *testing.T) {
		r := &socketio.Recovery{MaxDisconnection: time.Second}
		told := outcomes(r)
		n, c, k := recovering(t, r)
		for range 5 {
			c.cut()
			time.Sleep(900 * time.Millisecond)
			c, k, _ = n.back(t, k)
		}
		told.expect(t)
	})
}

func TestRecovery_bounds(t *testing.T) {
	// emit sends events with about 1 KB and returns the messages of the first.
	emit := func(t *testing.T, n *node, c *client, events int) (first string) {
		for i := range events {
			must(t, n.Emit("e", i, strings.Repeat("x", 1000)))
			if i == 0 {
				first = c.next()
			}
		}
		return first
	}
	for name, c := range map[string]struct {
		limits socketio.Recovery
		missed int
		want   error
	}{
		"as many packets as are kept": {socketio.Recovery{MaxPackets: 10}, 10, nil},
		"one packet more":             {socketio.Recovery{MaxPackets: 10}, 11, socketio.ErrUnknownOffset},
		"about as many bytes":         {socketio.Recovery{MaxBytes: 20_000}, 12, nil},
		"more bytes":                  {socketio.Recovery{MaxBytes: 20_000}, 25, socketio.ErrUnknownOffset},
		"no limit":                    {socketio.Recovery{MaxPackets: -1, MaxBytes: -1}, 60, nil},
	} {
		bubble(t, name, func(t *testing.T) {
			r := &c.limits
			told := outcomes(r)
			n, client, k := recovering(t, r)
			k = k.behind(emit(t, n, client, 1))
			client.cut()
			for range c.missed {
				must(t, n.Emit("missed", strings.Repeat("x", 1000)))
			}
			_, again, before := n.back(t, k)
			continues(t, k, again, c.want == nil)
			if c.want == nil {
				told.expect(t)
				if len(before) != c.missed {
					t.Errorf("%d events", len(before))
				}
				return
			}
			synctest.Wait()
			got := told.take()
			slices.Sort(got)
			if want := []string{"expired " + k.SID, "failed: " + c.want.Error()}; !slices.Equal(got, want) || len(before) > 0 {
				t.Errorf("got %q and %d events", got, len(before))
			}
		})
	}
	bubble(t, "sessions", func(t *testing.T) {
		r := &socketio.Recovery{MaxSessions: 2}
		told := outcomes(r)
		n, c, oldest := recovering(t, r)
		c.cut()
		var latest ticket
		for range 2 {
			c = n.dial(t)
			latest, _ = c.enter("/", "")
			c.cut()
		}
		told.expect(t, "expired "+oldest.SID)
		_, again, _ := n.back(t, latest)
		continues(t, latest, again, true)
		_, again, _ = n.back(t, oldest)
		continues(t, oldest, again, false)
	})
	// A client whose missed packets do not fit into its send queue would come back for ever.
	bubble(t, "more than the send queue takes", func(t *testing.T) {
		r := &socketio.Recovery{}
		told := outcomes(r)
		n, c, k := recovering(t, r)
		k = k.behind(emit(t, n, c, 1))
		c.cut()
		for range 1000 { // of a megabyte, and there is room for a tenth
			must(t, n.Emit("missed", strings.Repeat("x", 1000)))
		}
		c = n.open(t)
		c.send("40" + k.auth())
		synctest.Wait()
		told.expect(t, "failed: "+socketio.ErrQueueFull.Error(), "expired "+k.SID)
		if len(n.Sockets()) > 0 {
			t.Error("a socket is left")
		}
		_, again, before := n.back(t, k)
		continues(t, k, again, false)
		if len(before) > 0 {
			t.Errorf("got %d events", len(before))
		}
		told.expect(t, "failed: "+socketio.ErrUnknownSession.Error())
	})
	bubble(t, "what a returning client has missed is gone while its middlewares run", func(t *testing.T) {
		r := &socketio.Recovery{MaxPackets: 5}
		told := outcomes(r)
		n, c, k := recovering(t, r)
		c.cut()
		must(t, n.Emit("missed"))
		release := make(chan struct{})
		n.Use(func(context.Context, *socketio.Socket) error { <-release; return nil })
		c = n.dial(t)
		c.send("40" + k.auth())
		synctest.Wait()
		for range 6 { // those that were there when it came back have been read
			must(t, n.Emit("more"))
		}
		close(release)
		c.closed()
		synctest.Wait()
		got := told.take()
		slices.Sort(got)
		want := []string{"expired " + k.SID, "failed: socketio: resuming a session: " + socketio.ErrUnknownOffset.Error()}
		if !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		_, again, _ := n.back(t, k)
		continues(t, k, again, false)
	})
}

// Rooms count once, however often the socket comes back and whoever has joined them.
func TestRecovery_MaxRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, &socketio.Options{Recovery: &socketio.Recovery{}, MaxRooms: 3})
		n.Use(func(_ context.Context, s *socketio.Socket) error { return s.Join("lobby") })
		c := n.dial(t)
		k, _ := c.enter("/", "")
		must(t, n.socket(t, c, "/").Join("a"))
		for range 5 {
			c.cut()
			c, k, _ = n.back(t, k)
		}
		s := n.socket(t, c, "/")
		must(t, s.Join("b"), s.Join("lobby", "a"))
		if err := s.Join("c"); !errors.Is(err, socketio.ErrTooManyRooms) {
			t.Errorf("got %v", err)
		}
		s.Leave("a", "lobby", "b")
		must(t, s.Join("x", "y", "z"))
		if got := s.Rooms(); !slices.Equal(got, []string{"x", "y", "z"}) {
			t.Errorf("got %q", got)
		}
	})
}

// The data of the earlier socket and that of its successor are apart.
func TestRecovery_data(t *testing.T) {
	count := socketio.NewData[int]("count")
	synctest.Test(t, func(t *testing.T) {
		n, c, k := recovering(t, &socketio.Recovery{})
		n.OnDisconnect(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) { _ = count.Set(s, -1) }) // too late to be kept
		n.Use(func(_ context.Context, s *socketio.Socket) error {
			v, ok := count.Value(s)
			if ok != s.Recovered() {
				return fmt.Errorf("%d %v", v, ok)
			}
			return count.Set(s, v+1)
		})
		old := n.socket(t, c, "/")
		must(t, count.Set(old, 1))
		for i := range 3 {
			c.cut()
			var again ticket
			c, again, _ = n.back(t, k)
			continues(t, k, again, true)
			s := n.socket(t, c, "/")
			must(t, count.Set(old, 100))
			if v, _ := count.Value(s); v != i+2 {
				t.Errorf("%d, want %d", v, i+2)
			}
			old = s
		}
	})
}
