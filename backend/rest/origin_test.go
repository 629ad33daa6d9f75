package rest_test

import (
	"net/http"
	"testing"

	"github.com/parleyio/parley/backend/rest"
)

func TestCORS(t *testing.T) {
	const foreign = "https://app.test"
	ask := func(r *http.Request) bool {
		return r.Header.Get("Origin") == "" || r.Header.Get("Origin") == foreign
	}
	for name, c := range map[string]struct {
		cors    rest.CORS
		origin  string
		allowed bool
	}{
		"no rule, no origin":  {rest.CORS{}, "", true},
		"no rule, an origin":  {rest.CORS{}, foreign, false},
		"a rule, no origin":   {rest.CORS{Allows: ask}, "", true},
		"a rule, allowed":     {rest.CORS{Allows: ask}, foreign, true},
		"a rule, not allowed": {rest.CORS{Allows: ask}, "http://app.test", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := setup(t, func(o *rest.Options) { o.CORS = c.cors })
			w := s.do("POST", "/api/data", `{"key":"k","value":1}`, "Origin", c.origin)
			preflight := s.do("OPTIONS", "/api/data", "", "Origin", c.origin, "Access-Control-Request-Method", "POST",
				"Access-Control-Request-Headers", "content-type")
			if !c.allowed {
				wantProblem(t, w, 403)
				wantProblem(t, preflight, 403)
				if len(s.published.all()) != 0 || w.Header().Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("published %v with headers %v", s.published.all(), w.Header())
				}
				return
			}
			if got := w.Header().Get("Access-Control-Allow-Origin"); w.Code != 200 || got != c.origin {
				t.Errorf("status %d, Access-Control-Allow-Origin = %q, want %q", w.Code, got, c.origin)
			}
			if got := w.Header().Get("Access-Control-Allow-Credentials"); got != "" {
				t.Errorf("Access-Control-Allow-Credentials = %q", got)
			}
			if c.origin == "" {
				return
			}
			h := preflight.Header()
			if preflight.Code != 204 || h.Get("Access-Control-Allow-Methods") != "POST" || h.Get("Access-Control-Allow-Headers") != "content-type" {
				t.Errorf("preflight = %d %v", preflight.Code, h)
			}
		})
	}
	s := setup(t, func(o *rest.Options) { o.CORS = rest.CORS{Allows: ask, Credentials: true} })
	if got := s.do("GET", "/api/data", "", "Origin", foreign).Header().Get("Access-Control-Allow-Credentials"); got != "true" {
		t.Errorf("Access-Control-Allow-Credentials = %q, want true", got)
	}
}
