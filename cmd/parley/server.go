package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/realtime"
	"github.com/parleyio/parley/backend/rest"
	"github.com/parleyio/parley/backend/store"
	"github.com/parleyio/parley/backend/web"
	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/memory"
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

// How long a drain waits for requests that are on their way, and for clients to notice that it is over, where
// --shutdown-timeout leaves that time.
const (
	receiveTime  = time.Second
	closeTimeout = 2 * time.Second
)

// server is the whole backend in one process.
type server struct {
	// Immutable after construction.
	settings *Settings
	log      *slog.Logger
	store    *store.Store
	io       *socketio.Server
	service  *backend.Service
	realtime *realtime.Handlers
	http     *http.Server
	listener net.Listener

	draining    atomic.Bool
	connections connections
}

// open builds a server that listens but does not serve yet.
func open(ctx context.Context, settings *Settings, log *slog.Logger) (_ *server, err error) {
	s := &server{settings: settings, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(ctx))
		}
	}()
	proxies, err := settings.trustedProxies()
	if err != nil {
		return nil, usageError{fmt.Errorf("--trusted-proxy: %w", err)}
	}
	if s.store, err = store.Open(ctx, settings.Database); err != nil {
		return nil, usageError{fmt.Errorf("--database: %w", err)}
	}
	if s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", settings.Listen); err != nil {
		return nil, usageError{fmt.Errorf("--listen: %w", err)}
	}
	// Nothing below fails because of a setting, so from here on there may be warnings: what is wrong is told in one line.
	clientFiles := web.ClientFiles()
	if clientFiles == nil {
		log.Warn("built without the browser client: make build puts it in; everything else works")
	}
	if s.io, err = socketio.New(&socketio.Options{
		PingInterval: settings.PingInterval,
		PingTimeout:  settings.PingTimeout,
		MaxPayload:   settings.MaxPayload,
		CloseTimeout: min(closeTimeout, settings.ShutdownTimeout/4),
		DrainWindow:  settings.DrainWindow,

		TrustedProxies:      proxies,
		MaxConnections:      settings.MaxConnections,
		MaxConnectionsPerIP: settings.MaxConnectionsPerIP,
		Admission:           engineio.Admission{Rate: settings.AdmissionRate, Burst: settings.AdmissionBurst},

		CORS: engineio.CORS{
			Origins:        settings.CORSOrigin,
			AllowAnyOrigin: settings.CORSAnyOrigin,
			Credentials:    settings.CORSCredentials,
		},
		ClientFiles: clientFiles,
		Logger:      log,
	}); err != nil {
		return nil, err
	}
	limiter, err := settings.rateLimits()
	if err != nil {
		return nil, err
	}
	if limiter != nil {
		s.io.UseEvent(limiter.Event)
	}
	if s.service, err = backend.NewService(backend.Options{
		Store:         s.store,
		PresenceGrace: graceOption(settings.PresenceGrace),
		Logger:        log,
	}); err != nil {
		return nil, err
	}
	s.realtime = realtime.New(realtime.Options{IO: s.io, Service: s.service, Logger: log})
	handler, err := s.routes()
	if err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	s.connections.watch(s.http)
	return s, nil
}

// graceOption turns the setting, where zero means at once, into the option, where zero means the default.
func graceOption(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// routes joins Socket.IO, the HTTP API and the page.
func (s *server) routes() (http.Handler, error) {
	api, err := rest.New(&rest.Options{
		Service:  s.service,
		Draining: s.draining.Load,
		CORS: rest.CORS{
			Allows:      s.io.AllowsOrigin,
			Everyone:    s.settings.CORSAnyOrigin || slices.Contains(s.settings.CORSOrigin, "*"),
			Credentials: s.settings.CORSCredentials,
		},
		MaxBody: int64(s.settings.MaxPayload),
		Version: version(),
		Logger:  s.log,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", s.io)
	mux.Handle("/socket.io", s.io) // for clients with addTrailingSlash: false; ServeMux would redirect them
	for _, pattern := range api.Patterns() {
		mux.Handle(pattern, api)
	}
	mux.Handle("/", web.Handler())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			api.ServeHTTP(w, r) // mux would redirect /api/rooms//messages
			return
		}
		mux.ServeHTTP(w, r)
	}), nil
}

// serve answers requests until ctx ends, then drains. It returns nil when all went well.
func (s *server) serve(ctx context.Context) error {
	defer memory.Start(ctx)()
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }()
	select {
	case err := <-served:
		ctx, cancel := context.WithTimeout(context.Background(), s.settings.ShutdownTimeout)
		defer cancel()
		return errors.Join(fmt.Errorf("serving http: %w", err), s.close(ctx))
	case <-ctx.Done():
	}
	s.log.Info("draining", "timeout", s.settings.ShutdownTimeout)
	err := s.drain()
	<-served // http.ErrServerClosed
	if err == nil {
		s.log.Info("drained")
	}
	return err
}

// drain ends what the server does, in the order in which one part needs another: clients are let go of, over
// --drain-window, so that they reconnect elsewhere, what they have sent is handled, HTTP requests end, and the database is flushed. All of it has
// the time of --shutdown-timeout together; what has to be cut then is the error.
func (s *server) drain() error {
	timeout := s.settings.ShutdownTimeout
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	clients, cancel := context.WithTimeout(ctx, timeout-timeout/10) // the rest is for the database
	defer cancel()

	s.draining.Store(true)
	s.connections.expect(time.Now().Add(s.settings.DrainWindow + min(receiveTime, timeout/4)))
	err := s.late("Socket.IO events were still being handled", s.io.Shutdown(clients))
	s.connections.closeSilent() // the listener was open until now: a polling client is told by its next poll
	err = errors.Join(err, s.late("HTTP requests were still being answered", s.http.Shutdown(clients)))
	return errors.Join(err, s.close(ctx))
}

// late names what had to be cut if err says that its time was over.
func (s *server) late(what string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s at the end of --shutdown-timeout %s", what, s.settings.ShutdownTimeout)
	}
	return err
}

// close closes what open has opened. It waits for nothing but the database, and for that until ctx ends.
func (s *server) close(ctx context.Context) error {
	var errs []error
	if s.listener != nil {
		_ = s.listener.Close() // http.Server knows it only while it serves, and has then closed it already
	}
	if s.http != nil {
		errs = append(errs, s.http.Close())
	}
	if s.io != nil {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.io.Shutdown(now) // the error is that it did not wait
	}
	if s.realtime != nil {
		s.realtime.Close()
		s.service.Close()
	}
	if s.store != nil {
		errs = append(errs, s.late("the database was still being written to", s.store.Shutdown(ctx)))
	}
	return errors.Join(errs...)
}
