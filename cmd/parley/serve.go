package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/alecthomas/kong"
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
	s, err := open(ctx, &c.Settings, c.logger(out.stderr))
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out.stdout, "parley: listening on", baseURL(c.Listen, s.listener.Addr())); err != nil {
		s.log.Warn("standard output cannot be written", "err", err)
	}
	return s.serve(ctx)
}

// logger writes to w as the settings say.
func (s *Settings) logger(w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: s.level()}
	if s.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// baseURL is where a person reaches a server that was told to listen at setting and got addr.
func baseURL(setting string, addr net.Addr) string {
	host, _, _ := net.SplitHostPort(setting)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(addr.String())
	return "http://" + net.JoinHostPort(host, port)
}
