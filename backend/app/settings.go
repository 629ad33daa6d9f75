package app

import (
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"time"

	"github.com/parleyio/parley/backend/store"
	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/middleware"
	"github.com/parleyio/parley/socketio"
)

// Settings configures [New]. The zero value of each field but Database is its default.
type Settings struct {
	// Database is the path of an SQLite file, which is created when it is missing, or ":memory:" for a database that ends
	// with the App. It is required.
	Database string

	// Listen is the HOST:PORT that [App.Run] serves; port 0 takes a free one. Empty means none: the program serves
	// [App.Handler] or calls [App.Serve].
	Listen string

	// BasePath is the path prefix below which everything is served, such as "/chat", for a proxy that does not remove it.
	// Empty means none.
	BasePath string

	// CORSOrigins are the pages of other origins that may use the server, as [engineio.CORS] spells them. Empty means none.
	CORSOrigins []string

	// CORSCredentials lets those pages send cookies. CORSAnyOrigin allows every page: it is for development only, and New
	// logs a warning.
	CORSCredentials bool
	CORSAnyOrigin   bool

	// PresenceGrace is how long a user stays online after the last connection has ended. Zero means 2 s; negative means
	// not at all.
	PresenceGrace time.Duration

	// PresenceInterval is the least time between two events about who is online. Zero means 250 ms; negative means that
	// there is one for each change. PresenceListLimit is the number of users, or of a room's members, up to which clients
	// receive the whole list. Zero means 100; negative means that they receive none.
	PresenceInterval  time.Duration
	PresenceListLimit int

	// ChatRetention is how long messages are kept; zero means for ever. ItemTTL is how long items are kept whose request
	// does not say it; zero means for ever.
	ChatRetention time.Duration
	ItemTTL       time.Duration

	// MaxItems is the number of items of live data. Zero means 100,000; negative means no limit. MaxDatabaseBytes is the
	// size of the database file; zero means no limit.
	MaxItems         int
	MaxDatabaseBytes int64

	// MaxPayload is the size of the largest message and of the largest HTTP body, in bytes. Zero means 1,000,000.
	MaxPayload int

	// PingInterval is how often a connection is checked, PingTimeout how long its answer may take. Zero means 25 s and
	// 20 s.
	PingInterval time.Duration
	PingTimeout  time.Duration

	// RateLimit and RateLimitPerIP are how many events a connection, or all connections from one IP address, may send in
	// a second, with bursts of twice as many. Zero means no limit. RateLimitDisconnect is after how many refused events
	// within a minute a connection is closed; zero means never.
	RateLimit           float64
	RateLimitPerIP      float64
	RateLimitDisconnect int

	// MaxConnections bounds the connections at a time, MaxConnectionsPerIP those from one address, which for IPv6 is a
	// network of 64 bits. Zero means no limit.
	MaxConnections      int
	MaxConnectionsPerIP int

	// AdmissionRate is how many connections may be opened in a second; zero means no limit. AdmissionBurst is how many may
	// be opened at once; zero means as many as in a second.
	AdmissionRate  float64
	AdmissionBurst int

	// TrustedProxies are the networks of proxies whose X-Forwarded-For and X-Forwarded-Host are believed. Empty means none.
	TrustedProxies []netip.Prefix

	// ShutdownTimeout bounds [App.Close]. Zero means 10 s. DrainWindow is the part of it over which the closing of
	// connections is spread, so that clients do not come back all at once; zero means that all are closed at once.
	ShutdownTimeout time.Duration
	DrainWindow     time.Duration

	// Version is that of the OpenAPI document. Empty means "devel".
	Version string

	// Logger receives what an operator should know. Nil means slog.Default.
	Logger *slog.Logger
}

const (
	defaultShutdownTimeout = 10 * time.Second
	defaultMaxItems        = 100_000
)

// withDefaults returns a copy with the defaults that are not those of another package.
func (s *Settings) withDefaults() *Settings {
	var c Settings
	if s != nil {
		c = *s
	}
	if c.MaxPayload == 0 {
		c.MaxPayload = 1_000_000
	}
	if c.MaxItems == 0 {
		c.MaxItems = defaultMaxItems
	}
	if c.ShutdownTimeout == 0 {
		c.ShutdownTimeout = defaultShutdownTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &c
}

// SettingError says which setting keeps [New] from building an App.
type SettingError struct {
	Setting string // the field of [Settings]
	Err     error
}

// Error names the setting and the reason.
func (e *SettingError) Error() string { return fmt.Sprintf("app: %s: %v", e.Setting, e.Err) }

// Unwrap returns the reason.
func (e *SettingError) Unwrap() error { return e.Err }

// socketIO is the part of the settings that concerns the Socket.IO server.
func (s *Settings) socketIO() *socketio.Options {
	return &socketio.Options{
		PingInterval: s.PingInterval,
		PingTimeout:  s.PingTimeout,
		MaxPayload:   s.MaxPayload,
		CloseTimeout: min(closeTimeout, s.ShutdownTimeout/4),
		DrainWindow:  s.DrainWindow,

		TrustedProxies:      s.TrustedProxies,
		MaxConnections:      s.MaxConnections,
		MaxConnectionsPerIP: s.MaxConnectionsPerIP,
		Admission:           engineio.Admission{Rate: s.AdmissionRate, Burst: s.AdmissionBurst},

		CORS: engineio.CORS{
			Origins:        s.CORSOrigins,
			AllowAnyOrigin: s.CORSAnyOrigin,
			Credentials:    s.CORSCredentials,
		},
		Logger: s.Logger,
	}
}

// stored is the part of the settings that concerns the database.
func (s *Settings) stored() *store.Options {
	return &store.Options{ChatRetention: s.ChatRetention, MaxItems: max(0, s.MaxItems), MaxBytes: s.MaxDatabaseBytes}
}

// rateLimits makes the limiter that the settings ask for; nil if they ask for none. There is none for users: until they
// are authenticated, a client could use up the limit of any other by its name.
func (s *Settings) rateLimits() (*middleware.RateLimiter, error) {
	var limits []middleware.Limit
	for _, limit := range []middleware.Limit{
		{Per: middleware.PerConnection, Rate: s.RateLimit},
		{Per: middleware.PerIP, Rate: s.RateLimitPerIP},
	} {
		if limit.Rate > 0 {
			limit.Burst = int(math.Ceil(2 * limit.Rate))
			limits = append(limits, limit)
		}
	}
	if limits == nil {
		return nil, nil
	}
	return middleware.RateLimit(&middleware.RateLimitOptions{Limits: limits, DisconnectAfter: s.RateLimitDisconnect})
}
