package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/rs/cors"
)

// CORS says which foreign pages may use the API. Which origins those are is decided elsewhere, so that one rule serves
// the Socket.IO server and the API.
type CORS struct {
	// Allows reports whether a request's origin may use the API; one without an Origin header, which does not come from
	// a foreign page, should be allowed. Nil allows no request that has one.
	Allows func(r *http.Request) bool

	// Everyone tells that Allows refuses nobody. It lifts the guard of the GET that does something.
	Everyone bool

	// Credentials lets browsers send cookies.
	Credentials bool
}

// allows applies the rule.
func (c *CORS) allows(r *http.Request) bool {
	if c.Allows == nil {
		return r.Header.Get("Origin") == ""
	}
	return c.Allows(r)
}

// wrap refuses foreign origins, whatever they ask for, and adds the CORS headers for all others.
func (c *CORS) wrap(next http.Handler) http.Handler {
	next = cors.New(cors.Options{
		AllowedMethods:   []string{http.MethodGet, http.MethodHead, http.MethodPost},
		AllowedHeaders:   []string{"Accept", "Content-Type"},
		AllowCredentials: c.Credentials,
		AllowOriginVaryRequestFunc: func(r *http.Request, _ string) (bool, []string) {
			return c.allows(r), nil
		},
	}).Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.allows(r) {
			w.Header().Add("Vary", "Origin")
			writeProblem(w, problem(http.StatusForbidden, "this origin is not allowed"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// requireSite keeps foreign pages from a GET that does something: an image or a link carries no Origin header, but
// browsers say where it comes from.
func (a *API) requireSite(ctx huma.Context, next func(huma.Context)) {
	r, _ := humago.Unwrap(ctx)
	site := r.Header.Get("Sec-Fetch-Site")
	if !a.cors.Everyone && r.Header.Get("Origin") == "" && (site == "cross-site" || site == "same-site") {
		_ = huma.WriteErr(a.huma, ctx, http.StatusForbidden, "another site's page may not call this")
		return
	}
	next(ctx)
}
