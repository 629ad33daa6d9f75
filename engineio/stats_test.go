package engineio_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/engineio"
)

// TestStats_timeouts counts what is not complete in time by the deadline that has passed.
func TestStats_timeouts(t *testing.T) {
	for name, test := range map[string]struct {
		stall func(r *rig) // returns when the time is over
		want  func(engineio.Stats) int64
	}{
		"a message": {func(r *rig) {
			c, p := r.websocket()
			c.begins("4never complete")
			p.ends(engineio.TransportError)
		}, func(s engineio.Stats) int64 { return s.ReadTimeouts }},
		"a body": {func(r *rig) {
			c, p := r.poll()
			r.raw().write("POST /engine.io/" + c.query + " HTTP/1.1\r\nHost: parley.test\r\nContent-Length: 10\r\n\r\n4half")
			p.ends(engineio.TransportError)
		}, func(s engineio.Stats) int64 { return s.ReadTimeouts }},
		"a write": {func(r *rig) {
			_, p := r.websocket()
			p.send(strings.Repeat("x", 500_000))
			p.ends(engineio.TransportError)
		}, func(s engineio.Stats) int64 { return s.WriteTimeouts }},
		"a poll's body": {func(r *rig) {
			c, p := r.poll()
			p.send(strings.Repeat("x", 500_000))
			r.raw().write("GET /engine.io/" + c.query + " HTTP/1.1\r\nHost: parley.test\r\n\r\n")
			p.ends(engineio.TransportError)
		}, func(s engineio.Stats) int64 { return s.WriteTimeouts }},
		"an upgrade": {func(r *rig) {
			c, p := r.poll()
			probe := c.probe()
			probe.says("2probe")
			probe.hears("3probe")
			probe.closes("")
			c.posts("4lives")
			p.wants("lives")
		}, func(s engineio.Stats) int64 { return s.UpgradeTimeouts }},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, n *network) {
				r := start(t, n, setup{options: engineio.Options{PingInterval: time.Hour}})
				began := time.Now()
				test.stall(r)
				if took := time.Since(began); took < 10*time.Second || took > 11*time.Second {
					t.Errorf("took %v", took)
				}
				stats := r.engine.Stats()
				if test.want(stats) != 1 || stats.ReadTimeouts+stats.WriteTimeouts+stats.UpgradeTimeouts != 1 {
					t.Errorf("stats %+v", stats)
				}
			})
		})
	}
}
