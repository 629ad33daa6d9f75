package engineio_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

// silent is a handler without more than Engine.IO's own methods, as applications have it.
type silent struct{ p *peer }

func (h silent) Message(data []byte, binary bool)        { h.p.Message(data, binary) }
func (h silent) Close(reason engineio.Reason, err error) { h.p.Close(reason, err) }

// TestLog: each end that is not an ordinary leave, and each limit, has one line that names the option, and no id.
func TestLog(t *testing.T) {
	for name, test := range map[string]struct {
		options engineio.Options
		do      func(t *testing.T, r *rig)
		want    []string // of the one line; empty: there is none
	}{
		"an ordinary leave on polling": {do: func(_ *testing.T, r *rig) {
			c, p := r.poll()
			c.posts("1")
			p.ends(engineio.TransportClose)
		}},
		"an ordinary leave on a websocket": {do: func(_ *testing.T, r *rig) {
			c, p := r.websocket()
			c.conn.Close()
			p.ends(engineio.TransportClose)
		}},
		"closed by the application": {do: func(_ *testing.T, r *rig) {
			_, p := r.websocket()
			p.Session.Close()
			p.ends(engineio.ForcedClose)
		}},
		"no pong": {do: func(_ *testing.T, r *rig) {
			_, p := r.poll()
			p.ends(engineio.PingTimeout)
		}, want: []string{`msg="session ended"`, `reason="ping timeout"`, "transport=polling", "option=PingTimeout"}},
		"a packet that does not decode": {do: func(_ *testing.T, r *rig) {
			c, p := r.poll()
			c.do("POST", c.query, "x")
			p.ends(engineio.ParseError)
		}, want: []string{`msg="session ended"`, `reason="parse error"`, "err=", "breaks the protocol"}},
		"a slow client": {options: engineio.Options{SendQueueBytes: 10}, do: func(_ *testing.T, r *rig) {
			_, p := r.poll()
			p.send("x")
			p.Send(engineio.Message{Data: []byte(strings.Repeat("x", 100))})
			p.ends(engineio.SlowConsumer)
		}, want: []string{`msg="session ended"`, `reason="slow consumer"`, "SendQueueBytes"}},
		"a large message": {options: engineio.Options{MaxPayload: 10}, do: func(_ *testing.T, r *rig) {
			c, p := r.websocket()
			c.write(masked(ws.NewTextFrame([]byte("4" + strings.Repeat("x", 100)))))
			p.ends(engineio.TransportError)
		}, want: []string{`msg="session ended"`, "transport=websocket", "option=MaxPayload"}},
		"a large body": {options: engineio.Options{MaxPayload: 10}, do: func(_ *testing.T, r *rig) {
			c, _ := r.poll()
			if a := c.do("POST", c.query, "4"+strings.Repeat("x", 100)); a.status != 413 {
				r.t.Errorf("answered %d", a.status)
			}
		}, want: []string{`msg="request refused: the body is too large"`, `received="of 101 bytes"`, "limit=10", "option=MaxPayload"}},
		"control packets": {options: engineio.Options{MaxControlPackets: 2}, do: func(_ *testing.T, r *rig) {
			c, p := r.poll()
			c.do("POST", c.query, strings.TrimSuffix(strings.Repeat("6\x1e", 9), "\x1e"))
			p.ends(engineio.TransportError)
		}, want: []string{`msg="session ended"`, "option=MaxControlPackets"}},
		"connections": {options: engineio.Options{MaxConnections: 1}, do: twoPolls,
			want: []string{"a limit of connections", "limit=1", "option=MaxConnections"}},
		"connections of an address": {options: engineio.Options{MaxConnectionsPerIP: 1}, do: twoPolls,
			want: []string{"a limit of connections", "limit=1", `option="MaxConnectionsPerIP; TrustedProxies`}},
		"new connections": {options: engineio.Options{Admission: engineio.Admission{Rate: 0.001, Burst: 1}}, do: twoPolls,
			want: []string{"a limit of connections", "limit=0.001", "option=Admission"}},
		"an upgrade that is not completed": {do: func(_ *testing.T, r *rig) {
			c, _ := r.poll()
			c.probe()
			time.Sleep(11 * time.Second)
		}, want: []string{`msg="upgrade refused: it was not completed in time"`, "transport=websocket", "limit=10s", "option=UpgradeTimeout"}},
	} {
		t.Run(name, func(t *testing.T) {
			inFrames(t, func(t *testing.T, n *network) {
				var log logged
				test.options.Logger = log.logger()
				r := start(t, n, setup{options: test.options, handler: func(p *peer) engineio.Handler { return silent{p} }})
				test.do(t, r)
				if len(test.want) > 0 {
					log.wants(t, append(test.want, "level=WARN")...)
				} else if text := strings.Join(log.lines(), "\n"); text != "" {
					t.Errorf("logged %s", text)
				}
			})
		})
	}
}

// twoPolls opens a session and is refused the second.
func twoPolls(t *testing.T, r *rig) {
	r.poll()
	for range 2 {
		if a := r.do("GET", "?EIO=4&transport=polling", ""); a.status != 503 {
			t.Errorf("answered %d", a.status)
		}
	}
}

// TestPolling_tooLarge_end: a client that leaves after a body was refused takes the cause with it, unless it sent another.
func TestPolling_tooLarge_end(t *testing.T) {
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{MaxPayload: 10}})
		for _, again := range []bool{false, true} {
			c, p := r.poll()
			c.do("POST", c.query, "4"+strings.Repeat("x", 100))
			if again {
				c.posts("4fits")
			}
			c.posts("1")
			err := p.ends(engineio.TransportClose)
			if told := err != nil && strings.Contains(err.Error(), "a polling body of 101 bytes"); told == again {
				t.Errorf("another message %v: error %v", again, err)
			}
		}
	})
}
