package security_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/socketio"
)

// foreign has the headers of a browser when a page of another site connects with its user's cookie.
var foreign = []string{"Origin: https://evil.test", "Cookie: session=ada"}

// CVE-2020-28481: by default pages of other origins are refused on every request, and receive no information.
func TestS2_origins_by_default(t *testing.T) {
	r := start(t, setup{})
	for _, a := range []answer{
		r.request("GET", polling, "", foreign...),
		r.request("POST", polling+"&sid="+r.polling.sid, "42[\"echo\",1]", foreign...),
		r.request("GET", polling+"&sid="+r.polling.sid, "", foreign...),
		r.request("OPTIONS", polling, "", append([]string{"Access-Control-Request-Method: POST"}, foreign...)...),
	} {
		a.is(t, `403 {"code":4,"message":"Forbidden"}`)
		for name := range a.header {
			if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" {
				t.Errorf("%s: %q", name, a.header[name])
			}
		}
	}
	for name, opts := range map[string]*socketio.Options{
		"the pattern":  {CORS: engineio.CORS{Origins: []string{"*"}, Credentials: true}},
		"among others": {CORS: engineio.CORS{Origins: []string{"https://a.test", "*"}, Credentials: true}},
	} {
		if _, err := socketio.New(opts); err == nil || !strings.Contains(err.Error(), "CORS.Origins") {
			t.Errorf("%s with credentials: %v", name, err)
		}
	}
}

// CVE-2019-13611: browsers do not apply CORS to websockets, so the server checks the origin.
func TestS28_websockets_of_foreign_pages(t *testing.T) {
	r := start(t, setup{})
	for _, target := range []string{websocket, websocket + "&sid=" + r.polling.sid} {
		a := r.request("GET", target, "", append(foreign, upgradeHeaders...)...)
		a.is(t, "400 Forbidden")
		if !a.closes || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("headers %v", a.header)
		}
	}
}

// Cross-site hijacking: origins that only look like the server's own or an allowed one are refused.
func TestA1_cross_site(t *testing.T) {
	lookalikes := []string{
		"null", "http://parley.test.evil.test", "http://evilparley.test", "http://parley.test:8080", "https://parley.test@evil.test",
		"http://evil.test/parley.test", "http://evil.test#parley.test", "http://parley.test\\.evil.test", "file://", "", " ",
		"https://app.example.com.evil.test", "https://appxexample.com", "https://a.b.example.com", "https://.example.com",
		"https://example.com", "http://app.example.com", "https://app.example.com:444", "HTTPS://EVIL.TEST", "*",
	}
	r := start(t, setup{options: socketio.Options{CORS: engineio.CORS{Origins: []string{"https://*.example.com"}, Credentials: true}}})
	for _, origin := range lookalikes {
		header := "Origin: " + origin
		if strings.TrimSpace(origin) == "" {
			continue
		}
		r.request("GET", polling, "", header).is(t, `403 {"code":4,"message":"Forbidden"}`)
		r.request("GET", websocket, "", append([]string{header}, upgradeHeaders...)...).is(t, "400 Forbidden")
		r.request("POST", polling+"&sid="+r.polling.sid, "42[\"echo\",1]", header).is(t, `403 {"code":4,"message":"Forbidden"}`)
		if t.Failed() {
			t.Fatalf("origin %q", origin)
		}
	}
	// A request with two origins is refused.
	a := r.request("GET", polling, "", "Origin: https://evil.test", "Origin: https://app.example.com")
	if a.status != 403 && a.status != 400 {
		t.Errorf("two origins: %v", a)
	}
	for _, origin := range []string{"https://app.example.com", "http://parley.test", "http://parley.test:80", "https://parley.test"} {
		r.open(engineio.Polling, "Origin: "+origin)
		r.open(engineio.WebSocket, "Origin: "+origin)
	}
	// The answer allows only the origin of the request.
	a = r.request("GET", polling+"&sid=x", "", "Origin: https://app.example.com")
	if got := a.header.Get("Access-Control-Allow-Origin"); got != "https://app.example.com" {
		t.Errorf("Access-Control-Allow-Origin: %q", got)
	}
	if !strings.Contains(strings.Join(a.header["Vary"], ","), "Origin") {
		t.Errorf("Vary: %q", a.header["Vary"])
	}
}

// X-Forwarded-Host is used only if the proxy is trusted.
func TestA16_forwarded_host(t *testing.T) {
	spoofed := []string{"Origin: http://evil.test", "X-Forwarded-Host: evil.test", "X-Forwarded-For: 10.0.0.1", "Forwarded: host=evil.test"}
	const refused = `403 {"code":4,"message":"Forbidden"}`
	t.Run("not trusted", func(t *testing.T) {
		r := start(t, setup{})
		r.request("GET", polling, "", spoofed...).is(t, refused)
		r.request("GET", websocket, "", append(spoofed, upgradeHeaders...)...).is(t, "400 Forbidden")
	})
	t.Run("another network is trusted", func(t *testing.T) {
		r := start(t, setup{options: socketio.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}})
		r.request("GET", polling, "", spoofed...).is(t, refused)
	})
	t.Run("trusted", func(t *testing.T) {
		r := start(t, setup{options: socketio.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
		r.open(engineio.Polling, "Origin: https://app.test", "X-Forwarded-Host: app.test")
		r.request("GET", polling, "", "Origin: http://evil.test", "X-Forwarded-Host: app.test").is(t, refused)
	})
}

// hostile is text that ends a header and begins another, as it is and as a URL encodes it.
var hostile = []string{"a%0d%0aSet-Cookie:%20x=1", "a%0aX:1", "%00", "a%3bb", `%22%3E%3Cscript%3E`, "%e2%80%a8"}

// No text of a client ends a header or begins another one.
func TestA15_header_injection(t *testing.T) {
	r := start(t, setup{options: socketio.Options{
		AllowJSONP: true,
		Cookie:     &engineio.Cookie{},
		CORS:       engineio.CORS{AllowAnyOrigin: true, Credentials: true},
	}})
	for _, text := range hostile {
		for _, parameter := range []string{"t", "j", "sid", "b64", "EIO", "transport"} {
			target := polling + "&" + parameter + "=" + text
			w := r.dial()
			w.send(head("GET", target, "Connection: close"))
			a, err := w.answer()
			if err != nil {
				t.Fatalf("%s: %v", target, err)
			}
			if a.status == 200 {
				r.polls = append(r.polls, between(a.body, `"sid":"`, `"`), between(a.body, `\"sid\":\"`, `\"`))
			}
			for name, values := range a.header {
				if name == "X" || strings.Contains(strings.Join(values, ""), "x=1") {
					t.Errorf("%s: %s: %q", target, name, values)
				}
			}
			if parameter == "j" && a.status == 200 && !strings.HasPrefix(a.body, "___eio[") && !strings.HasPrefix(a.body, "0{") {
				t.Errorf("%s: %s", target, a.body)
			}
		}
	}
	// The HTTP server refuses a bare line break in the value of a header, or the answer does not contain it.
	for _, origin := range []string{"Origin: https://a.test\rX: 1", "Origin: https://a.test\nX-Injected: 1", "Origin: https://a.test\x00"} {
		w := r.dial()
		w.send(head("GET", polling+"&sid=x", origin, "Connection: close"))
		a, err := w.answer()
		if err != nil {
			t.Fatal(err)
		}
		if a.header.Get("X") != "" || a.header.Get("X-Injected") != "" {
			t.Errorf("%q: %v", origin, a.header)
		}
	}
	a := r.request("GET", polling+"&sid=x", "", "Origin: https://a.test")
	if got := a.header.Get("Access-Control-Allow-Origin"); got != "https://a.test" {
		t.Errorf("Access-Control-Allow-Origin: %q", got)
	}
	sid := r.handshake()
	r.request("POST", polling+"&sid="+sid, "40").is(t, "200 ok")
	a = r.request("GET", polling+"&sid="+sid, "")
	if a.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		t.Errorf("headers %v", a.header)
	}
	t.Run("by what the application reflects", reflected)
}

// reflected has hooks that set a header with a name and a value from the client, on an answer and on a 101.
func reflected(t *testing.T) {
	repeat := func(h http.Header, q *http.Request) {
		if text := q.URL.Query().Get("text"); text != "" {
			h.Set("X-Said", text)
			h[text] = []string{"said"}
		}
	}
	for name, options := range map[string]socketio.Options{"Headers": {Headers: repeat}, "InitialHeaders": {InitialHeaders: repeat}} {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{options: options})
			for _, text := range []string{"a%0d%0aSet-Cookie:%20x=1", "a%0aX:1", "a%0dX:1", "a%0d%0a%0d%0aX"} {
				for target, headers := range map[string][]string{polling: nil, websocket: upgradeHeaders} {
					w := r.dial()
					w.send(head("GET", target+"&text="+text, headers...))
					a, err := w.answer()
					if err != nil || a.status != 200 && a.status != 101 || a.header.Get("X-Said") == "" {
						t.Fatalf("%s: %v %v %v", text, a, a.header, err)
					}
					for _, injected := range []string{"X", "Set-Cookie"} {
						if a.header[injected] != nil {
							t.Errorf("%s: %v", text, a.header)
						}
					}
					opened := a.body
					if a.status == 101 { // the first frame follows the headers
						_, payload, err := w.frame()
						if err != nil {
							t.Fatal(err)
						}
						opened = string(payload)
					}
					sid := sidOf(t, opened)
					if a.status == 200 {
						r.polls = append(r.polls, sid)
					}
				}
			}
		})
	}
}

// between returns the text between two others, or "".
func between(text, begin, end string) string {
	_, rest, _ := strings.Cut(text, begin)
	inner, _, found := strings.Cut(rest, end)
	if !found {
		return ""
	}
	return inner
}

// GHSA-pxg6-pf52-xh8x: the attributes of a cookie are checked when the server is made, an id when it is generated.
func TestS20_cookie_attributes(t *testing.T) {
	for _, bad := range []string{"a;b", "a\r\nX: 1", "a\nb", "a b", "a\x00", "a,b", `a"b`, "é"} {
		for field, c := range map[string]engineio.Cookie{"Name": {Name: bad}, "Domain": {Domain: bad}} {
			if _, err := socketio.New(&socketio.Options{Cookie: &c}); err == nil || !strings.Contains(err.Error(), "Cookie."+field) {
				t.Errorf("%s %q: %v", field, bad, err)
			}
		}
	}
	for _, bad := range []string{"/;x", "/\r\nX: 1", "/\x7f"} {
		if _, err := socketio.New(&socketio.Options{Cookie: &engineio.Cookie{Path: bad}}); err == nil {
			t.Errorf("Path %q is taken", bad)
		}
	}
	next := "io-1"
	r := start(t, setup{options: socketio.Options{
		Cookie: &engineio.Cookie{},
		GenerateID: func(q *http.Request) (string, error) {
			if id := q.URL.Query().Get("id"); id != "" {
				return id, nil
			}
			next += "1"
			return next, nil
		},
	}})
	for _, id := range hostile {
		r.request("GET", polling+"&id="+id, "").is(t, `400 {"code":3,"message":"Bad request"}`)
		r.request("GET", websocket+"&id="+id, "", upgradeHeaders...).is(t, "400 Bad request")
	}
	a := r.request("GET", polling+"&id=good", "")
	r.polls = append(r.polls, "good")
	if got := a.header["Set-Cookie"]; fmt.Sprint(got) != "[io=good; Path=/; HttpOnly; SameSite=Lax]" {
		t.Errorf("Set-Cookie: %q", got)
	}
}
