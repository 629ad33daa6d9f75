package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/parleyio/parley/backend/app"
	"github.com/parleyio/parley/internal/memory"
)

// serveCommand is `parley serve`.
type serveCommand struct {
	Settings
}

// BeforeResolve reads the configuration file; kong asks for the other settings next.
func (c *serveCommand) BeforeResolve(ctx *kong.Context, s *sources) error {
	return s.loadConfig(ctx, ctx.Selected())
}

// Run opens everything, serves until ctx ends and then drains.
func (c *serveCommand) Run(ctx context.Context, out *output) error {
	log := c.logger(out.stderr)
	settings, err := c.app(log)
	if err != nil {
		return usageError{err}
	}
	a, err := app.New(ctx, settings)
	if wrong, ok := errors.AsType[*app.SettingError](err); ok {
		return usageError{fmt.Errorf("--%s: %w", strings.ToLower(wrong.Setting), wrong.Err)}
	}
	if err != nil {
		return err
	}
	if err := c.announce(out.stdout, baseURL(c.Listen, a.Addr())+c.BasePath); err != nil {
		log.Warn("standard output cannot be written", "err", err)
	}
	defer memory.Start(ctx)()
	return c.explain(a.Run(ctx))
}

// app returns the settings as the application takes them. kong has validated them.
func (s *Settings) app(log *slog.Logger) (*app.Settings, error) {
	proxies, err := s.trustedProxies()
	if err != nil {
		return nil, fmt.Errorf("--trusted-proxy: %w", err)
	}
	return &app.Settings{
		Database:            s.Database,
		Listen:              s.Listen,
		BasePath:            s.BasePath,
		CORSOrigins:         s.CORSOrigin,
		CORSCredentials:     s.CORSCredentials,
		CORSAnyOrigin:       s.CORSAnyOrigin,
		ChatRetention:       s.ChatRetention,
		ItemTTL:             s.ItemTTL,
		MaxItems:            zeroIsNone(s.MaxItems),
		MaxDatabaseBytes:    s.MaxDatabaseBytes,
		PresenceGrace:       zeroIsNone(s.PresenceGrace),
		PresenceInterval:    zeroIsNone(s.PresenceInterval),
		PresenceListLimit:   zeroIsNone(s.PresenceListLimit),
		MaxPayload:          s.MaxPayload,
		PingInterval:        s.PingInterval,
		PingTimeout:         s.PingTimeout,
		RateLimit:           s.RateLimit,
		RateLimitPerIP:      s.RateLimitPerIP,
		RateLimitDisconnect: s.RateLimitDisconnect,
		MaxConnections:      s.MaxConnections,
		MaxConnectionsPerIP: s.MaxConnectionsPerIP,
		AdmissionRate:       s.AdmissionRate,
		AdmissionBurst:      s.AdmissionBurst,
		TrustedProxies:      proxies,
		ShutdownTimeout:     s.ShutdownTimeout,
		DrainWindow:         s.DrainWindow,
		Version:             version(),
		Logger:              log,
	}, nil
}

// zeroIsNone turns a flag, where zero means none, into the setting, where zero means the default and -1 means none.
func zeroIsNone[T time.Duration | int](v T) T {
	if v == 0 {
		return -1
	}
	return v
}

// explain names the flag that gives a shutdown its time.
func (s *Settings) explain(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, err := range joined.Unwrap() {
			errs = append(errs, s.explain(err))
		}
		return errors.Join(errs...)
	}
	if late, ok := errors.AsType[*app.LateError](err); ok {
		return fmt.Errorf("%s at the end of --shutdown-timeout %s", late.What, s.ShutdownTimeout)
	}
	return err
}

// announce writes where the server is reached, whatever the level of the log.
func (s *Settings) announce(w io.Writer, url string) error {
	if s.LogFormat == formatJSON {
		record := slog.NewRecord(time.Now(), slog.LevelInfo, "listening on "+url, 0)
		record.AddAttrs(slog.String("url", url))
		return newHandler(w, formatJSON, slog.LevelInfo).Handle(context.Background(), record)
	}
	_, err := fmt.Fprintln(w, "parley: listening on", url)
	return err
}

// logger writes to w as the settings say.
func (s *Settings) logger(w io.Writer) *slog.Logger {
	return slog.New(newHandler(w, s.LogFormat, s.level()))
}

// baseURL is where a person reaches a server that listens at addr because of this setting.
func baseURL(setting string, addr net.Addr) string {
	host, _, _ := net.SplitHostPort(setting)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(addr.String())
	return "http://" + net.JoinHostPort(host, port)
}
