package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/realtime"
	"github.com/parleyio/parley/backend/rest"
	"github.com/parleyio/parley/backend/store"
	"github.com/parleyio/parley/backend/web"
	"github.com/parleyio/parley/socketio"
)

// The bounds of the HTTP server. A held poll and a websocket have deadlines of their own.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
)

// App is a whole backend. Make it with [New], and end it with [App.Close] or by the end of [App.Run].
type App struct {
	// Immutable after construction.
	settings *Settings
	log      *slog.Logger
	store    *store.Store
	service  *backend.Service
	io       *socketio.Server
	realtime *realtime.Handlers
	handler  http.Handler
	http     *http.Server
	listener net.Listener // nil where Settings.Listen is empty

	draining    atomic.Bool
	connections connections
	purges      purges

	closing sync.Once
	closed  error // the result of closing
}

// New opens the database, begins to listen where the settings say so, and builds everything that stands on these. It
// serves nothing yet. Its error is a [*SettingError] where a setting is at fault, and then nothing has been logged. The
// end of ctx ends only New.
func New(ctx context.Context, settings *Settings) (_ *App, err error) {
	a := &App{settings: settings.withDefaults()}
	a.log = a.settings.Logger
	defer func() {
		if err != nil {
			err = errors.Join(err, a.release(ctx))
		}
	}()
	if a.store, err = store.Open(ctx, a.settings.Database, a.settings.stored()); err != nil {
		return nil, &SettingError{"Database", err}
	}
	if a.settings.Listen != "" {
		if a.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", a.settings.Listen); err != nil {
			return nil, &SettingError{"Listen", err}
		}
	}
	// No setting that was validated fails below, so from here on there may be warnings.
	if err = a.build(); err != nil {
		return nil, err
	}
	a.http = &http.Server{
		Handler:           a.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	a.connections.watch(a.http)
	a.purges.start(a)
	return a, nil
}

// build joins the use cases with both of their sides.
func (a *App) build() (err error) {
	options := a.settings.socketIO()
	if options.ClientFiles = web.ClientFiles(); options.ClientFiles == nil {
		a.log.Warn("built without the browser client: make build puts it in; everything else works")
	}
	if a.io, err = socketio.New(options); err != nil {
		return err
	}
	limiter, err := a.settings.rateLimits()
	if err != nil {
		return err
	}
	if limiter != nil {
		a.io.UseEvent(limiter.Event)
	}
	if a.service, err = backend.NewService(backend.Options{
		Store:             a.store,
		ItemTTL:           a.settings.ItemTTL,
		PresenceGrace:     a.settings.PresenceGrace,
		PresenceInterval:  a.settings.PresenceInterval,
		PresenceListLimit: a.settings.PresenceListLimit,
		Logger:            a.log,
	}); err != nil {
		return err
	}
	a.realtime = realtime.New(realtime.Options{IO: a.io, Service: a.service, Logger: a.log})
	a.handler, err = a.routes()
	return err
}

// routes joins Socket.IO, the HTTP API and the page.
func (a *App) routes() (http.Handler, error) {
	api, err := rest.New(&rest.Options{
		Service:  a.service,
		Draining: a.draining.Load,
		CORS: rest.CORS{
			Allows:      a.io.AllowsOrigin,
			Everyone:    a.settings.CORSAnyOrigin || slices.Contains(a.settings.CORSOrigins, "*"),
			Credentials: a.settings.CORSCredentials,
		},
		MaxBody: int64(a.settings.MaxPayload),
		Version: a.settings.Version,
		Logger:  a.log,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", a.io)
	mux.Handle("/socket.io", a.io) // for clients with addTrailingSlash: false; ServeMux would redirect them
	for _, pattern := range api.Patterns() {
		mux.Handle(pattern, api)
	}
	mux.Handle("/", web.Handler())
	return below(a.settings.BasePath, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			api.ServeHTTP(w, r) // mux would redirect /api/rooms//messages
			return
		}
		mux.ServeHTTP(w, r)
	})), nil
}

// below serves a handler's paths with a prefix, and its health checks also without, for those that do not come through the
// proxy.
func below(prefix string, handler http.Handler) http.Handler {
	prefix = strings.TrimRight(prefix, "/")
	if prefix == "" {
		return handler
	}
	stripped := http.StripPrefix(prefix, handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch at := r.URL.Path; {
		case at == prefix:
			w.Header().Set("Location", prefix[strings.LastIndexByte(prefix, '/')+1:]+"/") // relative: a proxy may add a prefix
			w.WriteHeader(http.StatusPermanentRedirect)
		case strings.HasPrefix(at, prefix+"/"):
			stripped.ServeHTTP(w, r)
		case at == "/healthz" || at == "/readyz":
			handler.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

// Handler serves everything: Socket.IO, the HTTP API and the page, below Settings.BasePath. Mount it at "/".
func (a *App) Handler() http.Handler { return a.handler }

// Service has the use cases.
func (a *App) Service() *backend.Service { return a.service }

// IO is the Socket.IO server. Its namespace "/" is that of the backend's clients.
func (a *App) IO() *socketio.Server { return a.io }

// Addr is where the App listens; nil where Settings.Listen is empty.
func (a *App) Addr() net.Addr {
	if a.listener == nil {
		return nil
	}
	return a.listener.Addr()
}
