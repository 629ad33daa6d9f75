package engineio_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/parleyio/parley/engineio"
)

// logged keeps the lines of a logger.
type logged struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(b)
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// lines returns what has been logged.
func (l *logged) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.out.String(), "\n"), "\n")
}

// wants checks that one line holds all the texts, and returns it.
func (l *logged) wants(t testing.TB, texts ...string) {
	t.Helper()
	found := 0
	for _, line := range l.lines() {
		if has := func() bool {
			for _, text := range texts {
				if !strings.Contains(line, text) {
					return false
				}
			}
			return true
		}(); has {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%d lines hold %q:\n%s", found, texts, strings.Join(l.lines(), "\n"))
	}
}

// TestOrigin_fetchSite: the browser's word counts where a proxy has changed Host.
func TestOrigin_fetchSite(t *testing.T) {
	for site, want := range map[string]bool{"same-origin": true, "same-site": false, "cross-site": false, "none": false, "": false} {
		request := httptest.NewRequest("GET", "/", nil)
		request.Host = "inner:3000"
		request.Header.Set("Origin", "https://app.example")
		request.Header.Set("Sec-Fetch-Site", site)
		if got := newEngine(t, engineio.Options{}).AllowsOrigin(request); got != want {
			t.Errorf("Sec-Fetch-Site %q: %v", site, got)
		}
	}
}

// TestOrigin_session: a session belongs to the origin that opened it, whatever a proxy has made of Host.
func TestOrigin_session(t *testing.T) {
	const own, evil = "Origin: https://app.example", "Origin: https://evil.example"
	refused := func(t *testing.T, c *poller, headers ...string) {
		t.Helper()
		for _, method := range []string{"GET", "POST", "OPTIONS"} {
			if a := c.do(method, c.query, "4x", headers...); a.status != 403 {
				t.Errorf("%s %v: %d %s", method, headers, a.status, a.body)
			}
		}
	}
	takes := func(t *testing.T, c *poller, p *peer, headers ...string) {
		t.Helper()
		if a := c.do("POST", c.query, "4x", headers...); a.status != 200 {
			t.Fatalf("POST %v: %d %s", headers, a.status, a.body)
		}
		p.wants("x")
	}
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{AllowEIO3: true, AllowJSONP: true}})

		// A same-origin GET has no Origin; the POST that follows is the first request with one.
		c, p := r.poll("Host: inner")
		refused(t, c, evil, "Sec-Fetch-Site: cross-site")
		if a := c.do("OPTIONS", c.query, "", own); a.status != 403 {
			t.Errorf("a preflight made a session take its origin: %d", a.status)
		}
		takes(t, c, p, own, "Host: inner")
		takes(t, c, p, own+"/", "Host: inner")
		refused(t, c, evil)
		refused(t, c, "Origin: null")
		refused(t, c, "Origin: http://app.example")
		refused(t, c, "Origin: https://app.example:8443")
		c.upgrade("?EIO=4&transport=websocket&sid="+c.SID, own)

		// The origin that Sec-Fetch-Site has let in stays.
		c, p = r.poll("Host: inner", own, "Sec-Fetch-Site: same-origin")
		takes(t, c, p, own, "Host: inner")
		refused(t, c, evil)

		// The server's own origin was the first.
		c, p = r.poll()
		takes(t, c, p, "Origin: http://parley.test")
		refused(t, c, own)

		// A client that posts without an Origin is no browser.
		c, p = r.poll()
		takes(t, c, p)
		refused(t, c, own)

		// A session of which a page of another origin may know the id takes none.
		c, _ = r.poll3("")
		refused(t, c, own)
		a := r.do("GET", "?EIO=4&transport=polling&j=0", "")
		_, rest, _ := strings.Cut(a.body, `\"sid\":\"`)
		sid, _, _ := strings.Cut(rest, `\"`)
		r.peer()
		refused(t, &poller{r, handshake{}, "?EIO=4&transport=polling&sid=" + sid}, own)

		if a := r.do("GET", "?EIO=4&transport=polling&sid=unknown", "", own); a.status != 403 {
			t.Errorf("an unknown session: %d", a.status)
		}
	})
}

// TestCORS_Allow: a function adds to the lists, for handshakes and preflights.
func TestCORS_Allow(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		asked := 0
		r := start(t, n, setup{options: engineio.Options{CORS: engineio.CORS{
			Origins: []string{"https://listed.example"},
			Allow: func(r *http.Request) bool {
				asked++
				return r.Header.Get("Origin") == "https://tenant.example" && r.Header.Get("X-Tenant") != "gone"
			},
		}}})
		const tenant = "Origin: https://tenant.example"
		for _, test := range []struct {
			headers []string
			status  int
			asks    int
		}{
			{nil, 200, 0},
			{[]string{"Origin: http://parley.test"}, 200, 0},
			{[]string{"Origin: https://listed.example"}, 200, 0},
			{[]string{tenant}, 200, 1},
			{[]string{"Origin: https://evil.example"}, 403, 1},
		} {
			asked = 0
			a := r.do("GET", "?EIO=4&transport=polling", "", test.headers...)
			if a.status != test.status || asked != test.asks {
				t.Errorf("%v: %d, asked %d times", test.headers, a.status, asked)
			}
			if a.status == 200 {
				r.peer()
			}
		}
		c, p := r.poll(tenant)
		a := r.do("OPTIONS", c.query, "", tenant, "Access-Control-Request-Method: POST")
		if a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != "https://tenant.example" {
			t.Errorf("preflight: %d %v", a.status, a.header)
		}
		asked = 0
		if a := r.do("POST", c.query, "4x", tenant, "X-Tenant: gone"); a.status != 200 || asked != 0 {
			t.Errorf("a later request: %d, asked %d times", a.status, asked)
		}
		p.wants("x")
	})
}

// TestCORS_preflight: the preflight of an origin that may not connect is refused like its other requests.
func TestCORS_preflight(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{CORS: engineio.CORS{Origins: []string{"https://app.example"}}}})
		for origin, want := range map[string]int{"https://app.example": 204, "https://evil.example": 403} {
			a := r.do("OPTIONS", "?EIO=4&transport=polling", "", "Origin: "+origin, "Access-Control-Request-Method: POST")
			if a.status != want || (a.header.Get("Access-Control-Allow-Methods") != "") != (want == 204) {
				t.Errorf("%s: %d %v", origin, a.status, a.header)
			}
		}
	})
}

// TestRefused_log: each refusal has a line that says which option changes it, without the id of a session.
func TestRefused_log(t *testing.T) {
	const origin = "Origin: https://app.example"
	for name, test := range map[string]struct {
		options engineio.Options
		query   string
		headers []string
		want    []string
	}{
		"origin": {query: "?EIO=4&transport=polling", headers: []string{origin, "Host: inner:3000"}, want: []string{
			"cause=INVALID_ORIGIN", "origin=https://app.example", "host=inner:3000", `option="CORS.Origins`}},
		"origin behind a proxy": {query: "?EIO=4&transport=polling", headers: []string{origin, "X-Forwarded-Host: app.example"}, want: []string{
			"cause=INVALID_ORIGIN", "forwardedHost=app.example", `option="TrustedProxies`}},
		"origin behind a trusted proxy": {
			options: engineio.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
			query:   "?EIO=4&transport=polling", headers: []string{origin, "X-Forwarded-Host: other.example"}, want: []string{
				"cause=INVALID_ORIGIN", "forwardedHost=other.example", `option="CORS.Origins`}},
		"transport": {options: engineio.Options{Transports: []engineio.Transport{"polling"}}, query: "?EIO=4&transport=websocket",
			want: []string{"code=0", "transport=websocket", "option=Transports"}},
		"session":  {query: "?EIO=4&transport=polling&sid=secret", want: []string{"code=1", "sticky sessions"}},
		"revision": {query: "?EIO=3&transport=polling", want: []string{"code=5", "protocol=3", `option="AllowEIO3`}},
		"upgrade":  {query: "?EIO=4&transport=websocket", want: []string{"cause=TRANSPORT_HANDSHAKE_ERROR", "Upgrade and Connection"}},
	} {
		t.Run(name, func(t *testing.T) {
			var log logged
			test.options.Logger = log.logger()
			r := start(t, tcp(t), setup{options: test.options})
			for range 3 {
				if a := r.do("GET", test.query, "", test.headers...); a.status < 400 {
					t.Errorf("answered %d", a.status)
				}
			}
			log.wants(t, append(test.want, "level=WARN", `msg="request refused"`)...)
			if text := strings.Join(log.lines(), "\n"); strings.Contains(text, "secret") {
				t.Errorf("the id of a session is in the log: %s", text)
			}
		})
	}
}
