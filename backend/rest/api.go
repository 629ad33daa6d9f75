package rest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/internal/guard"
)

// Options configures [New]. Service is required.
type Options struct {
	// Service has the use cases.
	Service *backend.Service

	// Draining reports whether the server is shutting down, which makes /readyz answer 503. Nil means that it never is.
	Draining func() bool

	// CORS says which foreign pages may use the API. The zero value means none.
	CORS CORS

	// MaxBody bounds a request's body in bytes. Zero means 1,000,000.
	MaxBody int64

	// Version is that of the OpenAPI document. Empty means "devel".
	Version string

	// Logger receives failures of the Service and panics at the level Error. Nil means slog.Default().
	Logger *slog.Logger
}

// bodyTimeout bounds the arrival of a request's body, pingTimeout the answer of the database to /readyz.
const (
	bodyTimeout = 10 * time.Second
	pingTimeout = 2 * time.Second
)

// API serves the routes of the HTTP API. Make it with [New].
type API struct {
	// Immutable after construction.
	service  *backend.Service
	draining func() bool
	cors     CORS
	maxBody  int64
	log      *slog.Logger
	huma     huma.API
	handler  http.Handler
	patterns []string
}

// New returns an API, or the first contradiction in the options.
func New(opts *Options) (*API, error) {
	if opts == nil || opts.Service == nil {
		return nil, errors.New("rest: Options.Service is required")
	}
	a := &API{
		service:  opts.Service,
		draining: opts.Draining,
		cors:     opts.CORS,
		maxBody:  opts.MaxBody,
		log:      opts.Logger,
	}
	if a.draining == nil {
		a.draining = func() bool { return false }
	}
	if a.maxBody == 0 {
		a.maxBody = 1_000_000
	}
	if a.log == nil {
		a.log = slog.Default()
	}
	mux := http.NewServeMux()
	a.huma = humago.New(mux, config(opts.Version, a.maxBody))
	a.registerNotifications()
	a.registerData()
	a.registerMessages()
	a.registerHealth()
	if err := a.registerDocument(mux); err != nil {
		return nil, err
	}
	a.registerFallbacks(mux)
	a.handler = a.recover(secure(a.cors.wrap(exact(wellFormed(mux)))))
	return a, nil
}

// ServeHTTP serves one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Patterns returns the patterns of [http.ServeMux] that lead to this API.
func (a *API) Patterns() []string { return slices.Clone(a.patterns) }

// registerFallbacks answers what no operation does: 405 on the path of an operation, 404 below /api/. ServeMux would
// write plain text.
func (a *API) registerFallbacks(mux *http.ServeMux) {
	for path, item := range a.huma.OpenAPI().Paths {
		allow := strings.Join(methods(item), ", ")
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", allow)
			if r.Method == http.MethodOptions {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			writeProblem(w, problem(http.StatusMethodNotAllowed, r.Method+" is not possible here, only "+allow))
		})
		if !strings.HasPrefix(path, "/api/") {
			a.patterns = append(a.patterns, path)
		}
	}
	mux.HandleFunc("/", notFound)
	a.patterns = append(a.patterns, "/api/", "/docs/")
	slices.Sort(a.patterns)
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeProblem(w, problem(http.StatusNotFound, "there is nothing at this path; /docs lists what there is"))
}

// exact answers paths with an empty or a dotted segment, which ServeMux would redirect: an empty name is a mistake, and the
// client of an API is not a browser.
func exact(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.EscapedPath(); path.Clean(p) != strings.TrimSuffix(p, "/") {
			notFound(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// wellFormed refuses a query of which a part cannot be read: huma would leave that part out, so a broken "before" would
// answer with the newest page for ever.
func wellFormed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
			writeProblem(w, problem(http.StatusBadRequest, "the query is malformed",
				ProblemInput{Location: "query", Message: "the query is malformed"}))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// methods lists what a path of the document can do.
func methods(item *huma.PathItem) []string {
	list := []string{http.MethodOptions}
	if item.Get != nil {
		list = append(list, http.MethodGet, http.MethodHead)
	}
	if item.Post != nil {
		list = append(list, http.MethodPost)
	}
	slices.Sort(list)
	return list
}

// secure sets the headers that every response carries. A page of this package replaces the policy by its own.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// recover turns a panic into a 500 and a log entry. The connection lives if nothing was written before.
func (a *API) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler {
				panic(cause)
			}
			guard.Log(a.log, "panic in an http handler", cause, slog.String("method", r.Method), slog.String("path", r.URL.Path))
			writeProblem(w, problem(http.StatusInternalServerError, ""))
		}()
		next.ServeHTTP(w, r)
	})
}

// principal is the caller of a request.
func principal(context.Context) backend.Principal { return backend.Principal{} }
