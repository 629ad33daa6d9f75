package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// locked is a server whose database another process does not let it write, with chat messages that wait for that.
type locked struct {
	*running
	database *sql.DB
}

func startLocked(t *testing.T, messages int, args ...string) *locked {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parley.db")
	l := &locked{running: start(t, append(args, "--database="+path)...)}
	session := l.connect(t)
	l.do(t, "POST", session, `420["join-room","r"]`)
	for joined := ""; !strings.Contains(joined, "43"); {
		joined = l.poll(t, session)
	}
	var err error
	if l.database, err = sql.Open("sqlite", path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.database.Close() })
	l.database.SetMaxOpenConns(1)
	l.exec(t, `BEGIN IMMEDIATE`)
	for range messages {
		l.do(t, "POST", session, `42["chat-message",{"roomId":"r","text":"x"}]`)
	}
	return l
}

func (l *locked) exec(t *testing.T, statement string) {
	if _, err := l.database.Exec(statement); err != nil {
		t.Error(err)
	}
}

func (l *locked) saved(t *testing.T) (n int) {
	t.Helper()
	if err := l.database.QueryRow(`SELECT count(*) FROM messages`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestServe_drains_while_the_database_is_locked(t *testing.T) {
	t.Run("nothing is to be saved", func(t *testing.T) {
		l := startLocked(t, 0, "--shutdown-timeout=2s")
		began := time.Now()
		if err := l.stop(); err != nil || time.Since(began) > 4*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		l.exec(t, `ROLLBACK`)
	})
	t.Run("for a moment", func(t *testing.T) {
		l := startLocked(t, 3)
		time.AfterFunc(200*time.Millisecond, func() { l.exec(t, `ROLLBACK`) })
		if err := l.stop(); err != nil {
			t.Error(err)
		}
		if n := l.saved(t); n != 3 {
			t.Errorf("%d messages are saved, want 3", n)
		}
	})
	t.Run("for too long", func(t *testing.T) {
		l := startLocked(t, 3, "--shutdown-timeout=1s")
		began := time.Now()
		err := l.stop()
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("drain took %s", took)
		}
		if err == nil || exitCode(err) != 1 || !strings.Contains(err.Error(), "--shutdown-timeout 1s") ||
			!strings.Contains(err.Error(), "events were still being handled") || !strings.Contains(err.Error(), "database") ||
			strings.Contains(err.Error(), "HTTP") {
			t.Errorf("run = %v (exit code %d), want exit code 1 and what was cut", err, exitCode(err))
		}
		l.exec(t, `ROLLBACK`)
	})
}

func TestServe_is_not_ready_while_it_drains(t *testing.T) {
	l := startLocked(t, 1)
	drained := make(chan error, 1)
	go func() { drained <- l.stop() }()
	for drains := false; !drains; {
		response, text := l.do(t, "GET", "/readyz", "") // until the drain begins, the lock keeps it waiting
		drains = response.StatusCode == 503 && strings.Contains(text, "shutting down")
	}
	if response, _ := l.do(t, "GET", "/healthz", ""); response.StatusCode != 200 {
		t.Errorf("/healthz = %d during the drain, want 200", response.StatusCode)
	}
	l.exec(t, `ROLLBACK`)
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if n := l.saved(t); n != 1 {
		t.Errorf("%d messages are saved, want 1", n)
	}
}
