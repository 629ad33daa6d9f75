package engineio_test

import (
	"crypto/tls"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/parleyio/parley/engineio"
)

// TestOrigin asks about origins without a connection: what is allowed is decided by the request alone.
func TestOrigin(t *testing.T) {
	listed := engineio.CORS{Origins: []string{
		"https://app.example.com", "http://localhost:5173", "https://*.example.org", "HTTPS://Loud.Example:443",
	}}
	apps := engineio.CORS{Origins: []string{
		"capacitor://localhost", "file://", "http://localhost:*", "https://*.example.net:*", "http://[::1]:*",
	}}
	cases := []struct {
		cors         engineio.CORS
		origin, host string
		want         bool
	}{
		{engineio.CORS{}, "", "parley.test", true}, // not from a page
		{engineio.CORS{}, "http://parley.test", "parley.test", true},
		{engineio.CORS{}, "http://PARLEY.test", "Parley.Test", true},
		{engineio.CORS{}, "https://parley.test", "parley.test", true}, // a proxy may have ended TLS
		{engineio.CORS{}, "http://parley.test:80", "parley.test", true},
		{engineio.CORS{}, "http://parley.test", "parley.test:80", true},
		{engineio.CORS{}, "https://parley.test", "parley.test:443", true},
		{engineio.CORS{}, "http://parley.test:3000", "parley.test:3000", true},
		{engineio.CORS{}, "http://[::1]:3000", "[::1]:3000", true},
		{engineio.CORS{}, "http://[::1]", "[::1]:80", true},
		{engineio.CORS{}, "http://parley.test:3000", "parley.test", false},
		{engineio.CORS{}, "http://parley.test", "parley.test:3000", false},
		{engineio.CORS{}, "http://parley.test:443", "parley.test", false},
		{engineio.CORS{}, "http://parley.test", "parley.test:443", false},
		{engineio.CORS{}, "http://evil.example", "parley.test", false},
		{engineio.CORS{}, "http://parley.test.evil.example", "parley.test", false},
		{engineio.CORS{}, "http://evilparley.test", "parley.test", false},
		{engineio.CORS{}, "http://parley.test@evil.example", "parley.test", false},
		{engineio.CORS{}, "http://sub.parley.test", "parley.test", false},
		{engineio.CORS{}, "parley.test", "parley.test", false},
		{engineio.CORS{}, "null", "parley.test", false},
		{engineio.CORS{}, "null", "null", false},
		{engineio.CORS{}, "file://", "", false},
		{engineio.CORS{}, "wss://parley.test", "parley.test:443", true}, // clients in Swift
		{engineio.CORS{}, "wss://parley.test:443", "parley.test", true},
		{engineio.CORS{}, "ws://parley.test", "parley.test:80", true},
		{engineio.CORS{}, "ws://parley.test:3000", "parley.test:3000", true},
		{engineio.CORS{}, "ws://parley.test", "parley.test:443", false},
		{engineio.CORS{}, "wss://parley.test", "parley.test:80", false},
		{engineio.CORS{}, "ws://evil.example", "parley.test", false},
		{engineio.CORS{}, "capacitor://parley.test", "parley.test", false}, // an app's page comes from no server
		{engineio.CORS{}, "http://parley.test/", "parley.test", true},      // clients in Go
		{engineio.CORS{}, "http://parley.test:80/some/path?q", "parley.test", true},
		{engineio.CORS{}, "http://evil.example/parley.test", "parley.test", false},
		{engineio.CORS{}, "http://evil.example/@parley.test", "parley.test", false},
		{engineio.CORS{}, "http://evil.example@parley.test", "parley.test", false},
		{engineio.CORS{}, "http://evil.example#@parley.test", "parley.test", false},
		{engineio.CORS{}, "http://parley.test?@evil.example", "parley.test", false},
		{engineio.CORS{}, "http://evil.example\\@parley.test", "parley.test", false},
		{engineio.CORS{}, "http://parley.test\\.evil.example", "parley.test", false},
		{engineio.CORS{}, "http://parley.test:", "parley.test", false},
		{engineio.CORS{}, "http://parley.test:80:80", "parley.test", false},
		{engineio.CORS{}, "http:///parley.test", "parley.test", false},
		{engineio.CORS{}, "http://", "", false},

		{listed, "http://parley.test", "parley.test", true}, // the list adds to the same origin
		{listed, "https://app.example.com", "parley.test", true},
		{listed, "https://APP.example.com", "parley.test", true},
		{listed, "https://app.example.com:443", "parley.test", true},
		{listed, "https://loud.example", "parley.test", true},
		{listed, "http://app.example.com", "parley.test", false},
		{listed, "https://app.example.com:8443", "parley.test", false},
		{listed, "http://localhost:5173", "parley.test", true},
		{listed, "http://localhost", "parley.test", false},
		{listed, "https://a.example.org", "parley.test", true},
		{listed, "https://example.org", "parley.test", false},
		{listed, "https://a.b.example.org", "parley.test", false},
		{listed, "http://a.example.org", "parley.test", false},
		{listed, "https://evil.example/.example.org", "parley.test", false},
		{listed, "https://evil.example:1.example.org", "parley.test", false},
		{listed, "https://a@.example.org", "parley.test", false},
		{listed, "https://.example.org", "parley.test", false},
		{listed, "https://aexample.org", "parley.test", false},
		{listed, "null", "parley.test", false},

		{listed, "https://app.example.com/", "parley.test", true},
		{listed, "https://a.example.org/path", "parley.test", true},
		{listed, "file://", "parley.test", false},

		{apps, "capacitor://localhost", "parley.test", true},
		{apps, "Capacitor://LOCALHOST", "parley.test", true},
		{apps, "ionic://localhost", "parley.test", false},
		{apps, "capacitor://localhost.evil", "parley.test", false},
		{apps, "file://", "parley.test", true},
		{apps, "file:///android_asset/page.html", "parley.test", true},
		{apps, "file://evil.example", "parley.test", false},
		{apps, "http://localhost", "parley.test", true},
		{apps, "http://localhost:8100", "parley.test", true},
		{apps, "https://localhost:8100", "parley.test", false},
		{apps, "http://localhost.evil:8100", "parley.test", false},
		{apps, "http://localhost:8100@evil", "parley.test", false},
		{apps, "http://localhost:x", "parley.test", false},
		{apps, "https://a.example.net:8443", "parley.test", true},
		{apps, "https://example.net:8443", "parley.test", false},
		{apps, "http://[::1]:99", "parley.test", true},

		{engineio.CORS{Origins: []string{"null"}}, "null", "parley.test", true},
		{engineio.CORS{Origins: []string{"*"}}, "http://evil.example", "parley.test", true},
		{engineio.CORS{Origins: []string{"*"}}, "null", "parley.test", true},
		{engineio.CORS{AllowAnyOrigin: true, Credentials: true}, "http://evil.example", "parley.test", true},
	}
	for _, test := range cases {
		request := httptest.NewRequest("GET", "/", nil)
		request.Host = test.host
		request.Header.Set("Origin", test.origin)
		if got := newEngine(t, engineio.Options{CORS: test.cors}).AllowsOrigin(request); got != test.want {
			t.Errorf("origins %v, origin %q, host %q: %v", test.cors.Origins, test.origin, test.host, got)
		}
	}
}

// TestOrigin_proxy: X-Forwarded-Host counts only when a trusted proxy sends it.
func TestOrigin_proxy(t *testing.T) {
	options := engineio.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	cases := []struct {
		peer, forwarded, origin string
		want                    bool
	}{
		{"10.1.2.3:4000", "app.example", "https://app.example", true},
		{"[::ffff:10.1.2.3]:4000", "app.example", "https://app.example", true},
		{"10.1.2.3:4000", "evil.example, app.example", "https://app.example", true}, // the nearest proxy's word
		{"10.1.2.3:4000", "evil.example, app.example", "https://evil.example", false},
		{"10.1.2.3:4000", "app.example", "http://inner.test", false},
		{"10.1.2.3:4000", "", "http://inner.test", true},
		{"192.0.2.9:4000", "evil.example", "https://evil.example", false},
		{"192.0.2.9:4000", "evil.example", "http://inner.test", true},
		{"@", "evil.example", "https://evil.example", false}, // a Unix socket has no address
	}
	for _, test := range cases {
		request := httptest.NewRequest("GET", "/", nil)
		request.Host, request.RemoteAddr = "inner.test", test.peer
		request.Header.Set("Origin", test.origin)
		if test.forwarded != "" {
			request.Header.Set("X-Forwarded-Host", test.forwarded)
		}
		if got := newEngine(t, options).AllowsOrigin(request); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
	// By default nobody is trusted, and so not the proxy of the cases above.
	request := httptest.NewRequest("GET", "/", nil)
	request.Host, request.RemoteAddr = "inner.test", "10.1.2.3:4000"
	request.Header.Set("Origin", "https://app.example")
	request.Header.Set("X-Forwarded-Host", "app.example")
	if newEngine(t, engineio.Options{}).AllowsOrigin(request) {
		t.Error("X-Forwarded-Host counts without TrustedProxies")
	}
}

// TestOrigin_everyRequest: a foreign page can neither open a session nor use one whose id it has learnt, on any
// transport, whatever else is wrong with the request.
func TestOrigin_everyRequest(t *testing.T) {
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.poll("Origin: http://parley.test")
		for _, request := range [][2]string{
			{"GET", "?EIO=4&transport=polling"}, {"GET", c.query}, {"POST", c.query}, {"PUT", c.query}, {"OPTIONS", c.query},
			{"GET", "?transport=tobi"}, {"GET", "?EIO=4&transport=polling&sid=x"},
		} {
			a := r.do(request[0], request[1], "", "Origin: https://evil.example")
			if a.status != 403 || a.body != `{"code":4,"message":"Forbidden"}` || a.header.Get("Vary") != "" {
				t.Errorf("%s %s: %d %s", request[0], request[1], a.status, a.body)
			}
		}
		foreign := r.raw()
		foreign.write(websocketRequest("?EIO=4&transport=websocket&sid="+c.SID, "Origin: https://evil.example"))
		if response := foreign.response(); response.StatusCode != 400 {
			t.Errorf("upgrade: %d", response.StatusCode)
		}
		r.upgrade("?EIO=4&transport=websocket", "Origin: http://parley.test").opens()
		c.posts("4mine")
		p.wants("mine")
	})
}

// TestWriteCORS: what is served beside the sessions carries their headers.
func TestWriteCORS(t *testing.T) {
	engine := newEngine(t, engineio.Options{CORS: engineio.CORS{Origins: []string{"https://app.example"}, Credentials: true}})
	for origin, want := range map[string]http.Header{
		"https://app.example": {
			"Access-Control-Allow-Origin": {"https://app.example"}, "Access-Control-Allow-Credentials": {"true"}, "Vary": {"Origin"},
		},
		"https://evil.example": {},
	} {
		request, got := httptest.NewRequest("GET", "/", nil), http.Header{}
		request.Header.Set("Origin", origin)
		if engine.WriteCORS(got, request); !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s: %v", origin, got)
		}
	}
}

// TestNew_contradictions covers the options that New refuses, in a sentence that names the field.
func TestNew_contradictions(t *testing.T) {
	cases := []struct {
		options engineio.Options
		field   string
	}{
		{engineio.Options{CORS: engineio.CORS{Origins: []string{"*"}, Credentials: true}}, "CORS.Origins"},
		{engineio.Options{CORS: engineio.CORS{Origins: []string{"app.example.com"}}}, "app.example.com"},
		{engineio.Options{CORS: engineio.CORS{Origins: []string{"https://app.example.com/"}}}, "https://app.example.com/"},
		{engineio.Options{CORS: engineio.CORS{Origins: []string{"https://app.*.com"}}}, "CORS.Origins"},
		{engineio.Options{CORS: engineio.CORS{Origins: []string{"https://*.*.com"}}}, "CORS.Origins"},
		{engineio.Options{CORS: engineio.CORS{Origins: []string{"https://*"}}}, "CORS.Origins"},
		{engineio.Options{CORS: engineio.CORS{Origins: []string{"https://app.example.com:*:*"}}}, "CORS.Origins"},
		{engineio.Options{CORS: engineio.CORS{Origins: []string{"https://app.example.com:80*"}}}, "CORS.Origins"},
		{engineio.Options{CORS: engineio.CORS{Origins: []string{"https://:*"}}}, "CORS.Origins"},
		{engineio.Options{CORS: engineio.CORS{Origins: []string{"https://"}}}, "CORS.Origins"},
		{engineio.Options{CORS: engineio.CORS{Origins: []string{"https://app.example.com/"}}}, "trailing slash"},
		{engineio.Options{CORS: engineio.CORS{Origins: []string{""}}}, "CORS.Origins"},
		{engineio.Options{CORS: engineio.CORS{Origins: []string{"https://a@b.example"}}}, "CORS.Origins"},
		{engineio.Options{Transports: []engineio.Transport{"webtransport"}}, "Transports"},
		{engineio.Options{PingInterval: -1}, "PingInterval"},
		{engineio.Options{PingTimeout: -1}, "PingTimeout"},
		{engineio.Options{UpgradeTimeout: -1}, "UpgradeTimeout"},
		{engineio.Options{CloseTimeout: -1}, "CloseTimeout"},
		{engineio.Options{ReadTimeout: -1}, "ReadTimeout"},
		{engineio.Options{WriteTimeout: -1}, "WriteTimeout"},
		{engineio.Options{DrainWindow: -1}, "DrainWindow"},
		{engineio.Options{Admission: engineio.Admission{Rate: -1}}, "Admission.Rate"},
		{engineio.Options{Admission: engineio.Admission{Rate: math.Inf(1)}}, "Admission.Rate"},
		{engineio.Options{Admission: engineio.Admission{Rate: math.NaN()}}, "Admission.Rate"},
		{engineio.Options{Admission: engineio.Admission{Rate: 1, Burst: -1}}, "Admission.Burst"},
		{engineio.Options{Admission: engineio.Admission{Burst: 1}}, "Admission"},
		{engineio.Options{Admission: engineio.Admission{RetryAfter: -1}}, "Admission.RetryAfter"},
	}
	for _, test := range cases {
		engine, err := engineio.New(func(*engineio.Session) engineio.Handler { return nil }, &test.options)
		if engine != nil || err == nil || !strings.Contains(err.Error(), test.field) {
			t.Errorf("%s: %v", test.field, err)
		}
	}
}

// TestNew_warns: options that admit every page are logged at start, and other options are not.
func TestNew_warns(t *testing.T) {
	for _, test := range []struct {
		cors  engineio.CORS
		warns bool
	}{
		{engineio.CORS{}, false},
		{engineio.CORS{Origins: []string{"*"}}, false},
		{engineio.CORS{Origins: []string{"https://app.example"}, Credentials: true}, false},
		{engineio.CORS{AllowAnyOrigin: true}, true},
		{engineio.CORS{AllowAnyOrigin: true, Credentials: true}, true},
	} {
		var log strings.Builder
		_, err := engineio.New(func(*engineio.Session) engineio.Handler { return nil }, &engineio.Options{
			CORS: test.cors, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "level=WARN") && strings.Contains(log.String(), "any origin"); got != test.warns {
			t.Errorf("%+v: warns %v: %s", test.cors, got, &log)
		}
	}
}

func newEngine(t testing.TB, options engineio.Options) *engineio.Server {
	t.Helper()
	options.Logger = slog.New(slog.DiscardHandler)
	engine, err := engineio.New(func(*engineio.Session) engineio.Handler { return nil }, &options)
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// FuzzOrigin: whatever an origin is made of, it is allowed only if a browser would call it one of the origins listed.
func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{"https://a.example.org", "https://a.example.org:443", "null", "https://x/.example.org", "http://parley.test"} {
		f.Add(seed, "parley.test", false)
	}
	f.Fuzz(func(t *testing.T, origin, host string, secure bool) {
		request := &http.Request{Host: host, Header: http.Header{"Origin": {origin}}}
		if secure {
			request.TLS = &tls.ConnectionState{}
		}
		engine := newEngine(t, engineio.Options{CORS: engineio.CORS{Origins: []string{"https://*.example.org"}}})
		if !engine.AllowsOrigin(request) || origin == "" {
			return
		}
		_, asked, ok := strings.Cut(strings.ToLower(origin), "://")
		asked, _, _ = strings.Cut(asked, "/")
		asked = strings.TrimSuffix(strings.TrimSuffix(asked, ":80"), ":443")
		own := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(host), ":80"), ":443")
		label, listed := strings.CutSuffix(asked, ".example.org")
		if !ok || (asked != own && (!listed || strings.ContainsAny(label, "./:@"))) {
			t.Errorf("origin %q is allowed at %q", origin, host)
		}
	})
}
