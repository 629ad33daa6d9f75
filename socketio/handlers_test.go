package socketio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

func TestNamespace_On_errors(t *testing.T) {
	const wrong = `{"error":{"code":"internal","message":"internal"}}`
	tests := map[string]struct {
		handler event.Handler[*socketio.Socket]
		ack     string // to the event with an id
		heard   string // by OnError, of the event without one
		logged  string // when there is no OnError
	}{
		"no error": {
			func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack() },
			`430[]`, "", "",
		},
		"an event error": {
			fails(&event.Error{Code: "forbidden", Message: "not yours", Data: map[string]int{"room": 7}}),
			`430[{"error":{"code":"forbidden","message":"not yours","data":{"room":7}}}]`, "forbidden: not yours", "DEBUG",
		},
		"a wrapped one": {
			fails(fmt.Errorf("saving: %w", &event.Error{Code: "full", Message: "no room"})),
			`430[{"error":{"code":"full","message":"no room"}}]`, "saving: full: no room", "DEBUG",
		},
		"one with binary data": {
			fails(&event.Error{Code: "x", Message: "y", Data: []byte{7}}),
			`461-0[{"error":{"code":"x","message":"y","data":{"_placeholder":true,"num":0}}}]`, "x: y", "DEBUG",
		},
		"one with data that cannot be encoded": {
			fails(&event.Error{Code: "x", Message: "y", Data: func() {}}),
			`430[{"error":{"code":"x","message":"y"}}]`, "x: y", "DEBUG",
		},
		"one with data that panics": {
			fails(&event.Error{Code: "x", Message: "y", Data: panics{}}), `430[` + wrong + `]`, "x: y", "DEBUG",
		},
		"another error":     {fails(errors.New("database is down")), `430[` + wrong + `]`, "database is down", "WARN"},
		"a nil event error": {fails((*event.Error)(nil)), `430[` + wrong + `]`, "nil", "WARN"},
		"a panic": {
			func(context.Context, *socketio.Socket, *event.Message) error { panic("oh no") },
			`430[` + wrong + `]`, "socketio: panic in a handler: oh no", "ERROR",
		},
		"a wrong payload": {
			func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
				var n struct{ Count int }
				return m.Scan(&n)
			},
			`430[{"error":{"code":"invalid","message":"argument 1, field \"Count\": `, "invalid: argument 1", "WARN",
		},
		"an error after the acknowledgement": {
			func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
				return errors.Join(m.Ack("done"), errors.New("late"))
			},
			`430["done"]`, "late", "WARN",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				heard := newJournal()
				n := serve(t, &socketio.Options{OnError: func(_ context.Context, s *socketio.Socket, name string, err error) {
					if e, ok := err.(*event.Error); ok && e == nil {
						heard.add("%s nil", name)
						return
					}
					heard.add("%s %v", name, err)
				}})
				n.On("e", tt.handler)
				c := n.join(t)
				c.send(`420["e",{"Count":"many"}]`)
				if got := c.next(); !strings.HasPrefix(got, tt.ack) {
					t.Errorf("got %q", got)
				}
				c.came()
				heard.expect(t) // who asked for an acknowledgement is told, and nobody else
				c.send(`42["e",{"Count":"many"}]`)
				c.quiet()
				got := strings.Join(heard.take(), "; ")
				if (tt.heard == "") != (got == "") || tt.heard != "" && !strings.HasPrefix(got, "e "+tt.heard) {
					t.Errorf("OnError heard %q", got)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				n := serve(t, &socketio.Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
				n.On("e", tt.handler)
				c := n.join(t)
				c.send(`42["e",{"Count":"many"}]`)
				c.quiet()
				if got := log.String(); (tt.logged == "") != (got == "") || strings.Count(got, "level=") > 1 || !strings.Contains(got, tt.logged) {
					t.Errorf("logged %q", got)
				}
			})
		})
	}
}

// fails returns a handler that returns an error.
func fails(err error) event.Handler[*socketio.Socket] {
	return func(context.Context, *socketio.Socket, *event.Message) error { return err }
}

func TestNamespace_On_panic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, &socketio.Options{OnError: func(context.Context, *socketio.Socket, string, error) { panic("in OnError") }})
		n.On("bad", func(context.Context, *socketio.Socket, *event.Message) error { panic("in a handler") })
		n.On("good", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack() })
		n.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { panic("in OnDisconnect") })
		told := newJournal()
		n.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { told.add("second") })
		c := n.join(t)
		c.send(`42["bad"]`, `420["good"]`)
		c.expect("430[]")
		c.send("41")
		told.expect(t, "second")
		if got := n.Stats().HandlerPanics; got != 3 {
			t.Errorf("%d panics counted", got)
		}
	})
}

// A test that fails in a handler ends the handler's goroutine; neither the process nor Shutdown may suffer.
func TestNamespace_On_goexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		n.On("exit", func(context.Context, *socketio.Socket, *event.Message) error { runtime.Goexit(); return nil })
		n.On("ok", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack() })
		event.Concurrent(n).On("exit beside", func(context.Context, *socketio.Socket, *event.Message) error {
			runtime.Goexit()
			return nil
		})
		c, other := n.join(t), n.join(t)
		other.send(`42["exit beside"]`, `420["ok"]`)
		other.expect("430[]")
		c.send(`42["exit"]`)
		c.closed()
		other.send(`421["ok"]`)
		other.expect("431[]")
	})
}

func TestNamespace_On_order(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		told := newJournal()
		release := make(chan struct{})
		handler := func(label string) event.Handler[*socketio.Socket] {
			return func(ctx context.Context, s *socketio.Socket, m *event.Message) error {
				var i int
				if err := m.Scan(&i); err != nil {
					return err
				}
				if i == 0 {
					<-release
				}
				told.add("%s %d", label, i)
				return nil
			}
		}
		n.On("e", handler("first"))
		off := n.On("e", handler("gone"))
		n.On("e", handler("second"))
		off()
		c := n.join(t)
		n.socket(t, c, "/").On("e", handler("own"))
		var want []string
		for i := range 50 {
			c.send(fmt.Sprintf(`42["e",%d]`, i))
			want = append(want, fmt.Sprint("first ", i), fmt.Sprint("second ", i), fmt.Sprint("own ", i))
		}
		told.expect(t)
		close(release)
		told.expect(t, want...)
		c.send(`42["nobody"]`)
		synctest.Wait()
		if got := n.Stats().UnhandledEvents; got != 1 {
			t.Errorf("%d unhandled events counted", got)
		}
	})
}

func TestConcurrent(t *testing.T) {
	setup := func(t *testing.T, opts *socketio.Options) (*node, *client, chan struct{}, journal) {
		n, told, release := serve(t, opts), newJournal(), make(chan struct{})
		event.Concurrent(n).On("slow", func(ctx context.Context, s *socketio.Socket, m *event.Message) error {
			told.add("slow begins")
			<-release
			told.add("slow ends")
			return m.Ack("slow")
		})
		n.On("fast", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack("fast") })
		n.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { told.add("%s", reason) })
		return n, n.join(t), release, told
	}
	t.Run("runs beside the order", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, c, release, _ := setup(t, nil)
			c.send(`420["slow"]`, `421["fast"]`)
			c.expect(`431["fast"]`)
			close(release)
			c.expect(`430["slow"]`)
		})
	})
	t.Run("is bounded by the inbox", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, c, release, told := setup(t, &socketio.Options{InboxPackets: 2})
			c.send(`420["slow"]`, `421["slow"]`, `422["slow"]`, `423["fast"]`)
			told.expect(t, "slow begins", "slow begins", "slow begins")
			c.quiet() // the third holds up the order
			close(release)
			if got := c.came(); len(got) != 4 {
				t.Errorf("got %q", got)
			}
		})
	})
	t.Run("ends before the disconnect is told", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, c, release, told := setup(t, nil)
			c.send(`42["slow"]`, `42["slow"]`)
			told.expect(t, "slow begins", "slow begins")
			c.conn.Close()
			told.expect(t)
			close(release)
			told.expect(t, "slow ends", "slow ends", "transport close")
		})
	})
	t.Run("a panic and an error are told", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := serve(t, nil)
			event.OnWithAck(event.Concurrent(n), "bad", func(_ context.Context, _ *socketio.Socket, text string) (event.None, error) {
				if text == "panic" {
					panic(text)
				}
				return event.None{}, &event.Error{Code: "x", Message: text}
			})
			c := n.join(t)
			c.send(`420["bad","panic"]`)
			c.expect(`430[{"error":{"code":"internal","message":"internal"}}]`)
			c.send(`421["bad","error"]`)
			c.expect(`431[{"error":{"code":"x","message":"error"}}]`)
		})
	})
}
