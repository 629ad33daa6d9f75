package engineio_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/engineio"
)

// TestCookie opens sessions and reads what the answer sets.
func TestCookie(t *testing.T) {
	cases := []struct {
		name   string
		cookie *engineio.Cookie
		want   string
	}{
		{"none", nil, ""},
		{"default", &engineio.Cookie{}, "io={sid}; Path=/; HttpOnly; SameSite=Lax"},
		{"an hour", &engineio.Cookie{MaxAge: time.Hour}, "io={sid}; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax"},
		{"all", &engineio.Cookie{
			Name: "sticky", Path: "/chat/", Domain: "example.com", MaxAge: 1500 * time.Millisecond, Secure: true,
			Partitioned: true, SameSite: http.SameSiteNoneMode,
		}, "sticky={sid}; Max-Age=1; Domain=example.com; Path=/chat/; HttpOnly; Secure; Partitioned; SameSite=None"},
		{"scriptable", &engineio.Cookie{Scriptable: true, SameSite: http.SameSiteStrictMode}, "io={sid}; Path=/; SameSite=Strict"},
		{"no path", &engineio.Cookie{NoPath: true}, "io={sid}; HttpOnly; SameSite=Lax"},
		{"host", &engineio.Cookie{Name: "__Host-io", Secure: true}, "__Host-io={sid}; Path=/; HttpOnly; Secure; SameSite=Lax"},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			inFrames(t, func(t *testing.T, n *network) {
				r := start(t, n, setup{options: engineio.Options{Cookie: test.cookie}})
				a := r.do("GET", "?EIO=4&transport=polling", "")
				sid := r.peer().ID()
				if got := a.header.Get("Set-Cookie"); got != strings.ReplaceAll(test.want, "{sid}", sid) {
					t.Errorf("got %q, want %q", got, test.want)
				}
				if test.cookie != nil {
					got, err := http.ParseSetCookie(a.header.Get("Set-Cookie"))
					if err != nil || got.Value != sid {
						t.Errorf("%v, %v", got, err)
					}
				}
				query := "?EIO=4&transport=polling&sid=" + sid
				later := []http.Header{r.do("POST", query, "4a").header, r.do("GET", query, "").header}
				c := r.raw()
				c.write(websocketRequest("?EIO=4&transport=websocket"))
				later = append(later, c.response().Header)
				for i, h := range later {
					if got := h.Values("Set-Cookie"); len(got) > 0 {
						t.Errorf("answer %d sets %q", i, got)
					}
				}
			})
		})
	}
}

// TestCookie_invalid: what would forge a header, or make browsers drop the cookie, is found at construction.
func TestCookie_invalid(t *testing.T) {
	for name, cookie := range map[string]engineio.Cookie{
		"line in the name":        {Name: "io\r\nX-Evil: 1"},
		"semicolon in the name":   {Name: "io; Secure"},
		"equals in the name":      {Name: "io=x"},
		"space in the name":       {Name: "i o"},
		"letter in the name":      {Name: "ïo"},
		"line in the path":        {Path: "/\r\nX-Evil: 1"},
		"semicolon in the path":   {Path: "/; Domain=evil.example"},
		"control in the path":     {Path: "/\x00"},
		"line in the domain":      {Domain: "example.com\r\nX-Evil: 1"},
		"semicolon in the domain": {Domain: "example.com; Secure"},
		"space in the domain":     {Domain: "exa mple.com"},
		"negative age":            {MaxAge: -time.Second},
		"age below a second":      {MaxAge: time.Millisecond},
		"none without secure":     {SameSite: http.SameSiteNoneMode},
		"no such mode":            {SameSite: 17},
		"partitioned":             {Partitioned: true},
		"host without secure":     {Name: "__Host-io"},
		"host with a path":        {Name: "__Host-io", Secure: true, Path: "/a"},
		"host with a domain":      {Name: "__Host-io", Secure: true, Domain: "example.com"},
		"a path and none":         {Path: "/", NoPath: true},
		"host without a path":     {Name: "__Host-io", Secure: true, NoPath: true},
		"secure without secure":   {Name: "__Secure-io"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := engineio.New(nil, &engineio.Options{Cookie: &cookie}); err == nil || !strings.Contains(err.Error(), "Options.Cookie") {
				t.Errorf("got %v", err)
			}
		})
	}
}
