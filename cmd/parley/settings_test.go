package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/backend/store"
)

func defaults() Settings {
	return Settings{
		Listen:            "localhost:3000",
		Database:          "parley.db",
		PresenceGrace:     2 * time.Second,
		MaxItems:          100_000,
		PresenceInterval:  250 * time.Millisecond,
		PresenceListLimit: 100,
		MaxPayload:        1_000_000,
		PingInterval:      25 * time.Second,
		PingTimeout:       20 * time.Second,
		LogLevel:          "info",
		LogFormat:         "text",
		ShutdownTimeout:   10 * time.Second,
	}
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parley.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSettings_sources(t *testing.T) {
	full := writeConfig(t, `
listen: 127.0.0.1:99
database: /tmp/file.db
cors-origin: [https://a.example, "null"]
cors-any-origin: true
presence-grace: 0s
max-payload: 1_000
max-connections: 50
admission-rate: 2.5
trusted-proxy: [10.0.0.0/8, "::1"]
ping-interval: 11s
log-level: debug
rate-limit: 2.5
rate-limit-disconnect: 7
`)
	for name, c := range map[string]struct {
		args, env []string
		want      func(*Settings)
	}{
		"defaults": {nil, nil, func(*Settings) {}},
		"flags": {
			[]string{"--listen=127.0.0.1:1", "--cors-origin=https://a.example", "--cors-origin", "https://*.b.example,*", "--cors-any-origin", "--shutdown-timeout=1m",
				"--drain-window=30s", "--max-connections-per-ip=3", "--admission-rate=5", "--admission-burst=7", "--trusted-proxy=10.0.0.0/8,127.0.0.1"},
			nil,
			func(s *Settings) {
				s.Listen, s.CORSAnyOrigin, s.ShutdownTimeout = "127.0.0.1:1", true, time.Minute
				s.CORSOrigin = []string{"https://a.example", "https://*.b.example", "*"}
				s.DrainWindow, s.MaxConnectionsPerIP, s.AdmissionRate, s.AdmissionBurst = 30*time.Second, 3, 5, 7
				s.TrustedProxy = []string{"10.0.0.0/8", "127.0.0.1"}
			},
		},
		"environment": {
			nil,
			[]string{"PARLEY_LISTEN=[::1]:0", "PARLEY_CORS_ORIGIN=https://a.example,https://b.example:8443", "PARLEY_CORS_CREDENTIALS=true", "PARLEY_LOG_FORMAT=json", "PARLEY_VERSION=7", "PARLEY_HELP=1", "LISTEN=:1",
				"PARLEY_PORT=tcp://10.0.0.1:3000", "PARLEY_PORT_3000_TCP=tcp://10.0.0.1:3000", "PARLEY_SERVICE_HOST=10.0.0.1"},
			func(s *Settings) {
				s.Listen, s.CORSCredentials, s.LogFormat = "[::1]:0", true, "json"
				s.CORSOrigin = []string{"https://a.example", "https://b.example:8443"}
			},
		},
		"file": {
			[]string{"--config", full},
			nil,
			func(s *Settings) {
				s.Config, s.Listen, s.Database, s.LogLevel = full, "127.0.0.1:99", "/tmp/file.db", "debug"
				s.CORSOrigin, s.CORSAnyOrigin = []string{"https://a.example", "null"}, true
				s.PresenceGrace, s.MaxPayload, s.PingInterval = 0, 1000, 11*time.Second
				s.RateLimit, s.RateLimitDisconnect = 2.5, 7
				s.MaxConnections, s.AdmissionRate, s.TrustedProxy = 50, 2.5, []string{"10.0.0.0/8", "::1"}
			},
		},
		"empty file": {[]string{"--config", os.DevNull}, nil, func(s *Settings) { s.Config = os.DevNull }},
		"flag over environment over file": {
			[]string{"--log-level=error", "--cors-any-origin=false"},
			[]string{"PARLEY_CONFIG=" + full, "PARLEY_LOG_LEVEL=warn", "PARLEY_PING_INTERVAL=12s", "PARLEY_CORS_ORIGIN="},
			func(s *Settings) {
				s.Config, s.Listen, s.Database, s.LogLevel = full, "127.0.0.1:99", "/tmp/file.db", "error"
				s.PresenceGrace, s.MaxPayload, s.PingInterval = 0, 1000, 12*time.Second
				s.RateLimit, s.RateLimitDisconnect = 2.5, 7
				s.MaxConnections, s.AdmissionRate, s.TrustedProxy = 50, 2.5, []string{"10.0.0.0/8", "::1"}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var p program
			command, err := parse(&p, append([]string{"serve"}, c.args...), c.env, io.Discard)
			if err != nil || command == nil {
				t.Fatalf("parse = %v, %v", command, err)
			}
			want := defaults()
			c.want(&want)
			got := p.Serve.Settings
			if len(got.CORSOrigin) == 0 {
				got.CORSOrigin = nil
			}
			if len(got.TrustedProxy) == 0 {
				got.TrustedProxy = nil
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("settings = %+v\nwant       %+v", got, want)
			}
		})
	}
}

// readOnlyDatabase makes a database that only a later release of SQLite may write. (Permissions do not stop root.)
func readOnlyDatabase(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parley.db")
	s, err := store.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte{3}, 18); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSettings_wrong runs the program with one wrong setting each: it must end at once with one line that names it.
func TestSettings_wrong(t *testing.T) {
	yaml := func(text string) []string { return []string{"serve", "--config", writeConfig(t, text)} }
	for name, c := range map[string]struct {
		args, env []string
		names     []string
	}{
		"no command":            {nil, nil, []string{"serve"}},
		"unknown command":       {[]string{"sreve"}, nil, []string{"sreve"}},
		"unknown flag":          {[]string{"serve", "--listn=:1"}, nil, []string{"--listn"}},
		"extra argument":        {[]string{"serve", "now"}, nil, []string{"now"}},
		"listen":                {[]string{"serve", "--listen=3000"}, nil, []string{"--listen", `"3000"`}},
		"chat-retention":        {[]string{"serve", "--chat-retention=-1h"}, nil, []string{"--chat-retention", "-1h"}},
		"chat-retention, days":  {[]string{"serve", "--chat-retention=30d"}, nil, []string{"--chat-retention", "30d"}},
		"item-ttl":              {[]string{"serve", "--item-ttl=1ms"}, nil, []string{"--item-ttl", "1ms"}},
		"item-ttl, long":        {[]string{"serve", "--item-ttl=1000000h"}, nil, []string{"--item-ttl", "more than"}},
		"max-items":             {[]string{"serve", "--max-items=-1"}, nil, []string{"--max-items", "-1 is not a number of items"}},
		"max-database-bytes":    {[]string{"serve", "--max-database-bytes=1000"}, nil, []string{"--max-database-bytes", "1000", "2000000"}},
		"presence-interval":     {[]string{"serve", "--presence-interval=-1s"}, nil, []string{"--presence-interval"}},
		"presence-list-limit":   {[]string{"serve", "--presence-list-limit=-1"}, nil, []string{"--presence-list-limit", "-1"}},
		"database, no folder":   {[]string{"serve", "--database=/no/such/folder/parley.db"}, nil, []string{"--database", "the folder /no/such/folder does not exist"}},
		"base-path":             {[]string{"serve", "--base-path=chat"}, nil, []string{"--base-path", `"chat"`}},
		"base-path, slash":      {[]string{"serve", "--base-path=/chat/"}, nil, []string{"--base-path", `"/chat/"`}},
		"base-path, dots":       {[]string{"serve", "--base-path=/a/../b"}, nil, []string{"--base-path"}},
		"base-path, blank":      {[]string{"serve", "--base-path=/a b"}, nil, []string{"--base-path"}},
		"listen, port":          {[]string{"serve", "--listen=:70000"}, nil, []string{"--listen", "70000"}},
		"listen, host":          {[]string{"serve", "--listen=no.such.host.invalid:0", "--database=:memory:"}, nil, []string{"--listen"}},
		"listen, and a warning": {[]string{"serve", "--listen=no.such.host.invalid:0", "--database=:memory:", "--cors-any-origin"}, nil, []string{"--listen"}},
		"database":              {[]string{"serve", "--database="}, nil, []string{"--database"}},
		"database, directory":   {[]string{"serve", "--database=" + t.TempDir()}, nil, []string{"--database"}},
		"database, read-only":   {[]string{"serve", "--listen=127.0.0.1:0", "--database=" + readOnlyDatabase(t)}, nil, []string{"--database", "readonly"}},
		"database, postgres":    {[]string{"serve", "--database=postgres://u:hunter2@h/d"}, nil, []string{"--database"}},
		"cors-origin":           {[]string{"serve", "--cors-origin=example.com"}, nil, []string{"--cors-origin", "example.com"}},
		"cors-origin, path":     {[]string{"serve", "--cors-origin=https://example.com/a"}, nil, []string{"--cors-origin"}},
		"cors-origin, slash":    {[]string{"serve", "--cors-origin=https://example.com/"}, nil, []string{"--cors-origin", `"https://example.com/"`, "trailing slash"}},
		"cors-origin, star":     {[]string{"serve", "--cors-origin=https://a.*.com"}, nil, []string{"--cors-origin"}},
		"cors-origin, port":     {[]string{"serve", "--cors-origin=http://a.com:99999"}, nil, []string{"--cors-origin", "99999"}},
		"cors-origin, port 0":   {[]string{"serve", "--cors-origin=http://a.com:0"}, nil, []string{"--cors-origin"}},
		"cors-origin, no port":  {[]string{"serve", "--cors-origin=http://a.com:"}, nil, []string{"--cors-origin"}},
		"cors-credentials":      {[]string{"serve", "--cors-origin=*", "--cors-credentials"}, nil, []string{"--cors-credentials"}},
		"presence-grace":        {[]string{"serve", "--presence-grace=-1s"}, nil, []string{"--presence-grace"}},
		"max-payload":           {[]string{"serve", "--max-payload=0"}, nil, []string{"--max-payload"}},
		"max-payload, text":     {[]string{"serve", "--max-payload=1MB"}, nil, []string{"--max-payload", "1MB"}},
		"ping-interval":         {[]string{"serve", "--ping-interval=25"}, nil, []string{"--ping-interval", "25"}},
		"ping-timeout":          {[]string{"serve", "--ping-timeout=0s"}, nil, []string{"--ping-timeout"}},
		"max-connections":       {[]string{"serve", "--max-connections=-1"}, nil, []string{"--max-connections", "-1"}},
		"per ip":                {[]string{"serve", "--max-connections-per-ip=-1"}, nil, []string{"--max-connections-per-ip"}},
		"per ip, text":          {[]string{"serve", "--max-connections-per-ip=few"}, nil, []string{"--max-connections-per-ip", "few"}},
		"admission-rate":        {[]string{"serve", "--admission-rate=-1"}, nil, []string{"--admission-rate"}},
		"admission-rate, inf":   {[]string{"serve", "--admission-rate=Inf"}, nil, []string{"--admission-rate"}},
		"admission-burst":       {[]string{"serve", "--admission-rate=1", "--admission-burst=-1"}, nil, []string{"--admission-burst"}},
		"admission-burst alone": {[]string{"serve", "--admission-burst=1"}, nil, []string{"--admission-burst", "--admission-rate"}},
		"trusted-proxy":         {[]string{"serve", "--trusted-proxy=10.0.0.0/33"}, nil, []string{"--trusted-proxy", "10.0.0.0/33"}},
		"trusted-proxy, name":   {[]string{"serve", "--trusted-proxy=127.0.0.1", "--trusted-proxy=proxy"}, nil, []string{"--trusted-proxy", `"proxy"`}},
		"drain-window":          {[]string{"serve", "--drain-window=-1s"}, nil, []string{"--drain-window"}},
		"drain-window, long":    {[]string{"serve", "--shutdown-timeout=10s", "--drain-window=6s"}, nil, []string{"--drain-window", "--shutdown-timeout"}},
		"log-level":             {[]string{"serve", "--log-level=loud"}, nil, []string{"--log-level", "loud"}},
		"log-format":            {[]string{"serve", "--log-format=xml"}, nil, []string{"--log-format", "xml"}},
		"rate-limit":            {[]string{"serve", "--rate-limit=-1"}, nil, []string{"--rate-limit", "-1"}},
		"rate-limit, NaN":       {[]string{"serve", "--rate-limit=NaN"}, nil, []string{"--rate-limit"}},
		"rate-limit-per-ip":     {[]string{"serve", "--rate-limit-per-ip=1e9"}, nil, []string{"--rate-limit-per-ip"}},
		"rate-limit-disconnect": {[]string{"serve", "--rate-limit-disconnect=-1"}, nil, []string{"--rate-limit-disconnect"}},
		"rate-limit, nothing":   {[]string{"serve", "--rate-limit-disconnect=5"}, nil, []string{"--rate-limit-disconnect", "without --rate-limit"}},
		"shutdown-timeout":      {[]string{"serve", "--shutdown-timeout=0s"}, nil, []string{"--shutdown-timeout"}},
		"environment":           {[]string{"serve"}, []string{"PARLEY_LISTEN=nowhere"}, []string{"--listen", "PARLEY_LISTEN"}},
		"environment, duration": {[]string{"serve"}, []string{"PARLEY_PING_TIMEOUT=soon"}, []string{"--ping-timeout", "PARLEY_PING_TIMEOUT"}},
		"environment, boolean":  {[]string{"serve"}, []string{"PARLEY_CORS_CREDENTIALS=maybe"}, []string{"--cors-credentials", "PARLEY_CORS_CREDENTIALS"}},
		"environment, unknown":  {[]string{"serve"}, []string{"PARLEY_LISTN=:1", "PARLEY_DATABSE=x"}, []string{"PARLEY_DATABSE, PARLEY_LISTN"}},
		"environment, port":     {[]string{"serve"}, []string{"PARLEY_PORT=4000"}, []string{"PARLEY_PORT"}},
		"no file":               {[]string{"serve", "--config=/no/such/file"}, nil, []string{"--config", "/no/such/file"}},
		"no file, environment":  {[]string{"serve"}, []string{"PARLEY_CONFIG=/no/such/file"}, []string{"--config", "/no/such/file"}},
		"file, unknown key":     {yaml("lisen: :1\nlisten: :2\nPort: 3\n"), nil, []string{"--config", `"Port", "lisen"`}},
		"file, config":          {yaml("config: other.yaml"), nil, []string{"--config", `"config"`}},
		"file, nested":          {yaml("cors: {origin: https://a.example}"), nil, []string{"--config", `"cors"`}},
		"file, map":             {yaml("listen: {port: 1}"), nil, []string{"--config", `"listen"`}},
		"file, list":            {yaml("listen: [a, b]"), nil, []string{"--config", `"listen"`}},
		"file, list for number": {yaml("max-payload: [1]"), nil, []string{"--config", `"max-payload"`}},
		"file, time":            {yaml("database: 2026-01-02"), nil, []string{"--config", `"database"`}},
		"file, list of maps":    {yaml("cors-origin: [{a: b}]"), nil, []string{"--config", `"cors-origin"`}},
		"file, list of numbers": {yaml("cors-origin: [1]"), nil, []string{"--config", `"cors-origin"`}},
		"file, nothing":         {yaml("listen:"), nil, []string{"--config", `"listen"`}},
		"file, key twice":       {yaml("listen: :1\nlisten: :2"), nil, []string{"--config", `"listen"`}},
		"file, fraction":        {yaml("max-payload: 1.5"), nil, []string{"--max-payload", "1.5", "file"}},
		"file, bare number":     {yaml("ping-interval: 25"), nil, []string{"--ping-interval", "25", "file"}},
		"file, level":           {yaml("log-level: loud"), nil, []string{"--log-level", "loud", "file"}},
		"file, not YAML":        {yaml("{{"), nil, []string{"--config"}},
		"file, a list":          {yaml("- a"), nil, []string{"--config"}},
		"file, a text":          {yaml("listen"), nil, []string{"--config"}},
		"file, a number as key": {yaml("1: a"), nil, []string{"--config"}},
		"file, two documents":   {yaml("listen: :1\n---\nlisten: :2"), nil, []string{"--config", "document"}},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // a setting that is accepted does not hang
			defer cancel()
			err := run(ctx, c.args, c.env, &stdout, &stderr)
			if err == nil || exitCode(err) != 2 {
				t.Fatalf("run = %v (exit code %d), want exit code 2", err, exitCode(err))
			}
			line := oneLine(err)
			for _, part := range c.names {
				if !strings.Contains(line, part) {
					t.Errorf("%q does not name %q", line, part)
				}
			}
			for _, internal := range []string{"map[", "[]", "interface", "time.Time"} {
				if strings.Contains(line, internal) {
					t.Errorf("%q speaks Go", line)
				}
			}
			if strings.Contains(line, "\n") || strings.Contains(line, "hunter2") || stdout.Len()+stderr.Len() > 0 {
				t.Errorf("more than one line: %q, stdout %q, stderr %q", line, &stdout, &stderr)
			}
		})
	}
}

func TestRun_help_and_version(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--version"}, "parley "},
		{[]string{"serve", "--version"}, "parley "},
		{[]string{"--help"}, "serve"},
		{[]string{"serve", "--help"}, "PARLEY_SHUTDOWN_TIMEOUT"},
		{[]string{"version"}, "parley "},
		{[]string{"help"}, "serve"},
		{[]string{"help", "serve"}, "PARLEY_SHUTDOWN_TIMEOUT"},
	} {
		var stdout, stderr bytes.Buffer
		if err := run(t.Context(), c.args, nil, &stdout, &stderr); err != nil {
			t.Errorf("%q: %v", c.args, err)
		}
		if !strings.Contains(stdout.String(), c.want) || stderr.Len() > 0 {
			t.Errorf("%q: stdout %q, stderr %q", c.args, &stdout, &stderr)
		}
	}
}
