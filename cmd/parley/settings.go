package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/engineio"
)

// Settings is everything that `parley serve` can be given. Each field is a flag, an environment variable (PARLEY_ and the
// flag's name in capitals) and a key of the YAML file; the flag wins over the environment, the environment over the
// file, the file over the default written here.
type Settings struct {
	Config string `placeholder:"FILE" help:"YAML file with settings; its keys are the names of these flags."`

	Listen   string `default:"localhost:3000" help:"HOST:PORT to listen on; without HOST it is every address of the machine, and port 0 takes a free one."`
	Database string `default:"parley.db" help:"Path of the SQLite file; it is created when it is missing."`

	BasePath string `placeholder:"PATH" help:"Path prefix below which everything is served, such as /chat, for a proxy that does not remove it."`

	CORSOrigin      []string `name:"cors-origin" placeholder:"ORIGIN" help:"Further origin of pages that may use this server; repeatable. Its first label and its port may be a star: https://*.example.com."`
	CORSCredentials bool     `name:"cors-credentials" help:"Let pages of those origins send cookies."`
	CORSAnyOrigin   bool     `name:"cors-any-origin" help:"Allow every origin. For development only."`

	ChatRetention    time.Duration `default:"0s" help:"How long chat messages are kept, such as 720h. 0 means for ever."`
	ItemTTL          time.Duration `name:"item-ttl" default:"0s" help:"How long live data is kept whose ttl is not given. 0 means for ever."`
	MaxItems         int           `default:"100000" placeholder:"N" help:"Most items of live data; a new key beyond is refused. 0 means no limit."`
	MaxDatabaseBytes int64         `default:"0" placeholder:"BYTES" help:"Largest size of the database file; what does not fit is refused. 0 means no limit."`

	PresenceGrace     time.Duration `default:"2s" help:"How long a user stays online after the last connection is gone."`
	PresenceInterval  time.Duration `default:"250ms" help:"Least time between two events about who is online: the first change is sent at once, those that follow together. 0 sends each."`
	PresenceListLimit int           `default:"100" placeholder:"N" help:"Users online, or members of a room, up to which clients receive the whole list; above, they receive changes. 0 means never."`
	MaxPayload        int           `default:"1000000" help:"Bytes of the largest message and of the largest HTTP body."`
	PingInterval      time.Duration `default:"25s" help:"How often a connection is checked."`
	PingTimeout       time.Duration `default:"20s" help:"How long a connection may take to answer a check."`

	RateLimit           float64  `placeholder:"N" help:"Events a second that one connection may send, with bursts of twice as many. 0 means no limit."`
	RateLimitPerIP      float64  `placeholder:"N" help:"Events a second that all connections from one IP address may send together, with bursts of twice as many. 0 means no limit."`
	RateLimitDisconnect int      `placeholder:"N" help:"Refused events within a minute after which a connection is closed. 0 means never."`
	MaxConnections      int      `placeholder:"N" help:"Most connections at a time; further clients are asked to come back later. 0 means no limit."`
	MaxConnectionsPerIP int      `name:"max-connections-per-ip" placeholder:"N" help:"Most connections from one address, which for IPv6 is a network of 64 bits. 0 means no limit."`
	AdmissionRate       float64  `placeholder:"N" help:"Most new connections in a second; further clients are asked to come back later. 0 means no limit."`
	AdmissionBurst      int      `placeholder:"N" help:"How many new connections may come at once. 0 means as many as in a second."`
	TrustedProxy        []string `placeholder:"NETWORK" help:"Network of a proxy whose X-Forwarded-For and X-Forwarded-Host are trusted, such as 10.0.0.0/8 or 192.0.2.7; repeatable."`

	LogLevel  string `default:"info" enum:"debug,info,warn,error" help:"Least severe message to log: ${enum}."`
	LogFormat string `default:"text" enum:"text,json" help:"How to write the log: ${enum}."`

	ShutdownTimeout time.Duration `default:"10s" help:"How long a shutdown may take before it is forced."`
	DrainWindow     time.Duration `default:"0s" help:"Part of that time over which connections are closed, so that clients do not reconnect all at once; at most half of it."`
}

// Validate reports the first setting that cannot work. kong calls it once all sources are read.
func (s *Settings) Validate() error {
	for _, check := range []struct {
		flag string
		err  error
	}{
		{"listen", checkListen(s.Listen)},
		{"base-path", checkBasePath(s.BasePath)},
		{"cors-origin", checkOrigins(s.CORSOrigin)},
		{"cors-credentials", checkCredentials(s)},
		{"chat-retention", checkRetention(s.ChatRetention)},
		{"item-ttl", checkTTL(s.ItemTTL)},
		{"max-items", checkNumber(s.MaxItems, "items")},
		{"max-database-bytes", checkSize(s.MaxDatabaseBytes)},
		{"presence-grace", atLeast(s.PresenceGrace, 0)},
		{"presence-interval", atLeast(s.PresenceInterval, 0)},
		{"presence-list-limit", checkNumber(s.PresenceListLimit, "users")},
		{"max-payload", checkPayload(s.MaxPayload)},
		{"ping-interval", atLeast(s.PingInterval, time.Millisecond)},
		{"ping-timeout", atLeast(s.PingTimeout, time.Millisecond)},
		{"rate-limit", checkRate(s.RateLimit)},
		{"rate-limit-per-ip", checkRate(s.RateLimitPerIP)},
		{"rate-limit-disconnect", checkDisconnect(s)},
		{"max-connections", checkCount(s.MaxConnections)},
		{"max-connections-per-ip", checkCount(s.MaxConnectionsPerIP)},
		{"admission-rate", checkRate(s.AdmissionRate)},
		{"admission-burst", checkBurst(s)},
		{"trusted-proxy", checkProxies(s)},
		{"shutdown-timeout", atLeast(s.ShutdownTimeout, time.Millisecond)},
		{"drain-window", checkWindow(s)},
	} {
		if check.err != nil {
			return fmt.Errorf("--%s: %w", check.flag, check.err)
		}
	}
	return nil
}

func checkListen(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT", addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q has no port between 0 and 65535", addr)
	}
	return nil
}

// checkBasePath accepts a path that reaches the server as it stands there.
func checkBasePath(prefix string) error {
	if prefix == "" {
		return nil
	}
	if !strings.HasPrefix(prefix, "/") || path.Clean(prefix) != prefix || prefix == "/" || strings.Trim(prefix, pathLetters) != "" {
		return fmt.Errorf("%q is not a path such as /chat: it begins with a slash, does not end with one, and has letters, digits and -._~", prefix)
	}
	return nil
}

const pathLetters = "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"

// checkOrigins accepts what the server does, with ports that a browser can have.
func checkOrigins(origins []string) error {
	for _, origin := range origins {
		_, authority, _ := strings.Cut(origin, "://")
		_, port, found := strings.Cut(authority[strings.LastIndexByte(authority, ']')+1:], ":")
		if n, err := strconv.ParseUint(port, 10, 16); found && port != "*" && (err != nil || n == 0) {
			return fmt.Errorf("%q has no port between 1 and 65535 behind its colon", origin)
		}
	}
	_, err := engineio.New(nil, &engineio.Options{CORS: engineio.CORS{Origins: origins}})
	if err == nil {
		return nil
	}
	return errors.New(strings.TrimPrefix(err.Error(), "engineio: Options.CORS.Origins has "))
}

func checkCredentials(s *Settings) error {
	if s.CORSCredentials && slices.Contains(s.CORSOrigin, "*") {
		return errors.New(`cannot go with --cors-origin "*", for that every page could act as the user`)
	}
	return nil
}

// checkRetention refuses a time in which nobody could read a message.
func checkRetention(d time.Duration) error {
	if d == 0 {
		return nil
	}
	return atLeast(d, time.Second)
}

func checkTTL(d time.Duration) error {
	switch {
	case d == 0:
		return nil
	case d > backend.MaxItemTTL:
		return fmt.Errorf("%s is more than %s", d, backend.MaxItemTTL)
	}
	return atLeast(d, time.Second)
}

// minDatabaseBytes has room for the tables and one large value.
const minDatabaseBytes = 2_000_000

func checkSize(bytes int64) error {
	if bytes != 0 && bytes < minDatabaseBytes {
		return fmt.Errorf("%d is neither 0 nor at least %d", bytes, minDatabaseBytes)
	}
	return nil
}

func checkPayload(bytes int) error {
	if bytes < 1 {
		return fmt.Errorf("%d is not a number of bytes", bytes)
	}
	return nil
}

func checkRate(rate float64) error {
	if !(rate >= 0 && rate <= 1e6) {
		return fmt.Errorf("%v is not between 0 and 1,000,000", rate)
	}
	return nil
}

func checkDisconnect(s *Settings) error {
	switch {
	case s.RateLimitDisconnect < 0:
		return fmt.Errorf("%d is less than 0", s.RateLimitDisconnect)
	case s.RateLimitDisconnect > 0 && s.RateLimit == 0 && s.RateLimitPerIP == 0:
		return errors.New("refuses nobody without --rate-limit or --rate-limit-per-ip")
	}
	return nil
}

func checkCount(n int) error { return checkNumber(n, "connections") }

func checkNumber(n int, what string) error {
	if n < 0 {
		return fmt.Errorf("%d is not a number of %s", n, what)
	}
	return nil
}

func checkBurst(s *Settings) error {
	if s.AdmissionBurst > 0 && s.AdmissionRate == 0 {
		return errors.New("means nothing without --admission-rate")
	}
	return checkCount(s.AdmissionBurst)
}

func checkProxies(s *Settings) error {
	_, err := s.trustedProxies()
	return err
}

func checkWindow(s *Settings) error {
	if s.DrainWindow > s.ShutdownTimeout/2 {
		return fmt.Errorf("%s is more than half of --shutdown-timeout %s", s.DrainWindow, s.ShutdownTimeout)
	}
	return atLeast(s.DrainWindow, 0)
}

func atLeast(d, least time.Duration) error {
	if d < least {
		return fmt.Errorf("%s is less than %s", d, least)
	}
	return nil
}

// trustedProxies are the networks of TrustedProxy, in which an address alone is a network of one.
func (s *Settings) trustedProxies() ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range s.TrustedProxy {
		network, err := netip.ParsePrefix(text)
		if addr, alone := netip.ParseAddr(text); alone == nil && addr.Zone() == "" {
			network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is not a network such as 10.0.0.0/8", text)
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// level is the slog level of LogLevel, whose values kong has checked.
func (s *Settings) level() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		return slog.LevelInfo
	}
	return level
}
