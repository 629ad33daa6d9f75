package engineio_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/memnet"
)

// overLimit checks that neither transport has room for a new session, that clients are told when to come back, and that
// the origin is still checked first.
func (r *rig) overLimit(retryAfter string) {
	r.t.Helper()
	a := r.do("GET", "?EIO=4&transport=polling", "")
	if a.status != 503 || a.header.Get("Retry-After") != retryAfter {
		r.t.Errorf("polling: %d %q, Retry-After %q", a.status, a.body, a.header.Get("Retry-After"))
	}
	if _, a := r.ask("?EIO=4&transport=websocket"); a.status != 503 || a.header.Get("Retry-After") != retryAfter {
		r.t.Errorf("websocket: %d, headers %v", a.status, a.header)
	} else if r.net.pipe == nil && a.header.Get("Connection") != "close" {
		r.t.Errorf("websocket: the connection stays open: %v", a.header)
	}
	if a := r.do("GET", "?EIO=4&transport=polling", "", "Origin: https://evil.example"); a.status != 403 {
		r.t.Errorf("foreign origin: %d", a.status)
	}
}

// TestMaxConnections has a single place, and gives it back on every way in which a session ends or does not come about.
func TestMaxConnections(t *testing.T) {
	type ending func(t *testing.T, r *rig)
	polling := func(end func(*poller, *peer)) ending {
		return func(t *testing.T, r *rig) {
			c, p := r.poll()
			r.overLimit("5")
			end(c, p)
			receive(t, r.net.patience, "the end of the session", p.closed)
		}
	}
	websocket := func(end func(*socket, *peer)) ending {
		return func(t *testing.T, r *rig) {
			c, p := r.websocket()
			r.overLimit("5")
			end(c, p)
			receive(t, r.net.patience, "the end of the session", p.closed)
		}
	}
	refused := func(query string, status int) ending {
		return func(t *testing.T, r *rig) {
			if a, err := r.try("GET", query, ""); status != 0 && (err != nil || a.status != status) {
				t.Errorf("%d %s, %v", a.status, a.body, err)
			}
			c, a := r.ask(strings.Replace(query, "polling", "websocket", 1))
			if a.status == 101 {
				c.isLeft()
			}
		}
	}
	endings := map[string]ending{
		"polling, closed by the client":  polling(func(c *poller, _ *peer) { c.posts("1") }),
		"polling, closed by the server":  polling(func(c *poller, p *peer) { p.Session.Close(); c.do("GET", c.query, "") }),
		"polling, aborted":               polling(func(_ *poller, p *peer) { p.Abort(engineio.ParseError, nil) }),
		"polling, a bad packet":          polling(func(c *poller, _ *peer) { c.do("POST", c.query, "x") }),
		"polling, silent":                polling(func(*poller, *peer) { time.Sleep(time.Minute) }),
		"websocket, closed":              websocket(func(c *socket, _ *peer) { c.sends(ws.NewCloseFrame(nil)) }),
		"websocket, closed by a packet":  websocket(func(c *socket, _ *peer) { c.says("1") }),
		"websocket, closed by us":        websocket(func(_ *socket, p *peer) { p.Session.Close() }),
		"websocket, lost":                websocket(func(c *socket, _ *peer) { c.conn.Close() }),
		"websocket, reset":               websocket(func(c *socket, _ *peer) { c.reset() }),
		"websocket, silent":              websocket(func(*socket, *peer) { time.Sleep(time.Minute) }),
		"websocket, a violation":         websocket(func(c *socket, _ *peer) { c.breaksRule() }),
		"websocket, does not read":       websocket(func(_ *socket, p *peer) { p.Abort(engineio.SlowConsumer, nil) }),
		"upgraded, lost":                 polling(func(c *poller, _ *peer) { upgraded(c).conn.Close() }),
		"lost during an upgrade":         polling(func(c *poller, p *peer) { c.probe().says("2probe"); p.Abort(engineio.TransportClose, nil) }),
		"not allowed":                    refused("?EIO=4&transport=polling&fail=allow", 403),
		"another revision":               refused("?EIO=3&transport=polling", 400),
		"no id":                          refused("?EIO=4&transport=polling&fail=id", 400),
		"a panic of AllowRequest":        refused("?EIO=4&transport=polling&fail=panic-allow", 0),
		"a panic of GenerateID":          refused("?EIO=4&transport=polling&fail=panic-id", 0),
		"a panic of InitialHeaders":      refused("?EIO=4&transport=polling&fail=panic-headers", 0),
		"a writer that cannot hijack":    func(_ *testing.T, r *rig) { r.lostUpgrade("?EIO=4&transport=websocket&fail=hijack") },
		"a writer that panics":           func(_ *testing.T, r *rig) { r.lostUpgrade("?EIO=4&transport=websocket&fail=panic-hijack") },
		"a websocket that is none":       func(_ *testing.T, r *rig) { r.badUpgrade() },
		"a handler that cannot be made":  refused("?EIO=4&transport=polling&fail=accept", 200),
		"a foreign origin, and a method": func(_ *testing.T, r *rig) { r.do("POST", "?EIO=4&transport=polling", "x") },
	}
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, n *network) {
				fails := func(r *http.Request, how string) bool { return r.URL.Query().Get("fail") == how }
				s := setup{options: engineio.Options{
					MaxConnections: 1,
					AllowRequest: func(r *http.Request) error {
						if fails(r, "panic-allow") {
							panic(http.ErrAbortHandler)
						}
						if fails(r, "allow") {
							return errors.New("no")
						}
						return nil
					},
					GenerateID: func(r *http.Request) (string, error) {
						if fails(r, "panic-id") {
							panic(http.ErrAbortHandler)
						}
						if fails(r, "id") {
							return "", errors.New("no")
						}
						return engineio.NewID(), nil
					},
					InitialHeaders: func(_ http.Header, r *http.Request) {
						if fails(r, "panic-headers") {
							panic(http.ErrAbortHandler)
						}
					},
				}, wrap: func(h http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if fails(r, "hijack") || fails(r, "panic-hijack") {
							w = wrongWriter{w, fails(r, "panic-hijack")}
						}
						h.ServeHTTP(w, r)
					})
				}}
				if name == "a handler that cannot be made" {
					s.accept = func(p *peer) {
						if strings.Contains(p.Request().URL, "fail=accept") {
							p.Session.Close()
						}
					}
				}
				r := start(t, n, s)
				end(t, r)
				eventually(t, n.patience, "the place", func() bool { return r.engine.SessionCount() == 0 })
				for len(r.peers) > 0 {
					<-r.peers
				}
				_, p := r.websocket()
				r.overLimit("5")
				p.Abort(engineio.ForcedClose, nil)
			})
		})
	}
}

// upgraded moves a session to a websocket, which has the same place.
func upgraded(c *poller) *socket {
	probe := c.probe()
	probe.says("2probe")
	probe.hears("3probe")
	probe.says("5")
	eventually(c.t, c.net.patience, "the upgrade", func() bool {
		a := c.do("GET", c.query, "")
		return strings.Contains(a.body, `"code"`)
	})
	return probe
}

// badUpgrade asks for a websocket in the wrong way.
func (r *rig) badUpgrade() {
	if r.net.pipe != nil {
		if a := r.do("GET", "?EIO=4&transport=pipe", "", "Pipe: unknown"); a.status != 400 {
			r.t.Errorf("status %d", a.status)
		}
		return
	}
	c := r.raw()
	c.write(strings.Replace(websocketRequest("?EIO=4&transport=websocket"), "Version: 13", "Version: 8", 1))
	if got := c.response().StatusCode; got != 400 {
		r.t.Errorf("status %d", got)
	}
}

// lostUpgrade asks for a websocket that does not come about.
func (r *rig) lostUpgrade(query string) {
	if r.net.pipe != nil {
		return // it takes nothing from the HTTP server
	}
	if _, a := r.ask(query); a.status == 101 {
		r.t.Errorf("answered %v", a)
	}
}

// wrongWriter is an http.ResponseWriter that does not give its connection away.
type wrongWriter struct {
	http.ResponseWriter
	panics bool
}

// Hijack implements http.Hijacker.
func (w wrongWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.panics {
		panic(http.ErrAbortHandler)
	}
	return nil, nil, errors.New("no")
}

// TestMaxConnections_storm opens many sessions at once and gives them all up: not one more is open than there may be,
// and no place is lost.
func TestMaxConnections_storm(t *testing.T) {
	const places, clients = 5, 24
	eachNetwork(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{MaxConnections: places, MaxConnectionsPerIP: places}})
		for range 2 {
			var group sync.WaitGroup
			for i := range clients {
				group.Go(func() {
					if i%2 == 0 {
						r.try("GET", "?EIO=4&transport=polling", "")
						return
					}
					c, _ := r.tryUpgrade("?EIO=4&transport=websocket")
					c.conn.Close()
				})
			}
			group.Wait()
			if got := r.engine.SessionCount(); got > places {
				t.Errorf("%d sessions", got)
			}
			eventually(t, n.patience, "all sessions to end", func() bool {
				for len(r.peers) > 0 {
					(<-r.peers).Abort(engineio.ForcedClose, nil)
				}
				return r.engine.SessionCount() == 0
			})
		}
		var all []*peer
		for range places {
			_, p := r.websocket()
			all = append(all, p)
		}
		r.overLimit("5")
		for _, p := range all {
			p.Abort(engineio.ForcedClose, nil)
		}
		if got := r.engine.Stats().TooManyConnectionsPerIP; got == 0 {
			t.Error("no refusal was counted")
		}
	})
}

// TestMaxConnectionsPerIP counts clients by the address that a trusted proxy gives them.
func TestMaxConnectionsPerIP(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{
			MaxConnectionsPerIP: 2,
			TrustedProxies:      []netip.Prefix{netip.MustParsePrefix("198.51.100.1/32")},
		}})
		open := func(forwarded string) *peer {
			t.Helper()
			if a := r.do("GET", "?EIO=4&transport=polling", "", "X-Forwarded-For: "+forwarded); a.status == 503 {
				return nil
			} else if a.status != 200 {
				t.Fatalf("%d %s", a.status, a.body)
			}
			return r.peer()
		}
		var open1 *peer
		for _, step := range []struct {
			forwarded string
			want      bool
		}{
			{"203.0.113.5", true},
			{"203.0.113.5", true},
			{"203.0.113.5", false},
			{"8.8.8.8, 203.0.113.5", false}, // what the client says itself does not count
			{"203.0.113.6", true},
			{"2001:db8:1:2::1", true},
			{"[2001:db8:1:2::2]:4711", true},
			{"2001:db8:1:2:ffff::", false},
			{"2001:db8:1:3::1", true},
			{"::ffff:203.0.113.6", true},
			{"203.0.113.6", false},
			{"not an address", true}, // the proxy's own
			{"", true},
			{"", false},
		} {
			p := open(step.forwarded)
			if got := p != nil; got != step.want {
				t.Errorf("%q: let in: %v", step.forwarded, got)
			}
			if open1 == nil {
				open1 = p
			}
		}
		if got := r.engine.Stats(); got.TooManyConnectionsPerIP != 5 || got.TooManyConnections+got.NotAdmitted != 0 {
			t.Errorf("stats %+v", got)
		}
		open1.Abort(engineio.ForcedClose, nil)
		if open("203.0.113.5") == nil || open("203.0.113.5") != nil {
			t.Error("the place that was given back is not there, or there are more")
		}
	})
	t.Run("clients that come directly", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			r := start(t, n, setup{options: engineio.Options{MaxConnectionsPerIP: 1}})
			r.websocket()
			if a := r.do("GET", "?EIO=4&transport=polling", "", "X-Forwarded-For: 203.0.113.5"); a.status != 503 {
				t.Errorf("a forged header: %d", a.status)
			}
			n.dial = func() (net.Conn, error) {
				return n.listener.(*memnet.Listener).DialFrom(context.Background(), netip.MustParseAddr("203.0.113.5"))
			}
			r.websocket()
		})
	})
}

// TestRequest_Address reads X-Forwarded-For from its end, over the proxies that are trusted.
func TestRequest_Address(t *testing.T) {
	for _, test := range []struct {
		peer  string
		lines []string
		want  string
	}{
		{"192.0.2.9:4000", nil, "192.0.2.9"},
		{"192.0.2.9:4000", []string{"203.0.113.5"}, "192.0.2.9"},
		{"[2001:db8::1]:4000", nil, "2001:db8::1"},
		{"@", []string{"203.0.113.5"}, "invalid IP"},
		{"10.0.0.1:4000", nil, "10.0.0.1"},
		{"10.0.0.1:4000", []string{"203.0.113.5"}, "203.0.113.5"},
		{"[::ffff:10.0.0.1]:4000", []string{"203.0.113.5"}, "203.0.113.5"},
		{"[fd00::1]:4000", []string{"203.0.113.5"}, "203.0.113.5"},
		{"10.0.0.1:4000", []string{"1.1.1.1, 203.0.113.5 ,10.0.0.7,\t10.0.0.8"}, "203.0.113.5"},
		{"10.0.0.1:4000", []string{"1.1.1.1", "203.0.113.5, 10.0.0.7", "10.0.0.8"}, "203.0.113.5"},
		{"10.0.0.1:4000", []string{"10.0.0.9, 10.0.0.7"}, "10.0.0.9"}, // all of them proxies
		{"10.0.0.1:4000", []string{"203.0.113.5:1234"}, "203.0.113.5"},
		{"10.0.0.1:4000", []string{"[2001:db8::5]:1234"}, "2001:db8::5"},
		{"10.0.0.1:4000", []string{"[2001:db8::5]"}, "2001:db8::5"},
		{"10.0.0.1:4000", []string{"::ffff:203.0.113.5"}, "203.0.113.5"},
		{"10.0.0.1:4000", []string{"203.0.113.5, unknown, 10.0.0.7"}, "10.0.0.7"},
		{"10.0.0.1:4000", []string{"203.0.113.5,"}, "10.0.0.1"},
		{"10.0.0.1:4000", []string{""}, "10.0.0.1"},
		{"10.0.0.1:4000", []string{strings.Repeat(",", 30_000)}, "10.0.0.1"},
	} {
		var got netip.Addr
		engine, err := engineio.New(func(s *engineio.Session) engineio.Handler {
			got = s.Request().Address
			return quietEcho{s}
		}, &engineio.Options{
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")},
			CloseTimeout:   time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequest("GET", "/engine.io/?EIO=4&transport=polling", nil)
		request.RemoteAddr = test.peer
		request.Header["X-Forwarded-For"] = test.lines
		engine.ServeHTTP(httptest.NewRecorder(), request)
		if got.String() != test.want {
			t.Errorf("%+v: %q", test, got)
		}
		if err := engine.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestAdmission lets so many in at once and so many in a second, whoever they are.
func TestAdmission(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		asked := 0
		r := start(t, n, setup{options: engineio.Options{
			Admission:    engineio.Admission{Rate: 2, Burst: 3, RetryAfter: 1500 * time.Millisecond},
			AllowRequest: func(*http.Request) error { asked++; return nil },
		}})
		for range 3 {
			r.poll()
		}
		r.overLimit("2")
		time.Sleep(499 * time.Millisecond)
		r.overLimit("2")
		time.Sleep(time.Millisecond)
		r.websocket()
		r.overLimit("2")
		time.Sleep(time.Hour)
		for range 3 {
			r.websocket()
		}
		r.overLimit("2")
		if stats := r.engine.Stats(); stats.NotAdmitted != 8 || stats.Opened != 7 || asked != 7 {
			t.Errorf("%d asked, stats %+v", asked, stats)
		}
		synctest.Wait()
	})
	t.Run("one address does not use it up", func(t *testing.T) {
		inFrames(t, func(t *testing.T, n *network) {
			r := start(t, n, setup{options: engineio.Options{
				Admission: engineio.Admission{Rate: 2}, MaxConnectionsPerIP: 1,
			}})
			r.websocket()
			for range 10 {
				r.overLimit("5")
			}
			n.dial = func() (net.Conn, error) {
				return n.listener.(*memnet.Listener).DialFrom(context.Background(), netip.MustParseAddr("203.0.113.5"))
			}
			r.websocket()
		})
	})
}

// TestAdmission_cheap: who is turned away costs hardly more than the answer.
func TestAdmission_cheap(t *testing.T) {
	engine, err := engineio.New(func(s *engineio.Session) engineio.Handler { return quietEcho{s} }, &engineio.Options{
		Admission: engineio.Admission{Rate: 1e-9, Burst: 1}, CloseTimeout: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest("GET", "/engine.io/?EIO=4&transport=polling", nil)
	turned := func() {
		w := blankWriter{}
		engine.ServeHTTP(w, request)
		if w["Retry-After"] == nil {
			t.Fatal("let in")
		}
	}
	engine.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/engine.io/?EIO=4&transport=polling", nil))
	if got := testing.AllocsPerRun(100, turned); got > 25 {
		t.Errorf("%v allocations for a client that is turned away", got)
	}
	if err := engine.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// blankWriter is an http.ResponseWriter that keeps the headers only.
type blankWriter http.Header

func (w blankWriter) Header() http.Header         { return http.Header(w) }
func (w blankWriter) Write(b []byte) (int, error) { return len(b), nil }
func (blankWriter) WriteHeader(int)               {}
