package security_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// CVE-2026-48802: a connection has one goroutine, whatever it sends.
func TestS25_goroutines(t *testing.T) {
	t.Run("of connections that send nothing", func(t *testing.T) {
		r := start(t, setup{})
		const many = 100
		for range many {
			r.open(engineio.WebSocket)
		}
		r.until("one goroutine for each", func() bool { return goroutines() <= r.base.goroutines+many })
		for range many {
			r.handshake() // a session on polling has no goroutine
		}
		r.until("no goroutine for each", func() bool { return goroutines() <= r.base.goroutines+many })
	})
	t.Run("pongs without pings", func(t *testing.T) {
		r := start(t, setup{options: socketio.Options{MaxControlPackets: 5_000}})
		c := r.connect(engineio.WebSocket)
		before := r.io.Stats().Engine.UnsolicitedPongs
		c.wire.send(strings.Repeat(masked(ws.NewTextFrame([]byte("3"))), 4_000))
		c.send(`20["echo",1]`)
		c.expects(`30[1]`)
		if got := r.io.Stats().Engine.UnsolicitedPongs - before; got != 4_000 {
			t.Errorf("%d counted", got)
		}
		r.until("no goroutine but the reader's", func() bool { return goroutines() <= r.base.goroutines+1 })
	})
}

// CVE-2026-34824: one goroutine handles a burst of messages, in order.
func TestS37_bursts(t *testing.T) {
	const many = 5_000
	var running, most atomic.Int64
	r := start(t, setup{before: func(io *socketio.Server) {
		event.OnWithAck(io, event.WithAck[int, int]("n"), func(_ context.Context, _ *socketio.Socket, n int) (int, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			return n, nil
		})
	}})
	c := r.connect(engineio.WebSocket)
	go func() {
		for i := range many {
			c.wire.sendFrame(ws.NewTextFrame(fmt.Appendf(nil, `42%d["n",%d]`, i, i)))
		}
	}()
	for i := range many {
		c.expects(fmt.Sprintf(`3%d[%d]`, i, i))
	}
	if most.Load() != 1 {
		t.Errorf("%d handlers at a time", most.Load())
	}
}

// A flood of connections is refused at the handshake, and open connections still work.
func TestA6_connection_flood(t *testing.T) {
	const most, many = 10, 100 // most includes the canaries
	for name, tt := range map[string]struct {
		options socketio.Options
		counted func(engineio.Stats) int64
		slow    bool // handshakes are still refused when the flood is over
	}{
		"from one address": { // the server ignores X-Forwarded-For, because the client is not a trusted proxy
			options: socketio.Options{MaxConnections: 2 * most, MaxConnectionsPerIP: most},
			counted: func(s engineio.Stats) int64 { return s.TooManyConnectionsPerIP },
		},
		"from many addresses": {
			options: socketio.Options{
				MaxConnections:      most,
				MaxConnectionsPerIP: 3,
				TrustedProxies:      []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
			},
			counted: func(s engineio.Stats) int64 { return s.TooManyConnections },
		},
		"at once": {
			options: socketio.Options{Admission: engineio.Admission{Rate: 1e-6, Burst: most}},
			counted: func(s engineio.Stats) int64 { return s.NotAdmitted },
			slow:    true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{options: tt.options})
			for i := range many {
				a := r.arrives(i)
				if i < most-2 {
					if a.status != 101 && a.status != 200 {
						t.Errorf("connection %d: %v", i, a)
					}
				} else if a.status != 503 || a.header.Get("Retry-After") == "" || !a.closes {
					t.Errorf("connection %d: %v", i, a)
				}
			}
			if got := tt.counted(r.io.Stats().Engine); got != many-(most-2) {
				t.Errorf("%d counted of %d", got, many-(most-2))
			}
			r.checkCanaries()
			r.closeAttackers()
			r.sessions(2)
			if tt.slow {
				if a := r.arrives(0); a.status != 503 {
					t.Errorf("at the end: %v", a)
				}
				return
			}
			r.connect(engineio.WebSocket)
		})
	}
}

// arrives opens one session of a flood, on a websocket and on polling in turn, with a false X-Forwarded-For.
func (r *rig) arrives(i int) answer {
	r.t.Helper()
	target, headers := polling, []string{fmt.Sprintf("X-Forwarded-For: 10.0.0.%d", i)}
	if i%2 == 0 {
		target, headers = websocket, append(headers, upgradeHeaders...)
	}
	w := r.dial()
	w.send(head("GET", target, headers...))
	a, err := w.answer()
	if err != nil {
		r.t.Fatal(err)
	}
	if a.status == 200 {
		r.polls = append(r.polls, sidOf(r.t, a.body))
	}
	return a
}

// A session has at most one poll and one body at a time.
func TestA3_overlapping_requests(t *testing.T) {
	r := start(t, setup{})
	t.Run("polls", func(t *testing.T) {
		c := r.connect(engineio.Polling)
		r.closes(engineio.TransportError, func() {
			first, second := r.dial(), r.dial()
			first.send(head("GET", polling+"&sid="+c.sid))
			pause()
			second.send(head("GET", polling+"&sid="+c.sid))
			a, _ := first.answer()
			b, _ := second.answer()
			if a.status == 400 { // the second arrived first
				a, b = b, a
			}
			if a.String() != "200 1" || b.status != 400 {
				t.Errorf("%v and %v", a, b)
			}
			c.expectClosed(0)
		})
	})
	t.Run("bodies", func(t *testing.T) {
		c := r.connect(engineio.Polling)
		r.closes(engineio.TransportError, func() {
			first := r.dial()
			first.send(head("POST", polling+"&sid="+c.sid, "Content-Length: 100") + "4")
			r.until("the second to be refused", func() bool { // after the first has arrived
				return r.request("POST", polling+"&sid="+c.sid, "6").status == 400
			})
			first.ends()
			c.expectClosed(0)
		})
	})
	t.Run("many held polls", func(t *testing.T) {
		for range 50 {
			c := r.connect(engineio.Polling)
			r.dial().send(head("GET", polling+"&sid="+c.sid))
		}
		r.checkCanaries()
		r.closeAttackers() // a cancelled poll ends its session
		r.sessions(2)
	})
}

// The number of namespaces of a connection is limited, a parent decides which names exist, and empty namespaces are removed.
func TestA7_namespaces(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport engineio.Transport) {
		t.Run("of a connection", func(t *testing.T) {
			r := start(t, setup{options: socketio.Options{CleanupEmptyChildNamespaces: true}, before: func(io *socketio.Server) {
				io.OfPattern(regexp.MustCompile(`^/dynamic-\d+$`))
			}})
			c := r.connect(transport)
			var joins []string
			for i := range 150 {
				joins = append(joins, fmt.Sprintf("0/dynamic-%d,", i))
			}
			c.send(joins...)
			joined, refused := 0, 0
			for range joins {
				switch reply := c.receive(); {
				case strings.HasPrefix(reply, "0/"):
					joined++
				case strings.HasSuffix(reply, `,{"message":"too many namespaces"}`):
					refused++
				default:
					t.Fatalf("got %s", reply)
				}
			}
			if joined != 99 || refused != 51 || r.io.Stats().TooManyNamespaces != 51 {
				t.Errorf("%d joined, %d refused, %d counted", joined, refused, r.io.Stats().TooManyNamespaces)
			}
			c = r.connect(transport)
			for _, name := range []string{"/dynamic-", "/dynamic-x", "/dynamic-1/x", "/x", "/DYNAMIC-1"} {
				c.send("0" + name + ",")
				c.expects(`4` + name + `,{"message":"Invalid namespace"}`)
			}
			r.closeAttackers()
			r.sessions(2)
			r.until("the children to go away", func() bool { return len(r.io.Namespaces()) == 1 })
		})
		t.Run("of the server", func(t *testing.T) {
			r := start(t, setup{options: socketio.Options{MaxChildNamespaces: 20}, before: func(io *socketio.Server) {
				io.OfPattern(regexp.MustCompile(`^/`))
			}})
			refused := 0
			for i := range 30 {
				c := r.open(transport)
				c.send(fmt.Sprintf("0/%d,", i))
				if reply := c.receive(); strings.HasPrefix(reply, "4/") {
					refused++
				}
			}
			if got := r.io.Stats().TooManyNamespaces; refused != 10 || got != 10 {
				t.Errorf("%d refused, %d counted", refused, got)
			}
		})
	})
}

// The number of rooms of a socket and the length of their names are limited.
func TestA8_rooms(t *testing.T) {
	r := start(t, setup{before: func(io *socketio.Server) {
		event.OnWithAck(io, event.WithAck[string, bool]("join"), func(_ context.Context, s *socketio.Socket, room string) (bool, error) {
			err := s.Join(room)
			if err != nil && !errors.Is(err, socketio.ErrTooManyRooms) && !errors.Is(err, socketio.ErrRoomName) {
				return false, err
			}
			return err == nil, nil
		})
	}})
	c := r.connect(engineio.WebSocket)
	const many = 10_050
	go func() {
		for i := range many {
			c.wire.sendFrame(ws.NewTextFrame(fmt.Appendf(nil, `42%d["join","%d"]`, i, i)))
		}
	}()
	for i := range many {
		c.expects(fmt.Sprintf(`3%d[%t]`, i, i < 10_000))
	}
	if got := r.io.Stats().TooManyRooms; got != 50 {
		t.Errorf("%d counted", got)
	}
	c = r.connect(engineio.WebSocket)
	for i, name := range []string{strings.Repeat("r", 512), strings.Repeat("r", 513), "", strings.Repeat("r", 900_000)} {
		c.send(fmt.Sprintf(`2%d["join","%s"]`, i, name))
		c.expects(fmt.Sprintf(`3%d[%t]`, i, i == 0))
	}
}

// Events without a handler are counted and not kept. The length of an event's name is limited.
func TestA9_event_names(t *testing.T) {
	const many = 20_000
	r := start(t, setup{before: reflect})
	c := r.connect(engineio.WebSocket)
	before := r.io.Stats().UnhandledEvents
	padding := strings.Repeat("n", 100)
	for i := range many {
		c.wire.sendFrame(ws.NewTextFrame(fmt.Appendf(nil, `42["%s%d"]`, padding, i)))
	}
	c.send(`20["echo",1]`)
	c.expects(`30[1]`)
	if got := r.io.Stats().UnhandledEvents - before; got != many {
		t.Errorf("%d counted", got)
	}
	base := r.base
	base.goroutines++     // the reader of the client's connection
	base.descriptors += 2 // both ends of it
	r.settles(base)       // while the client is connected: the server keeps none of the names
	eachTransport(t, func(t *testing.T, transport engineio.Transport) {
		for _, name := range []string{strings.Repeat("n", 513), strings.Repeat("n", 900_000), strings.Repeat(`é`, 257)} {
			c := r.connect(transport)
			r.closes(engineio.ParseError, func() { c.send(`2["` + name + `"]`); c.expectClosed(1005) })
		}
	})
}

// Pending acknowledgements are limited in number and time. An acknowledgement that is not pending is counted and ignored.
func TestA10_acknowledgements(t *testing.T) {
	asked := make(chan error, 2_000)
	r := start(t, setup{options: socketio.Options{AckTimeout: 500 * time.Millisecond}, before: func(io *socketio.Server) {
		ask := func(ctx context.Context, s *socketio.Socket, n int) error {
			for range n {
				go func() {
					_, err := event.EmitWithAck(ctx, s, event.WithAck[event.None, int]("question"), event.None{})
					asked <- err
				}()
			}
			return nil
		}
		event.On(io, event.Name[int]("ask"), ask)
	}})
	eachTransport(t, func(t *testing.T, transport engineio.Transport) {
		t.Run("never", func(t *testing.T) {
			c := r.connect(transport)
			before := r.io.Stats().TooManyAcks
			c.send(`2["ask",1200]`)
			full, late := 0, 0
			for range 1_200 {
				switch err := <-asked; {
				case errors.Is(err, socketio.ErrTooManyAcks):
					full++
				case errors.Is(err, context.DeadlineExceeded) || event.AsError(err).Code == event.Timeout:
					late++
				default:
					t.Fatal(err)
				}
			}
			if got := r.io.Stats().TooManyAcks - before; full+late != 1_200 || late < 1_000 || int(got) != full {
				t.Errorf("%d were refused, %d timed out, %d counted", full, late, got)
			}
		})
		t.Run("forged, doubled and late", func(t *testing.T) {
			c := r.connect(transport)
			before := r.io.Stats().UnknownAcks
			c.send(`2["ask",1]`)
			question := c.receive()
			id := between(question, "2", "[")
			if id == "" {
				t.Fatalf("got %s", question)
			}
			c.send(`3`+id+`[5]`, `3`+id+`[6]`, `3`+id+`[7]`, `399999["x"]`, `318446744073709551615[]`, `3/,`+id+`[1]`)
			if err := <-asked; err != nil {
				t.Error(err)
			}
			c.send(`20["echo",1]`)
			c.expects(`30[1]`)
			if got := r.io.Stats().UnknownAcks - before; got != 5 {
				t.Errorf("%d counted", got)
			}
		})
		t.Run("asked for", func(t *testing.T) { // requested by the client: the server keeps nothing for them
			c := r.connect(transport)
			for i := range 100 {
				c.send(fmt.Sprintf(`2%d["nobody"]`, 18446744073709551515+uint64(i)))
			}
			c.send(`20["echo",1]`)
			c.expects(`30[1]`)
		})
	})
}
