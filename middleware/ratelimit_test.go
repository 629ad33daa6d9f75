package middleware_test

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/middleware"
	"github.com/parleyio/parley/socketio"
)

// clientAddr is the address of most clients.
const clientAddr = "198.51.100.7"

// identify trusts the client. A real server must not do that.
func identify(s *socketio.Socket) string {
	var auth struct{ User string }
	if err := s.Handshake().ScanAuth(&auth); err != nil {
		return ""
	}
	return auth.User
}

func refused(retryAfter int) string {
	return fmt.Sprintf(`431[{"error":{"code":"rate_limited","message":"too many events","data":{"retryAfter":%d}}}]`, retryAfter)
}

func TestRateLimit_refusal(t *testing.T) {
	opts := &middleware.RateLimitOptions{Limits: []middleware.Limit{{Rate: 4, Burst: 2}}}
	bubble(t, "is the acknowledgement where one was asked for", func(t *testing.T) {
		n := serve(t, opts)
		c, canary := n.join(t, clientAddr, ""), n.join(t, clientAddr, "")
		c.send(`421["say"]`, `421["say",1]`, `421["say"]`)
		c.expect(`431[0]`, `431[1]`, refused(250))
		time.Sleep(100 * time.Millisecond)
		c.send(`421["say"]`)
		c.expect(refused(150))
		time.Sleep(149 * time.Millisecond)
		c.send(`421["say"]`)
		c.expect(refused(1))
		time.Sleep(time.Millisecond)
		c.send(`421["say"]`, `421["say"]`)
		c.expect(`431[0]`, refused(250))
		canary.send(`421["say"]`)
		canary.expect(`431[0]`)
		if s := n.RateLimiter.Stats(); s.Refused != 4 || !slices.Equal(s.Exceeded, []int64{4}) || s.Disconnected != 0 {
			t.Errorf("%+v", s)
		}
	})
	bubble(t, "is the event exception otherwise", func(t *testing.T) {
		n := serve(t, opts)
		c, x := n.join(t, clientAddr, ""), n.join(t, clientAddr, "")
		x.connect("40/x,")
		for range 3 {
			c.send(`42["no handler \"",{"a":1}]`)
			x.send(`42/x,["say"]`)
		}
		c.expect(`42["exception",{"event":"no handler \"","code":"rate_limited","message":"too many events","retryAfter":250}]`)
		x.expect(`42/x,["exception",{"event":"say","code":"rate_limited","message":"too many events","retryAfter":250}]`)
	})
	bubble(t, "costs nothing", func(t *testing.T) {
		n := serve(t, &middleware.RateLimitOptions{Limits: []middleware.Limit{
			{Rate: 1, Burst: 10},
			{Rate: 2, Burst: 1, Events: []string{"say"}},
		}})
		c := n.join(t, clientAddr, "")
		for range 100 {
			c.send(`421["say"]`)
			c.next()
		}
		c.send(slices.Repeat([]string{`421["other"]`}, 10)...)
		c.expect(refused(1000)) // one was taken by "say", nine were left
		if s := n.RateLimiter.Stats(); s.Refused != 100 || !slices.Equal(s.Exceeded, []int64{1, 99}) {
			t.Errorf("%+v", s)
		}
		time.Sleep(250 * time.Millisecond)
		c.send(`421["say"]`)
		c.expect(refused(750)) // both limits are exceeded; the longer wait is sent
	})
}

func TestRateLimit_scopes(t *testing.T) {
	limit := func(l middleware.Limit) *middleware.RateLimitOptions {
		return &middleware.RateLimitOptions{Limits: []middleware.Limit{l}, Identify: identify}
	}
	bubble(t, "by default a connection has 100 a second", func(t *testing.T) {
		n := serve(t, nil)
		c := n.join(t, clientAddr, "")
		c.says(200)
		time.Sleep(time.Second)
		c.says(100)
	})
	bubble(t, "a connection, whatever its namespaces", func(t *testing.T) {
		n := serve(t, limit(middleware.Limit{Rate: 1, Burst: 4}))
		c, other := n.join(t, clientAddr, "ann"), n.join(t, clientAddr, "ann")
		c.connect("40/x,")
		c.send(`42/x,["say"]`, `42["say"]`, `41/x,`)
		synctest.Wait()
		c.connect("40/x,") // a new socket has the old bucket
		c.says(2)
		other.says(4)
	})
	bubble(t, "a user, whatever the connections", func(t *testing.T) {
		n := serve(t, limit(middleware.Limit{Per: middleware.PerUser, Rate: 1, Burst: 4}))
		ann, again, bob := n.join(t, clientAddr, "ann"), n.join(t, "192.0.2.9", "ann"), n.join(t, clientAddr, "bob")
		nobody := n.join(t, clientAddr, "")
		ann.send(`421["say"]`)
		ann.expect(`431[0]`)
		again.says(3)
		ann.says(0)
		bob.says(4)
		nobody.send(slices.Repeat([]string{`42["say"]`}, 50)...)
		nobody.expect()
	})
	bubble(t, "an address, whatever the ports", func(t *testing.T) {
		n := serve(t, limit(middleware.Limit{Per: middleware.PerIP, Rate: 1, Burst: 4}))
		n.join(t, clientAddr, "ann").send(`42["say"]`)
		synctest.Wait() // it is handled
		n.join(t, "::ffff:"+clientAddr, "bob").says(3)
		n.join(t, clientAddr, "ann").says(0)
		n.join(t, "198.51.100.8", "ann").says(4)
		n.join(t, "2001:db8:1:2::1", "ann").says(4)
		n.join(t, "2001:db8:1:2:ffff::1", "ann").says(0)
		n.join(t, "2001:db8:1:3::1", "ann").says(4)
	})
	bubble(t, "events by their names", func(t *testing.T) {
		n := serve(t, limit(middleware.Limit{Rate: 1, Burst: 4, Events: []string{"say", "shout"}}))
		c := n.join(t, clientAddr, "")
		c.send(`42["shout"]`)
		c.says(3)
		c.send(slices.Repeat([]string{`42["whisper"]`}, 50)...)
		c.expect()
	})
	bubble(t, "a new connection has the same bucket", func(t *testing.T) { // needed to limit attempts to log in
		n := serve(t, limit(middleware.Limit{Per: middleware.PerIP, Rate: 1. / 60, Burst: 3, Events: []string{"say"}}))
		for range 3 {
			c := n.join(t, clientAddr, "")
			c.send(`421["say"]`)
			c.expect(`431[0]`)
			c.conn.Close()
		}
		c := n.join(t, clientAddr, "")
		c.send(`421["say"]`)
		c.expect(refused(60_000))
	})
}

func TestRateLimit_disconnect(t *testing.T) {
	opts := &middleware.RateLimitOptions{Limits: []middleware.Limit{{Rate: 1}}, DisconnectAfter: 3}
	bubble(t, "a client that continues is refused and disconnected", func(t *testing.T) {
		n := serve(t, opts)
		reasons := make(chan socketio.Reason, 10)
		n.Of("/").OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { reasons <- reason })
		c, canary := n.join(t, clientAddr, ""), n.join(t, clientAddr, "")
		c.send(slices.Repeat([]string{`421["say"]`}, 10)...)
		c.expectEnd(`431[0]`, refused(1000), refused(1000), refused(1000), `41`)
		canary.send(`421["say"]`)
		canary.expect(`431[0]`)
		s := n.RateLimiter.Stats()
		if got := <-reasons; got != socketio.ServerDisconnect || s.Disconnected != 1 {
			t.Errorf("reason %q, %+v", got, s)
		}
	})
	bubble(t, "of all namespaces", func(t *testing.T) {
		n := serve(t, opts)
		c := n.join(t, clientAddr, "")
		c.connect("40/x,")
		c.send(`42["a"]`, `42["a"]`)
		c.next()
		c.send(`42/x,["a"]`)
		c.next()
		c.send(`421["a"]`)
		c.expectEnd(refused(1000), `41`, `41/x,`)
	})
	bubble(t, "violations expire", func(t *testing.T) {
		n := serve(t, opts)
		c := n.join(t, clientAddr, "")
		for range 20 {
			c.says(1)
			time.Sleep(20 * time.Second) // a minute for three
		}
		c.says(1)
		c.says(0)
		c.send(`421["say"]`)
		c.expectEnd(refused(1000), `41`)
	})
}

func TestRateLimit_memory(t *testing.T) {
	limits := []middleware.Limit{
		{Per: middleware.PerUser, Rate: 1, Burst: 30},
		{Per: middleware.PerIP, Rate: 1, Burst: 30, Events: []string{"say"}},
	}
	bubble(t, "full buckets are removed, and no others", func(t *testing.T) {
		n := serve(t, &middleware.RateLimitOptions{Limits: limits, Identify: identify})
		ann := n.join(t, clientAddr, "ann")
		for round := range 5 { // at different times within the limiter's period
			ann.says(30)
			for i := range 20 {
				n.join(t, fmt.Sprint("203.0.113.", i), fmt.Sprint("user", i)).send(`42["say"]`)
			}
			synctest.Wait()
			if s := n.RateLimiter.Stats(); s.Users != 21 || s.IPs != 21 {
				t.Fatalf("round %d: %+v", round, s)
			}
			time.Sleep(10 * time.Second)
			ann.says(10)
			time.Sleep(29 * time.Second)
			ann.says(29)
			time.Sleep(61 * time.Second)
			if s := n.RateLimiter.Stats(); s.Users != 0 || s.IPs != 0 || s.Shared != 0 {
				t.Fatalf("round %d: buckets were not removed: %+v", round, s)
			}
			time.Sleep(time.Duration(round*7) * time.Second)
		}
	})
	bubble(t, "owners beyond the bound share a bucket", func(t *testing.T) {
		n := serve(t, &middleware.RateLimitOptions{Limits: limits, Identify: identify, MaxUsers: 2, MaxIPs: -1})
		n.join(t, clientAddr, "ann").says(30)
		n.join(t, "203.0.113.1", "bob").says(30)
		n.join(t, "203.0.113.2", "eve").says(30)
		n.join(t, "203.0.113.3", "dan").says(0)
		if s := n.RateLimiter.Stats(); s.Users != 2 || s.IPs != 4 || s.Shared != 32 {
			t.Errorf("%+v", s)
		}
	})
	bubble(t, "names of events take no memory", func(t *testing.T) {
		n := serve(t, &middleware.RateLimitOptions{Limits: append(limits,
			middleware.Limit{Rate: 1e6}, middleware.Limit{Rate: 1, Events: []string{"say"}}), Identify: identify})
		c := n.join(t, clientAddr, "") // no user: only the connection is limited
		c.send(`421["say"]`)
		c.expect(`431[0]`)
		before := heap()
		for i := range 5_000 {
			c.send(fmt.Sprintf(`42["%s%d"]`, strings.Repeat("x", 100), i))
		}
		c.expect()
		if grown := heap() - before; grown > 200_000 {
			t.Errorf("5,000 names of 100 bytes have left %d bytes", grown)
		}
		if s := n.RateLimiter.Stats(); s.Users != 0 || s.IPs != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// heap returns the bytes in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestRateLimit_contradictions(t *testing.T) {
	for name, tt := range map[string]struct {
		limit middleware.Limit
		want  string
	}{
		"no rate":      {middleware.Limit{Burst: 1}, "Rate"},
		"negative":     {middleware.Limit{Rate: -1}, "Rate"},
		"no number":    {middleware.Limit{Rate: math.NaN()}, "Rate"},
		"infinite":     {middleware.Limit{Rate: math.Inf(1)}, "Rate"},
		"burst":        {middleware.Limit{Rate: 1, Burst: -1}, "Burst"},
		"scope":        {middleware.Limit{Per: 17, Rate: 1}, "Per"},
		"whose users?": {middleware.Limit{Per: middleware.PerUser, Rate: 1}, "Identify"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := middleware.RateLimit(&middleware.RateLimitOptions{Limits: []middleware.Limit{{Rate: 1}, tt.limit}})
			if err == nil || !strings.Contains(err.Error(), "Limits[1]: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v", err)
			}
		})
	}
	for scope, want := range map[middleware.Scope]string{
		middleware.PerConnection: "connection", middleware.PerUser: "user", middleware.PerIP: "IP", 7: "Scope(7)",
	} {
		if got := scope.String(); got != want {
			t.Errorf("%d is %q", int(scope), got)
		}
	}
}
