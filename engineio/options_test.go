package engineio_test

import (
	"strings"
	"testing"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/pipe"
	"github.com/parleyio/parley/internal/transport"
)

// named is a transport with another name.
type named struct {
	*pipe.Transport
	name string
}

func (n named) Name() string { return n.name }

// TestOptions_MoreTransports: transports are offered as upgrades in their order, and there is one of each name.
func TestOptions_MoreTransports(t *testing.T) {
	for _, names := range [][]string{{"polling"}, {"websocket"}, {"pipe", "pipe"}} {
		var o engineio.Options
		for _, name := range names {
			o.MoreTransports = append(o.MoreTransports, named{pipe.New(), name})
		}
		if _, err := engineio.New(nil, &o); err == nil || !strings.Contains(err.Error(), "Options.MoreTransports") {
			t.Errorf("%q: %v", names, err)
		}
	}
	inFrames(t, func(t *testing.T, n *network) {
		other := pipe.New()
		r := start(t, n, setup{options: engineio.Options{
			MoreTransports: []transport.Transport{named{other, "other"}, named{pipe.New(), "another"}},
		}})
		c, _ := r.poll()
		if got := strings.Join(c.Upgrades, " "); got != "websocket other another" {
			t.Errorf("upgrades %q", got)
		}
		c.probe().says("5")
		r.websocket() // is served beside them
		if a := r.do("GET", "?EIO=4&transport=other", ""); a.status != 400 || !strings.Contains(a.body, `"code":3`) {
			t.Errorf("a request of another form: %d %s", a.status, a.body)
		}
		if a := r.do("POST", "?EIO=4&transport=other", "", "Pipe: 1"); a.status != 400 || !strings.Contains(a.body, `"code":2`) {
			t.Errorf("another method: %d %s", a.status, a.body)
		}
		if a := r.do("GET", "?EIO=4&transport=pipe", "", "Pipe: 1"); a.status != 400 || !strings.Contains(a.body, `"code":0`) {
			t.Errorf("a transport that is not served: %d %s", a.status, a.body)
		}
	})
}

// TestMoreTransports_checks: origin, application and shutdown are asked as for websockets.
func TestMoreTransports_checks(t *testing.T) {
	inBubble(t, piped, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{MaxConnectionsPerIP: 1}})
		if _, a := r.ask("?EIO=4&transport=websocket", "Origin: https://evil.example"); a.status != 403 {
			t.Errorf("foreign origin: %d", a.status)
		}
		if _, a := r.ask("?EIO=3&transport=websocket"); a.status != 400 || !strings.Contains(a.body, `"code":5`) {
			t.Errorf("revision 3: %d %s", a.status, a.body)
		}
		c, p := r.websocket()
		if _, a := r.ask("?EIO=4&transport=websocket"); a.status != 503 {
			t.Errorf("a second connection: %d", a.status)
		}
		if _, a := r.ask("?EIO=4&transport=websocket&sid="+p.ID(), "Origin: https://evil.example"); a.status != 403 {
			t.Errorf("an upgrade from a foreign origin: %d", a.status)
		}
		if _, a := r.ask("?EIO=3&transport=websocket&sid=" + p.ID()); a.status != 400 {
			t.Errorf("an upgrade by another revision: %d", a.status)
		}
		probe, _ := r.ask("?EIO=4&transport=websocket&sid=" + p.ID()) // of a session that is no longer on polling
		probe.closes("")
		c.says("4fine")
		p.wants("fine")
	})
}
